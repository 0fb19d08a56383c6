"""The issues in what GitHub has answered and somebody has saved.

Taken are lists, single issues, pages one behind another (`--paginate`) or in one another
(`--slurp`), one issue a line, the answers of a search and of GraphQL, and one object that holds
`issues` with `sub_issues` and `blocked_by` by number. An answer about one issue says by its file's
name about which: `issues/60/sub_issues.json`, `issues/62/dependencies/blocked_by.json`, or
`sub_issues-60.json`, `62.blocked_by.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.json_nodes import DEPTH_MAX, JsonFault, Node, nodes_of
from gangsaw.sources.lines import LineNumbers, lines_of, one_line
from gangsaw.sources.protocol import About, Remark
from gangsaw.sources.values import text_in

NUMBER_MAX = 999_999_999
"""No repository has more issues."""

UNREAD_MAX = 200
"""Pieces of one text that are named as unread; after that the rest of it is."""

PAGES = (30, 100)
"""What GitHub gives at most on one page, unasked and asked; `gh` lists 30 unasked."""

ABOUT_ONE = ("sub_issues", "blocked_by", "blocking", "parent")

_ABOUT = "|".join(ABOUT_ONE)
_ASKED = re.compile(
    rf"(?:^|[/\\])(?:(?P<folder>\d{{1,9}})[/\\](?:dependencies[/\\])?(?P<a>{_ABOUT})"
    rf"|(?P<before>\d{{1,9}})[-_.](?P<b>{_ABOUT})|(?P<c>{_ABOUT})[-_.](?P<after>\d{{1,9}}))\.json$"
)
_HOLDERS = ("data", "repository", "search", "node", "issue", "issues", "nodes", "edges", "items")
_SEPARATOR = re.compile(r"[\s,\ufeff\x1e]*")
_REPOSITORY = re.compile(
    r"https?://[^/\s]+/(?:api/v3/)?(?:repos/)?([\w.-]{1,100}/[\w.-]{1,100})(?:/(?:issues|pulls?)/\d+)?/?"
)
_NO_ISSUE = ("message", "errors")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue, and where it stands in its text. `asked` is what it is an answer about, with the
    number of the other: ("sub_issues", 60)."""

    number: int
    table: Mapping[str, Any]
    line: int
    start: int
    end: int
    document: int = 0
    asked: tuple[str, int] | None = None

    @property
    def key(self) -> str:
        return str(self.number)

    @property
    def state(self) -> str:
        """`open`, `closed`, `merged` or what else is said, in small letters."""
        given = self.table.get("state")
        if isinstance(given, str) and given.strip():
            return given.strip().lower()
        return "closed" if self.table.get("closed") is True else "open"

    @property
    def is_pull(self) -> bool:
        """Whether it is a pull request: these are issues to GitHub, too."""
        if self.table.get("pull_request") or self.table.get("isPullRequest") is True:
            return True
        urls = (text_in(self.table.get(name)) for name in ("html_url", "url"))
        is_there = any(re.search(r"/pulls?/\d+/?$", url[-40:]) for url in urls)
        return is_there or self.table.get("__typename") == "PullRequest"

    @property
    def repository(self) -> str:
        """`owner/name`; empty where the record does not say it."""
        inner = self.table.get("repository")
        if isinstance(inner, dict):
            for name in ("nameWithOwner", "full_name"):
                said = text_in(inner.get(name))
                if re.fullmatch(r"[\w.-]{1,100}/[\w.-]{1,100}", said):
                    return said
        for name in ("repository_url", "html_url", "url"):
            match = _REPOSITORY.fullmatch(text_in(self.table.get(name))[:400])
            if match is not None:
                return match[1]
        return ""

    @property
    def labels(self) -> list[str]:
        """The names of its labels."""
        found = (text_in(each.get("name") if isinstance(each, dict) else each)
                 for each in listed(self.table.get("labels")))  # fmt: skip
        return [one_line(name, 100) for name in found if name.strip()]


@dataclass(slots=True)
class Found:
    """What is in a text."""

    issues: list[Issue] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def listed(value: Any) -> list[Any]:
    """A list, also in the shape of GraphQL."""
    if isinstance(value, dict):
        value = value.get("nodes")
    return value if isinstance(value, list) else []


def asked_of(path: str) -> tuple[str, int] | None:
    """What a file is an answer about, by its name: ("sub_issues", 60)."""
    match = _ASKED.search(path[-200:])
    if match is None:
        return None
    what = match["a"] or match["b"] or match["c"]
    return what, int(match["folder"] or match["before"] or match["after"])


def issues_of(path: str, text: str, document: int = 0) -> Found:
    """All issues of a text, those of lists first, and what of it is none."""
    reader = _Reader(text, document, asked_of(path))
    if not text.strip():
        reader.unread(0, "the file is empty", "save GitHub's answer again")
    else:
        reader.read()
    reader.found.issues.sort(key=lambda issue: issue.asked is not None)
    return reader.found


