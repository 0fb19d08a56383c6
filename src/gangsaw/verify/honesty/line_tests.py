"""Tests in JavaScript, TypeScript, Go, Rust, Java and its kin, and Ruby, by careful rules on lines.

No parser: comments are taken out, calls that go over several lines are joined, and what is known of
each language's ways to test is looked for. What is not known is neither an assertion nor a test.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from gangsaw.verify.honesty.claims import Assertion, Skip, Suite, Unit
from gangsaw.verify.honesty.code_lines import CodeLine, code_lines
from gangsaw.verify.honesty.files import Language, language_of
from gangsaw.verify.honesty.line_asserts import assertions_of_line, words_of_line

_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)"""
_TESTS: dict[Language, re.Pattern[str]] = {
    Language.SCRIPT: re.compile(
        rf"(?<![\w.])(?P<off>x|f)?(?:it|test|specify)(?P<mark>(?:\.\w+)*)"
        rf"(?:\s*\([\[{{].*?\)|`[^`]*`)?\s*\(\s*(?P<name>{_TEXT})"
    ),
    Language.GO: re.compile(r"^func\s+(?:\([^)]*\)\s*)?(?P<name>(?:Test|Fuzz|Example)\w*)\s*\("),
    Language.RUST: re.compile(r"^\s*(?:pub\s+)?(?:async\s+)?fn\s+(?P<name>\w+)"),
    Language.JAVA: re.compile(
        r"^\s*(?:(?:public|protected|private|internal|static|final|async|override|suspend)\s+)*"
        r"(?:[\w<>\[\],.?]+\s+)?(?:fun\s+|function\s+|def\s+)?(?P<name>\w+|`[^`]+`)\s*\([^;]*$"
    ),
    Language.RUBY: re.compile(
        rf"(?<![\w.])(?P<off>x)?(?:it|specify|test|scenario|example)(?P<mark>)"
        rf"\s*\(?\s*(?P<name>{_TEXT})|^\s*def\s+(?P<plain>test_\w+[?!]?)"
    ),
}
_MARKED: dict[Language, re.Pattern[str]] = {
    Language.RUST: re.compile(r"#\[(?:\w+::)*(?:test|rstest|test_case|bench)\b"),
    Language.JAVA: re.compile(
        r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b|\[(?:Fact|Theory|Test|TestCase|"
        r"TestMethod)\b"
    ),
}
"""What stands before a test in languages where its name does not tell."""
_SKIPS: dict[Language, re.Pattern[str]] = {
    Language.SCRIPT: re.compile(
        r"(?<![\w.])(?:(?:it|test|describe|context|suite|specify)"
        r"\.(?:skip|only|todo|failing|fixme|fails)\b|x(?:it|test|describe|context)\b"
        r"|f(?:it|describe)\s*\()|\bthis\.skip\(|\btest\.(?:skip|fixme)\("
    ),
    Language.GO: re.compile(r"\b\w+\.Skip(?:f|Now)?\("),
    Language.RUST: re.compile(r"#\[ignore\b|#\[cfg\(any\(\)\)\]|#\[cfg\(FALSE\)\]"),
    Language.JAVA: re.compile(
        r"@(?:Disabled|Ignore|Ignored|DisabledIf\w*|DisabledOn\w*|EnabledIf\w*)\b|\[Ignore\b"
        r"|Skip\s*=\s*\"|\bassume(?:True|False|That)\(|\bmarkTest(?:Skipped|Incomplete)\("
        r"|\benabled\s*=\s*false"
    ),
    Language.RUBY: re.compile(
        r"(?<![\w.:])(?:x(?:it|describe|context|specify)\b|(?:skip|pending)\b(?!\s*[=:]))"
        r"|,\s*(?:skip|pending)(?::\s*|\s*=>)(?:true|[\"'])|:(?:skip|pending)\s*=>"
    ),
}
_CONDITION = re.compile(r"\btesting\.Short\(|\bruntime\.GOOS|process\.platform|cfg_attr|OnOs|IfEnv")
_BUILD_TAG = re.compile(r"^//go:build\s+(?P<tags>.+)|^//\s*\+build\s+(?P<old>.+)")
_USED = {
    Language.SCRIPT: re.compile(
        r"^\s*(?:export\s+)?(?:async\s+)?(?:function\s+(?P<name>\w+)|(?:const|let)\s+(?P<other>\w+)"
        r"\s*=\s*(?:async\s*)?(?:\([^)]*\)|\w+)\s*=>)"
    ),
    Language.GO: re.compile(r"^func\s+(?P<name>[a-z]\w*)\s*\("),
    Language.RUBY: re.compile(r"^\s*def\s+(?P<name>(?!test_)\w+)"),
    Language.RUST: re.compile(r"^\s*(?:pub(?:\(\w+\))?\s+)?(?:async\s+)?fn\s+(?P<name>\w+)"),
    Language.JAVA: re.compile(
        r"^(?:(?:public|protected|private|internal|static|final|async|override|suspend)\s+)*"
        r"(?!(?:return|new|else|throw)\b)(?:[\w<>\[\],.?]+\s+|fun\s+)(?P<name>\w+)"
        r"\s*\([^;]*\)[^;=]*\{$"
    ),
}
_CASES = re.compile(r"\.each\(\s*\[(?P<rows>.*)\]\s*\)\s*\(")
_CASE = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}")
_GROUP = re.compile(r"(?<![\w.])(?:x|f)?(?:describe|context|suite)\b")
_TABLE_ROW = re.compile(r"^[\[{(].*[\]})],?$|^\|.*\|$")
_BARE = frozenset(("{", "}", "})", "});", "end", "(", ")", ");", "],", "]", "},"))


def read_lines(path: str, text: str) -> Suite | None:
    """What the tests of this file demand; `None` for a language that is not known."""
    language = language_of(path)
    if language is None or language not in _TESTS:
        return None
    return _LineReader(path, language).suite(text)


class _Open:
    """A unit while its lines are read."""

    def __init__(self, name: str, line: int, *, is_test: bool, is_dead: bool = False) -> None:
        self.name, self.line, self.is_test, self.is_dead = name, line, is_test, is_dead
        self.assertions: list[Assertion] = []
        self.skips: list[Skip] = []
        self.rows: list[str] = []
        self.statements: dict[str, frozenset[str]] = {}


class _LineReader:
    def __init__(self, path: str, language: Language) -> None:
        self._path, self._language = path, language
        self._units: list[_Open] = []
        self._skips: list[Skip] = []
        self._statements: dict[str, frozenset[str]] = {}
        self._marked = False
        self._pending: list[Skip] = []
        self._rows: list[str] = []

    def suite(self, text: str) -> Suite:
        """The whole file."""
        if self._language is Language.GO:
            self._build_tags(text)
        lines = list(code_lines(text, hash_comments=self._language is Language.RUBY))
        self._uses = Counter(word for line in lines for word in re.findall(r"\w+", line.text))
        for index, line in enumerate(lines):
            self._line(line, lines[index + 1].text if index + 1 < len(lines) else "")
        units = [self._unit(each) for each in self._named() if not each.is_dead]
        return Suite(self._path, tuple(units), tuple(self._skips), self._statements)

    def _named(self) -> Iterator[_Open]:
        """The units, those of one name numbered."""
        seen: dict[str, int] = {}
        for each in self._units:
            seen[each.name] = seen.get(each.name, 0) + 1
            if seen[each.name] > 1:
                each.name = f"{each.name}#{seen[each.name]}"
            yield each

    def _unit(self, each: _Open) -> Unit:
        words = frozenset().union(*each.statements.values())
        # A name in quotes may hold dots, which part nothing.
        return Unit(
            each.name.replace(".", "·"), each.line, each.is_test, tuple(each.assertions),
            tuple(each.skips), tuple(each.rows), frozenset(each.statements), words,
        )  # fmt: skip

    def _build_tags(self, text: str) -> None:
        for number, line in enumerate(text.splitlines()[:40], 1):
            found = _BUILD_TAG.match(line)
            if found:
                self._skips.append(Skip(number, line.strip(), conditional=False))

    def _line(self, line: CodeLine, following: str) -> None:
        text = line.text
        skip = _SKIPS[self._language].search(text)
        test = self._test_at(text)
        marked = _MARKED.get(self._language)
        if marked is not None and marked.search(text):
            self._marked = True
        found = Skip(line.number, text, bool(_CONDITION.search(text))) if skip else None
        if test:
            self._open(test, line, is_test=True)
        elif (used := self._used_at(text)) and not found:
            self._open(used, line, is_test=False)
        if found is not None:
            self._skipped(found, text, is_head=bool(test))
        if not test and text not in _BARE and not (self._units and self._units[-1].is_dead):
            self._note(text)
        if self._units:
            current = self._units[-1]
            current.assertions += assertions_of_line(self._language, line, following)
            if _TABLE_ROW.match(text):
                current.rows.append(text.rstrip(","))
        elif _TABLE_ROW.match(text):
            self._rows.append(text.rstrip(","))

    def _note(self, text: str) -> None:
        words = words_of_line(text)
        self._statements[text] = words
        if self._units:
            self._units[-1].statements[text] = words

    def _skipped(self, skip: Skip, text: str, *, is_head: bool) -> None:
        decorates = self._language in (Language.RUST, Language.JAVA) and text.startswith(
            ("#[", "@", "[")
        )
        if decorates and "class " not in text:
            self._pending.append(skip)
        elif _GROUP.search(text) and not is_head:
            self._skips.append(skip)
        elif self._units:
            self._units[-1].skips.append(skip)
        else:
            self._skips.append(skip)

    def _open(self, name: str, line: CodeLine, *, is_test: bool) -> None:
        opened = _Open(name, line.number, is_test=is_test, is_dead=self._is_dead(name, is_test))
        if cases := _CASES.search(line.text):
            opened.rows += _CASE.findall(cases["rows"])
            self._statements[line.text] = opened.statements[line.text] = words_of_line(
                cases["rows"]
            )
        opened.skips += self._pending
        self._units.append(opened)
        self._pending, self._marked = [], False

    def _is_dead(self, name: str, is_test: bool) -> bool:
        """Whether it is a function that nothing calls: no test, and nothing that tests use."""
        if is_test or self._uses[name] > 1 or self._marked:
            return False
        annotated = self._language in (Language.RUST, Language.JAVA)
        return annotated or "test" in name.lower()

    def _test_at(self, text: str) -> str:
        """The name of the test that begins in this line, or nothing."""
        found = _TESTS[self._language].search(text)
        if found is None:
            if re.match(
                r"(?:public\s+|final\s+|abstract\s+|internal\s+)*(?:class|interface)\b", text
            ):
                self._skips += self._pending
                self._pending, self._marked = [], False
            return ""
        groups = found.groupdict()
        if self._language in (Language.RUST, Language.JAVA):
            if not self._marked or text.startswith(("@", "#[", "[")):
                old_style = self._language is Language.JAVA and re.match(
                    r"test[A-Z_]", groups["name"]
                )
                return groups["name"] if old_style and "=" not in text else ""
            return groups["name"]
        name = groups.get("name") or groups.get("plain") or ""
        return name.strip("\"'`")

    def _used_at(self, text: str) -> str:
        pattern = _USED.get(self._language)
        found = pattern.match(text) if pattern is not None else None
        if found is None:
            return ""
        groups = found.groupdict()
        return groups.get("name") or groups.get("other") or ""
