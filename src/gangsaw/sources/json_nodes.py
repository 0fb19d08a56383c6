"""JSON as people keep it in files, with the place of every value, and edits of single members.

Comments and a comma too many are read over: such files are common, and other tools take them. An
edit is made in the style of the object that it is for: its blanks, its line ends, its indentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from gangsaw.sources.protocol import Edit

DEPTH_MAX = 200
"""Nested values; deeper is no task file."""

_GAP = re.compile(r"(?:[\s\ufeff]+|//[^\r\n]*|#[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+]?[A-Za-z0-9_.+-]+")
_SPACE = re.compile(r"\s*")
_LAST_END = re.compile(r"(?:\r\n|\n|\r)[^\r\n]*$")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Member:
    """A key of an object with its value; `start` is where the key's quote stands."""

    key: str
    start: int
    value: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it stands. `plain` is what it means, without its parts' places."""

    start: int
    end: int
    plain: Any
    members: Sequence[Member] = ()
    items: Sequence[Node] = ()

    def member(self, key: str) -> Member | None:
        """The member of that name; the last one, as every reader of JSON takes it."""
        return next((each for each in reversed(self.members) if each.key == key), None)

    def node(self, key: str) -> Node | None:
        """The value of the member of that name."""
        member = self.member(key)
        return member.value if member is not None else None


class JsonFault(Exception):
    """The text is not JSON from `at` on."""

    def __init__(self, at: int, said: str) -> None:
        super().__init__(said)
        self.at = at
        self.said = said


