"""Single demands of tests in languages that are read by lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gangsaw.verify.honesty.claims import EXACT, KIND, NONE, PART, THERE, Assertion
from gangsaw.verify.honesty.code_lines import CodeLine
from gangsaw.verify.honesty.files import Language

_WORD = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
    r"""|(?P<number>(?<![\w.])\d[\w.]*)|(?P<attr>(?<=\.)[A-Za-z_]\w*)|(?P<call>[A-Za-z_]\w*(?=\())"""
    r"""|(?P<name>[A-Za-z_]\w*)"""
)
_NOT_NAMES = frozenset(
    ("expect", "assert", "require", "t", "true", "false", "null", "nil", "undefined", "this", "new",
     "await", "async", "return", "let", "const", "var", "if", "err", "self", "None", "Some", "Ok",
     "Err", "to", "not_to", "be", "eq", "should", "is", "equal")
)  # fmt: skip
_MATCHER_WORDS = re.compile(
    r"(?:to[A-Z]|assert|is[A-Z]|has[A-Z]|be_|not$|resolves$|rejects$|equal|deep|strict)"
)

_LEVELS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(
        r"\.(?:toBe|toEqual|toStrictEqual|toHaveLength|toHaveBeenCalledWith|toHaveBeenCalledTimes"
        r"|toHaveBeenLastCalledWith|toHaveBeenNthCalledWith|toMatchInlineSnapshot|toBeCloseTo"
        r"|toHaveTextContent|toHaveValue|toHaveAttribute|equals?|eql|deepEqual|strictEqual"
        r"|deepStrictEqual|isEqualTo|isSameAs|containsExactly\w*|isEqual|eq|Equal|EqualValues|Same"
        r"|JSONEq|Exactly|ErrorIs|EqualError|lengthOf|Len|AreEqual|EqualTo|hasSize)\("
        r"|\bassert(?:_eq!|Equals|ArrayEquals|Same|Is|_equal|IterableEquals|LinesMatch)\s*\(?"
        r"|\bto eq(?:l|ual)?\b|\bto match_array\b|\bmust_equal\b|\.should eq\b|\beq\("
        r"|\bassert_(?:eq|matches)!"), EXACT),
    (re.compile(
        r"\.(?:toBeNull|toBeUndefined|toBeNaN|isNull|Nil|NoError|NotCalled|toBeEmpty\w*"
        r"|toThrow\w*|rejects|throws|isInstanceOfAny|ErrorAs|PanicsWith\w*|ErrorContains"
        r"|Throws\w*)\b|\bassert(?:Throws|Null|_raises|_nil|RaisesRegex)\b|\bto raise_error\b"
        r"|should_panic"), NONE),
    (re.compile(
        r"\.(?:toContain\w*|toMatch\w*|toMatchObject|toHaveProperty|include\w*|contains?\w*|Contains"
        r"|Subset|ElementsMatch|toBeGreaterThan\w*|toBeLessThan\w*|Greater\w*|Less\w*|above|below"
        r"|least|most|match\w*|startsWith|endsWith|InDelta|InEpsilon|Regexp)\("
        r"|\bto (?:include|match|have_\w+|be [<>]=?|start_with|end_with|contain\w*)"
        r"|\bassert(?:_match|_includes|_in_delta)\b|\bverify\("), PART),
    (re.compile(
        r"\.(?:toBeInstanceOf|isInstanceOf|IsType|a|an|instanceOf|toHaveBeenCalledOnce"
        r"|called_?once|toBeFalsy|toBeFalse|False|isFalse|isFalsy|not\.toBe|not\.toEqual|NotEqual"
        r"|notEqual|isNotEqualTo|Error|Panics)\b"
        r"|\bassert(?:False|InstanceOf|NotEquals|_ne!|_kind_of)|\brefute\b"
        r"|\bto be_(?:falsey|a|an)\b"
        r"|\bnot_to eq\b"), KIND),
)  # fmt: skip
_DEMANDS: dict[Language, re.Pattern[str]] = {
    Language.SCRIPT: re.compile(
        r"(?<![\w.])expect\s*\(|(?<![\w.])assert\b(?:\.\w+)*\s*\(|\.should\b"
        r"|(?<![\w.])(?:t|chai)\.(?:is|true|false|deepEqual|equal|throws|ok|notOk|same|truthy)\("
    ),
    Language.GO: re.compile(r"\b(?:assert|require|is|c)\.[A-Z]\w*\("),
    Language.RUST: re.compile(r"\bassert(?:_\w+)?!\s*[(\[]|should_panic"),
    Language.JAVA: re.compile(
        r"\bassert\w*\s*\(|\bverify\w*\(|\bAssert(?:ions)?\.\w+\(|\bexpect\w*\(|\.Should\(\)"
        r"|\bassert\s+\w"
    ),
    Language.RUBY: re.compile(
        r"\bexpect\b.*\.(?:to|not_to|to_not)\b|\b(?:assert|refute)\w*[ (]|\.must_\w+|\.wont_\w+"
        r"|\.should\b"
    ),
}
_GO_FAILS = re.compile(r"\b\w+\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(")
_GO_IF = re.compile(r"^(?:\}\s*else\s+)?if\s+(?P<condition>.+?)\s*\{(?P<rest>.*)$")
_OWN = re.compile(r"^(?:await\s+)?(?:\w+\.)?(?:check|verify|assert|expect|must|require)[A-Z_]\w*\(")
_VACUOUS = re.compile(
    r"expect\(\s*(?P<one>true|1|\"\w*\"|'\w*'|null|undefined)\s*\)\.to(?:Be|Equal|StrictEqual)"
    r"\(\s*(?P=one)\s*\)|expect\(true\)\.toBeTruthy\(\)|expect\(.*\)\.not\.toBe\(NaN\)"
    r"|expect\.anything\(\)\)\s*;?$|\bassert(?:\.ok|True|\.True|!)?\s*\(\s*(?:t\s*,\s*)?true\s*[,)]"
    r"|\bassert!\(\s*true\b|assert_eq!\(\s*(?P<two>\w+)\s*,\s*(?P=two)\s*\)|\bassert true\b"
    r"|\|\|\s*true\s*\)|assertEquals\(\s*(?P<three>\w+)\s*,\s*(?P=three)\s*\)"
    r"|expect\(true\)\.to (?:be true|eq\(?true|be_truthy)"
)
_SCRIPT_CALL = re.compile(r"expect\s*\((?P<subject>.*?)\)\s*(?P<matcher>\.(?:not\.|resolves\.|"
                          r"rejects\.|to\.|be\.|have\.|deep\.)*\w+.*)$")  # fmt: skip
_CLOSE_TO = re.compile(r"toBeCloseTo\([^,()]*(?:\([^()]*\))?[^,()]*,\s*(-?\d+)\s*\)")
_DELTA = re.compile(r"(?:InDelta|InEpsilon|assert_in_delta|assertEquals|within|be_within)\(?.*?"
                    r"(?P<delta>\d*\.\d+(?:e-?\d+)?|\d+e-\d+)\s*\)")  # fmt: skip
_BOUND = re.compile(
    r"(?:toBe(?P<way>Greater|Less)Than(?:OrEqual)?\(|(?P<op>[<>])=?\s*)(?P<limit>-?\d+(?:\.\d+)?)"
)


def words_of_line(text: str) -> frozenset[str]:
    """The texts, numbers, attributes and names of what is called in a line."""
    found = set()
    for each in _WORD.finditer(text):
        kind = each.lastgroup
        word = each[0]
        if kind == "text":
            found.add(word[1:-1])
        elif kind != "name" and word not in _NOT_NAMES and not _MATCHER_WORDS.match(word):
            found.add(word)
    return frozenset(found)


def _names_of_line(text: str) -> frozenset[str]:
    return frozenset(
        each[0]
        for each in _WORD.finditer(text)
        if each.lastgroup in ("name", "attr", "call")
        and each[0] not in _NOT_NAMES
        and not _MATCHER_WORDS.match(each[0])
    )


def assertions_of_line(language: Language, line: CodeLine, following: str) -> Iterator[Assertion]:
    """The demands of one line; `following` is the one after it."""
    text = line.text
    if language is Language.GO and (found := _GO_IF.match(text)):
        fails = _GO_FAILS.search(found["rest"]) or _GO_FAILS.search(following)
        if fails:
            yield _of_condition(found["condition"], line)
        return
    if _OWN.match(text) and not _DEMANDS[language].search(text):
        yield _made(text, line, PART, frozenset())
        return
    if not _DEMANDS[language].search(text) or _VACUOUS.search(text):
        return
    yield _made(_normal(text), line, _level(language, text), _sides(language, text))


def _normal(text: str) -> str:
    return text.rstrip(";").removeprefix("await ").removeprefix("return ")


def _level(language: Language, text: str) -> float:
    if language is Language.RUST and "assert!" in text:
        return _of_operator(text, text)
    negated = ".not." in text or "not_to" in text or "isNot" in text or "NotNull" in text
    if negated and not re.search(r"not\.toHaveBeenCalled\b|not\.toThrow", text):
        exact = re.search(r"not\.(?:toContain|toMatch|toThrow)|not_to (?:include|raise)", text)
        return PART if exact else THERE if re.search(r"[Nn]ull|nil|[Uu]ndefined", text) else KIND
    for pattern, level in _LEVELS:
        if pattern.search(text):
            return level
    if language is Language.SCRIPT and re.search(r"assert(?:\.ok)?\s*\(", text):
        return _of_operator(text, text)
    if language is Language.JAVA and re.search(r"assert\s+\w|assertTrue\(", text):
        return _of_operator(text, text)
    return THERE


def _of_operator(text: str, otherwise: str) -> float:
    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|=>|->", "''", text)
    if re.search(r"[^=!<>]===?[^=]|\.equals\(", bare):
        return EXACT
    if "matches!" in bare or re.search(r"\s[<>]=?\s|\.contains\(|\.includes\(|starts_with", bare):
        return PART
    return KIND if re.search(r"!==?|\(!|\bnot\b", bare) else THERE


def _of_condition(condition: str, line: CodeLine) -> Assertion:
    """Go's `if got != want { t.Errorf(…) }`."""
    core = condition.rpartition(";")[2].strip()
    if " != " in core and not core.endswith("!= nil"):
        level = EXACT
    elif core.endswith(("!= nil", "== nil")):
        level = NONE if "!=" in core else THERE
    elif re.search(r"DeepEqual|\.Equal\(|cmp\.Diff|==", core):
        level = EXACT
    else:
        level = PART if re.search(r"[<>]|Contains|HasPrefix|errors\.Is", core) else KIND
    parts = re.split(r"\s*(?:!=|==|<=|>=|<|>|\|\||&&)\s*", core)
    sides = frozenset(part.strip("!() ") for part in parts if not _written_out(part))
    return _made(core, line, level, sides, shown=f"if {condition}")


def _written_out(text: str) -> bool:
    return bool(re.fullmatch(r"\s*(?:\"[^\"]*\"|'[^']*'|-?\d[\w.]*|nil|null|true|false)?\s*", text))


def _sides(language: Language, text: str) -> frozenset[str]:
    """The expressions that it is about."""
    if language in (Language.SCRIPT, Language.RUBY):
        found = re.search(r"expect\s*\(", text)
        if found:
            return frozenset({_balanced(text, found.end())})
        block = re.search(r"expect\s*\{(.*?)\}", text)
        if block:
            return frozenset({block[1].strip()})
    found = re.search(r"assert\w*[!.]?\w*\s*[(\[]|(?:require|t|Assert(?:ions)?|is|c)\.\w+\(", text)
    if not found:
        plain = re.search(r"(?:assert|refute)\w*\s+(.*)", text)
        inside = plain[1] if plain else ""
    else:
        inside = _balanced(text, found.end())
    parts: list[str] = []
    for each in _arguments(inside):
        parts += re.split(r"\s*(?:===?|!==?|<=|>=|\s<\s|\s>\s)\s*", each)
    about = (part.strip("! ") for part in parts)
    return frozenset(p for p in about if p and p not in _NOT_NAMES and not _written_out(p))


def _balanced(text: str, start: int) -> str:
    """What stands within the bracket that was opened before `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return text[start:at].strip()
    return text[start:].strip()


def _arguments(text: str) -> list[str]:
    found, depth, current, quote = [], 0, "", ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            found.append(current.strip())
            current = ""
            continue
        current += char
    return [*found, current.strip()]


def _made(
    text: str, line: CodeLine, level: float, sides: frozenset[str], shown: str = ""
) -> Assertion:
    names = _names_of_line(text)
    found = _BOUND.search(text)
    bound = None
    if found:
        way = ">" if found["way"] == "Greater" or found["op"] == ">" else "<"
        bound = (way, float(found["limit"]))
    slack = 0.0
    if close := _CLOSE_TO.search(text):
        slack = 10.0 ** -min(max(int(close[1]), -9), 99)
    elif "toBeCloseTo(" in text:
        slack = 0.01
    elif delta := _DELTA.search(text):
        slack = float(delta["delta"])
    return Assertion(
        text, line.number, shown or text, level, sides, words_of_line(text), names, names,
        bound, slack,
    )  # fmt: skip