class _Reader:
    """Reads one text."""

    def __init__(self, text: str, document: int, asked: tuple[str, int] | None) -> None:
        self.text, self.document, self.asked = text, document, asked
        self.found = Found()
        self.numbers = LineNumbers(text)
        self.last = max(1, len(lines_of(text)))
        self.has_more = False

    def unread(self, at: int, said: str, remedy: str = "") -> None:
        self.remark(About.UNREAD, at, said, remedy)

    def remark(self, about: About, at: int, said: str, remedy: str = "") -> None:
        line, col = self.numbers.place_of(at)
        remark = Remark(about, min(line, self.last), said, remedy, col, self.document)
        self.found.remarks.append(remark)

    def read(self) -> None:
        for plain, start, end in self.values():
            if isinstance(plain, dict) and "number" in plain:
                self.take(plain, start, end, self.asked)
            elif isinstance(plain, dict):
                self.envelope(plain, start, end)
            else:
                self.unread(start, f"no issue: {one_line(str(plain), 40)}", "remove it")
        if self.has_more:
            said = "the answer is one page of several; the issues of the others are not in it"
            self.remark(About.NOTE, 0, said, "save all pages: gh api --paginate")
        elif self.asked is None and len(self.found.issues) in PAGES:
            said = f"exactly {len(self.found.issues)} issues: there may be more than this one page"
            self.remark(About.NOTE, 0, said, "gh issue list --limit 1000")

    def values(self) -> Iterator[tuple[Any, int, int]]:
        """The values that are no lists, with their places, in and behind lists."""
        decoder = json.JSONDecoder()
        text, at, depth, faults = self.text, 0, 0, 0
        while True:
            match = _SEPARATOR.match(text, at)
            at = match.end() if match is not None else at
            sign = text[at : at + 1]
            if sign in ("[", "]"):
                depth, at = depth + (1 if sign == "[" else -1), at + 1
                continue
            if not sign:
                break
            try:
                plain, end = decoder.raw_decode(text, at)
                if text.count("{", at, end) + text.count("[", at, end) > DEPTH_MAX:
                    nodes_of(text[at:end])  # what it cannot read, nobody could write back
            except (ValueError, RecursionError, JsonFault) as error:
                faults += 1
                past = self.past(at) if faults < UNREAD_MAX else None
                what = "record" if past is not None else "rest of the file"
                said = f"not JSON; the {what} is not read"
                self.unread(getattr(error, "pos", at), said, "mend it there")
                if past is None:
                    return
                at = past
                continue
            yield plain, at, end
            at = end
        if depth > 0:
            self.unread(len(text), "the text ends too early: a ] is missing", "save it again")

    def past(self, at: int) -> int | None:
        """Where the record behind a broken one begins: the next line that is indented alike, or
        not at all where the broken one is no line of its own."""
        start = max(self.text.rfind(sign, 0, at) for sign in "\r\n") + 1
        blank = self.text[start:at]
        if blank.strip() or self.text[at] != "{":
            blank = ""
        match = re.compile(r"[\r\n]" + re.escape(blank) + r"(?=\{)").search(self.text, at)
        return match.end() if match is not None else None

    def envelope(self, plain: dict[str, Any], start: int, end: int) -> None:
        """Take what an object holds that is no issue itself."""
        names = [name for name in (*_HOLDERS, *ABOUT_ONE) if name in plain]
        said = text_in(plain.get("message"))
        if not names and said and ("documentation_url" in plain or "status" in plain):
            self.unread(start, f"GitHub has answered: {one_line(said, 80)}", "save it again")
            return
        try:
            node, _ = nodes_of(self.text, start, end)
        except JsonFault as fault:
            self.unread(fault.at, f"not JSON: {fault.said}", "mend it there")
            return
        for each in listed(plain.get("errors"))[:5]:
            words = text_in(each.get("message")) if isinstance(each, dict) else text_in(each)
            self.unread(start, f"GitHub has answered: {one_line(words, 80)}", "save it again")
        if plain.get("incomplete_results") is True:
            self.remark(About.NOTE, start, "the search was cut short by GitHub", "save it again")
        if not names:
            if not plain.get("errors"):
                self.unread(start, "no issue: it has no number", "save it with its number")
            return
        self.walk(node, self.asked, 0)

    def walk(self, node: Node, asked: tuple[str, int] | None, depth: int) -> None:
        if depth > len(_HOLDERS):
            return
        for each in node.items:
            self.walk(each, asked, depth + 1)
        if not isinstance(node.plain, dict):
            if not isinstance(node.plain, (list, type(None))):
                said = f"no issue: {one_line(str(node.plain), 40)}"
                self.unread(node.start, said, "remove it")
            return
        if "number" in node.plain:
            self.take(node.plain, node.start, node.end, asked)
            return
        page = node.plain.get("pageInfo")
        if isinstance(page, dict):
            self.has_more = page.get("hasNextPage") is True
        for name in _HOLDERS:
            inner = node.node(name)
            if inner is not None and isinstance(inner.plain, (dict, list)):
                self.walk(inner, asked, depth + 1)
        for name in ABOUT_ONE:
            inner = node.node(name)
            for member in inner.members if inner is not None else ():
                if re.fullmatch(r"#?[0-9]{1,9}", member.key):
                    self.walk(member.value, (name, int(member.key.lstrip("#"))), depth + 1)

    def take(
        self, plain: dict[str, Any], start: int, end: int, asked: tuple[str, int] | None
    ) -> None:
        number = plain["number"]
        is_number = isinstance(number, int) and not isinstance(number, bool)
        if not is_number or not 0 < number <= NUMBER_MAX:
            self.unread(start, f"no number of an issue: {one_line(str(number), 30)}", "mend it")
            return
        has_words = any(text_in(plain.get(name)).strip() for name in ("title", "body"))
        if not has_words and asked is None:
            said = f"#{number} has neither title nor body"
            self.unread(start, said, "save it with --json number,title,body,state,labels")
            return
        line = min(self.numbers.of(start), self.last)
        self.found.issues.append(Issue(number, plain, line, start, end, self.document, asked))
