"""Lines of a text with their places, so that what is written back is found to the character.

Only `\\n`, `\\r\\n` and `\\r` end a line: other separators that Python knows are ordinary
characters to every editor that counts lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, where it starts in the text, its text and its line end."""

    number: int
    start: int
    text: str
    end: str

    @property
    def after(self) -> int:
        """Where the next line starts."""
        return self.start + len(self.text) + len(self.end)

    @property
    def indent(self) -> int:
        """Columns before its first character; a tab goes on to the next multiple of four."""
        width = 0
        for char in self.text:
            if char == "\t":
                width += 4 - width % 4
            elif char == " ":
                width += 1
            else:
                break
        return width


def lines_of(text: str) -> list[Line]:
    """All lines; an empty last one is left out."""
    found: list[Line] = []
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        assert match is not None  # the pattern matches everywhere
        found.append(Line(len(found) + 1, at, match[1], match[2]))
        at = match.end()
    return found


class LineNumbers:
    """Line numbers of places that are asked for in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line, self._start = 0, 1, 0

    def of(self, at: int) -> int:
        """The line of a place; `\\r` alone ends a line, too."""
        if at < self._at:
            self._at, self._line, self._start = 0, 1, 0
        piece = self._text[self._at : at]
        self._line += piece.count("\n") + piece.count("\r") - piece.count("\r\n")
        end = max(piece.rfind("\n"), piece.rfind("\r"))
        if end >= 0:
            self._start = self._at + end + 1
        self._at = at
        return self._line

    def place_of(self, at: int) -> tuple[int, int]:
        """The line and column of a place."""
        line = self.of(at)
        return line, at - self._start + 1


def prose(lines: list[Line]) -> Iterator[Line]:
    """The lines of a Markdown text that are neither in a fenced block nor in a comment. A fence or
    comment that never ends counts as an ordinary line: half of a file must not vanish by a slip."""
    at = 0
    endless: dict[str, int] = {}
    while at < len(lines):
        past = _past_fence(lines, at, endless) or _past_comment(lines, at, endless)
        if past:
            at = past
            continue
        yield lines[at]
        at += 1


def _past_fence(lines: list[Line], at: int, endless: dict[str, int]) -> int:
    """The index after the fenced block that begins here; 0 if none does. `endless` keeps how long
    the shortest fence was for which no end was found, so that it is looked for once."""
    opening = _FENCE.fullmatch(lines[at].text)
    if opening is None or (opening[1][0] == "`" and "`" in opening[2]):
        return 0
    sign, length = opening[1][0], len(opening[1])
    if length >= endless.get(sign, length + 1):
        return 0
    for n in range(at + 1, len(lines)):
        closing = _FENCE.fullmatch(lines[n].text)
        if closing is not None and closing[1].startswith(opening[1]) and not closing[2].strip():
            return n + 1
    endless[sign] = length
    return 0


def _past_comment(lines: list[Line], at: int, endless: dict[str, int]) -> int:
    """The index after the comment that begins in this line and fills it; 0 if none does."""
    text = lines[at].text.strip()
    if not text.startswith("<!--") or "<!--" in endless:
        return 0
    if "-->" in text:
        return at + 1 if text.endswith("-->") else 0
    for n in range(at + 1, len(lines)):
        if "-->" in lines[n].text:
            return n + 1
    endless["<!--"] = 0
    return 0


def uncommented(text: str) -> str:
    """The text without its comments; what begins like one and never ends stays."""
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[at:start])
        at = end + len("-->")
    return "".join((*parts, text[at:]))


def heading(text: str) -> tuple[int, str] | None:
    """Level and text of a Markdown heading; `None` if the line is none."""
    match = _HEADING.match(text)
    if match is None:
        return None
    said = text[match.end() :].strip()
    bare = said.rstrip("#")
    return len(match[1]), bare.rstrip() if bare.endswith((" ", "\t")) or not bare else said


def one_line(text: str, most: int = 200) -> str:
    """The text as one printable line of at most so many characters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= most else plain[: most - 1].rstrip() + "…"
