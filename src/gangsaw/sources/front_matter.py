"""The block between two `---` at the head of a Markdown file: its keys, and where their values are.

Only what people and tools write there is understood: texts, in quotes or not, folded or not, and
lists of texts. A value of another kind is its own source text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gangsaw.sources.lines import Line, lines_of
from gangsaw.sources.protocol import Edit

LINES_MAX = 2_000
"""Lines of a block; a longer one is none."""

ENTRIES_MAX = 1_000
"""Entries of one list."""

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_ -]{0,60}?)[ \t]*:(?=[ \t]|$)([ \t]*)(.*)")
_ENTRY = re.compile(r"[ \t]*-(?:[ \t]+(.*))?$")
_COMMENT = re.compile(r"(?:^|[ \t])#.*$")
_BLOCK = re.compile(r"[|>][+-]?\d?[ \t]*(?:#.*)?$")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*(?:#.*)?$""")
_PIECE = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'][^,]*|)[ \t]*(?:,|$)""")
_TORN = ("<<<<<<< ", ">>>>>>> ")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 /_-]*")


@dataclass(frozen=True, slots=True)
class Field:
    """A key with its value: `text` where it is one, `entries` (each with its line) where it is a
    list. From `start` up to `end` it stands in the file; `source` is what stands there."""

    key: str
    line: Line
    start: int
    end: int
    source: str
    text: str
    entries: tuple[tuple[str, int], ...] = ()

    @property
    def texts(self) -> tuple[tuple[str, int], ...]:
        """The entries, or the one text as such."""
        return self.entries or (((self.text, self.line.number),) if self.text else ())


@dataclass(frozen=True, slots=True)
class Front:
    """A block: its keys (of one given twice, the first), those given twice, and the lines of the
    rest of the file. `torn` is the line where a merge has left its marks, 0 if none has."""

    fields: dict[str, Field]
    doubles: tuple[Field, ...]
    body: tuple[Line, ...]
    torn: int = 0

    def text(self, key: str) -> str:
        """The text of a key; empty where there is none."""
        return self.fields[key].text if key in self.fields else ""

    def texts(self, key: str) -> tuple[tuple[str, int], ...]:
        """The texts of a key, each with its line."""
        return self.fields[key].texts if key in self.fields else ()


def front_of(text: str) -> Front | None:
    """The block at the head of a text; `None` where there is none, or it has no end."""
    lines = lines_of(text)
    first = next((n for n, line in enumerate(lines) if line.text.strip("\ufeff \t")), -1)
    if first < 0 or lines[first].text.strip("\ufeff").rstrip() != "---":
        return None
    last = next(
        (n for n, line in enumerate(lines[first + 1 : first + LINES_MAX], first + 1)
         if line.text.rstrip() in ("---", "...")),
        -1,
    )  # fmt: skip
    if last < 0:
        return None
    fields: dict[str, Field] = {}
    doubles = []
    for found in _fields(lines[first + 1 : last]):
        if fields.setdefault(found.key, found) is not found:
            doubles.append(found)
    inside = lines[first + 1 : last]
    torn = next((line.number for line in inside if line.text.startswith(_TORN)), 0)
    return Front(fields, tuple(doubles), tuple(lines[last + 1 :]), torn)


def _fields(lines: Sequence[Line]) -> list[Field]:
    found = []
    n = 0
    while n < len(lines):
        match = _KEY.match(lines[n].text)
        past = n + 1
        if match is not None:
            while past < len(lines) and not _ends(lines[past]):
                past += 1
            while past > n + 1 and not lines[past - 1].text.strip():
                past -= 1
            found.append(_field(match, lines[n], lines[n + 1 : past]))
        n = past
    return found


def _ends(line: Line) -> bool:
    """Whether a line is none of the value before it."""
    return bool(_KEY.match(line.text)) or line.text.startswith("#")


def _field(match: re.Match[str], line: Line, more: Sequence[Line]) -> Field:
    start = line.start + match.start(3)
    said = match[3]
    if not _BLOCK.fullmatch(said) and not said.startswith(("'", '"')):
        said = _COMMENT.sub("", said)
    quoted = _QUOTED.fullmatch(said)
    said = quoted[1] if quoted else said.rstrip()
    end = start + len(said)
    if not said and not any(each.text.strip() for each in more):
        return Field(match[1], line, start, start, "", "")
    if said.startswith("[") and said.endswith("]") and not more:
        return Field(match[1], line, start, end, said, "", _flow(said, line.number))
    entries = [(each, _ENTRY.match(each.text)) for each in more[:ENTRIES_MAX] if each.text.strip()]
    if more:
        end = more[-1].start + len(more[-1].text)
    if not said and entries and all(entry for _, entry in entries):
        listed = ((_scalar(entry[1] or ""), each.number) for each, entry in entries if entry)
        given = tuple((text, number) for text, number in listed if text)
        return Field(match[1], line, start, end, said, "", given)
    if said.startswith("["):
        whole = " ".join([said, *(each.text.strip() for each in more)])
        if whole.endswith("]"):
            return Field(match[1], line, start, end, said, "", _flow(whole, line.number))
    is_block = _BLOCK.fullmatch(match[3]) is not None
    parts = [*([] if is_block else [said]), *(each.text.strip() for each in more)]
    return Field(match[1], line, start, end, said, _scalar(" ".join(filter(None, parts))))


def _flow(said: str, number: int) -> tuple[tuple[str, int], ...]:
    """The texts of a list in brackets."""
    found: list[tuple[str, int]] = []
    at, inner = 0, said[1:-1]
    while at < len(inner) and len(found) < ENTRIES_MAX:
        match = _PIECE.match(inner, at)
        if match is None or match.end() == at:
            at = inner.find(",", at) + 1 or len(inner)
            continue
        if text := _scalar(match[1]):
            found.append((text, number))
        at = match.end()
    return tuple(found)


def _scalar(said: str) -> str:
    """What a text means, in quotes or not."""
    said = said.strip()
    if len(said) > 1 and said[0] == said[-1] == "'":
        return said[1:-1].replace("''", "'")
    if len(said) > 1 and said[0] == said[-1] == '"':
        try:
            given = json.loads(said)
        except ValueError:
            given = said[1:-1]
        return str(given).encode("utf-8", "replace").decode("utf-8")
    return "" if said in ("~", "null") else said


def with_value(field: Field, text: str) -> Edit:
    """The edit that gives a key this text, in quotes where the former one was."""
    quote = field.source[:1] if field.source[:1] in ("'", '"') else ""
    if not quote and not _PLAIN.fullmatch(text):
        quote = '"'
    said = f"{quote}{text}{quote}"
    if (
        field.start == field.line.start + len(field.line.text)
        and not field.line.text[-1:].isspace()
    ):
        said = f" {said}"  # the colon ends the line
    if field.line.text[field.end - field.line.start :].startswith("#"):
        said += " "  # else the comment would be a part of it
    return Edit(field.start, field.end, said)


def with_key(after: Field, key: str, text: str, end: str) -> Edit:
    """The edit that adds a key behind another one; `end` is the line end of the file."""
    return Edit(after.end, after.end, f"{end}{key}: {text}") if _ends_line(after) else Edit(
        after.line.start, after.line.start, f"{key}: {text}{end}"
    )  # fmt: skip


def _ends_line(field: Field) -> bool:
    """Whether nothing follows a value in its line."""
    return field.end >= field.line.start + len(field.line.text)