@dataclass(slots=True)
class _Scan:
    text: str
    doubles: list[Member] = field(default_factory=list)

    def gap(self, at: int) -> int:
        match = _GAP.match(self.text, at)
        assert match is not None  # it matches everywhere
        return match.end()

    def value(self, at: int, depth: int) -> Node:
        text = self.text
        if depth > DEPTH_MAX:
            raise JsonFault(at, f"more than {DEPTH_MAX} values are nested")
        sign = text[at : at + 1]
        if sign == "{":
            return self.object(at, depth)
        if sign == "[":
            return self.array(at, depth)
        if sign == '"':
            return self.string(at)
        match = _WORD.match(text, at)
        if match is None:
            raise JsonFault(at, "a value is missing" if sign else "the text ends too early")
        return Node(at, match.end(), _plain(match[0], at))

    def string(self, at: int) -> Node:
        match = _STRING.match(self.text, at)
        if match is None:
            raise JsonFault(at, "a text in quotes does not end in its line")
        try:
            return Node(at, match.end(), json.loads(match[0]))
        except ValueError as error:
            raise JsonFault(at, "there is an unknown \\ in a text") from error

    def object(self, at: int, depth: int) -> Node:
        members: list[Member] = []
        known: dict[str, Any] = {}
        start, at = at, self.gap(at + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                raise JsonFault(at, "a key or } is missing")
            key = self.string(at)
            colon = self.gap(key.end)
            if self.text[colon : colon + 1] != ":":
                raise JsonFault(colon, "a : is missing")
            value = self.value(self.gap(colon + 1), depth + 1)
            member = Member(key.plain, at, value)
            if key.plain in known:
                self.doubles.append(member)
            known[key.plain] = value.plain
            members.append(member)
            at = self.comma(value.end, "}")
        return Node(start, at + 1, known, members=members)

    def array(self, at: int, depth: int) -> Node:
        items: list[Node] = []
        start, at = at, self.gap(at + 1)
        while self.text[at : at + 1] != "]":
            items.append(self.value(at, depth + 1))
            at = self.comma(items[-1].end, "]")
        return Node(start, at + 1, [item.plain for item in items], items=items)

    def comma(self, at: int, end: str) -> int:
        at = self.gap(at)
        sign = self.text[at : at + 1]
        if sign == ",":
            return self.gap(at + 1)
        if sign != end:
            raise JsonFault(
                at, f"a comma or {end} is missing" if sign else "the text ends too early"
            )
        return at


def _plain(word: str, at: int) -> Any:
    try:
        return json.loads(word)
    except ValueError as error:
        raise JsonFault(at, "this is no value; texts stand in quotes") from error


def nodes_of(text: str, at: int = 0, end: int | None = None) -> tuple[Node, list[Member]]:
    """The value that stands in the text from `at` on (up to `end`), with its places in the whole
    text, and the keys that are given twice. `JsonFault` where it is not JSON."""
    scan = _Scan(text if end is None else text[:end])
    node = scan.value(scan.gap(at), 0)
    after = scan.gap(node.end)
    if after != len(scan.text):
        raise JsonFault(after, "there is something behind the end")
    return node, scan.doubles


def begins_as_object(text: str) -> bool:
    """Whether the first value of a text, behind comments, is an object."""
    match = _GAP.match(text)
    return match is not None and text[match.end() : match.end() + 1] == "{"


def is_speakable(text: str) -> bool:
    """Whether a text can be written down as UTF-8 at all."""
    return not _SURROGATE.search(text)


# --- edits of members --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Style:
    """What stands between the members of an object."""

    between: str
    colon: str


def _style(text: str, node: Node) -> _Style:
    """How an object is written, by its first members."""
    first = node.members[0]
    key = _STRING.match(text, first.start)
    colon = text[key.end() : first.value.start] if key is not None else ""
    between = _space(text, node.start + 1)
    if len(node.members) > 1:
        comma = text.find(",", first.value.end, node.members[1].start)
        between = _space(text, comma + 1)
    return _Style(between, colon if colon.strip() == ":" else ": ")


def blank_of(text: str, node: Node) -> str:
    """What stands behind a comma in an object where no line ends: a blank or nothing."""
    return " " if _style(text, node).between else ""


def _space(text: str, at: int) -> str:
    """The blanks from a place on; of several lines only the last line end and what is behind it."""
    match = _SPACE.match(text, at)
    blank = match[0] if match is not None else ""
    end = _LAST_END.search(blank)
    return end[0] if end is not None else blank


def with_member(text: str, node: Node, key: str, value: Any, after: str = "") -> Edit | None:
    """The edit that gives a member of the object this value: in place if it is there,
    else behind the member `after` (or the last one). `None` where it has it."""
    known = node.node(key)
    said = json.dumps(value, ensure_ascii=False)
    if known is not None:
        return None if known.plain == value else Edit(known.start, known.end, said)
    if not node.members:
        return Edit(node.start + 1, node.start + 1, f'"{key}": {said}')
    style = _style(text, node)
    before = node.member(after) or node.members[-1]
    at = before.value.end
    return Edit(at, at, f',{style.between}"{key}"{style.colon}{said}')


def without_members(node: Node, keys: Collection[str]) -> list[Edit]:
    """The edits that take these members out, with the commas that they leave over."""
    spans = [(each.start, each.value.end) for each in node.members]
    gone = [each.key in keys for each in node.members]
    return _cuts(node, spans, gone)


def with_item(text: str, node: Node, value: str, between: str = " ") -> Edit:
    """The edit that puts one more text at the end of an array; `between` comes behind its comma
    where the array does not show what should."""
    said = json.dumps(value, ensure_ascii=False)
    if not node.items:
        return Edit(node.start + 1, node.start + 1, said)
    last = node.items[-1]
    between = ""
    if len(node.items) > 1:
        gap = text[node.items[0].end : node.items[1].start]
        between = gap.partition(",")[2] if gap.strip() == "," else between
    else:
        lead = _space(text, node.start + 1)
        between = lead if "\n" in lead else between
    return Edit(last.end, last.end, f",{between}{said}")


def without_items(node: Node, gone: Sequence[bool]) -> list[Edit]:
    """The edits that take those entries out of an array of which `gone` is true."""
    return _cuts(node, [(each.start, each.end) for each in node.items], gone)


def _cuts(node: Node, spans: Sequence[tuple[int, int]], gone: Sequence[bool]) -> list[Edit]:
    """Each row of neighbours is taken out up to what follows, or from the end of what is before."""
    edits: list[Edit] = []
    n = 0
    while n < len(spans):
        first = n
        while n < len(spans) and gone[n]:
            n += 1
        if n > first and n < len(spans):
            edits.append(Edit(spans[first][0], spans[n][0], ""))
        elif n > first:
            start = spans[first - 1][1] if first else node.start + 1
            edits.append(Edit(start, spans[n - 1][1], ""))
        n += 1
    return edits
