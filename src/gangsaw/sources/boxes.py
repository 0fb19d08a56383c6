"""Check boxes of Markdown lists: what the mark between the brackets says, and how to change it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gangsaw.sources.lines import Line
from gangsaw.sources.protocol import Edit, Standing

_BOX = re.compile(r"(\s*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?\[([^\[\]\r\n]?)\](?=[ \t]|$)")
_MARKS = {
    " ": Standing.OPEN,
    "": Standing.OPEN,
    **dict.fromkeys("xX✓✔✅☑", Standing.DONE),
    **dict.fromkeys("~/", Standing.RUNNING),
    "-": Standing.DROPPED,
    ">": Standing.LATER,
}
MARKS = {
    Standing.OPEN: " ",
    Standing.RUNNING: "~",
    Standing.DONE: "x",
    Standing.DROPPED: "-",
    Standing.LATER: ">",
}
"""The marks of a new list."""


@dataclass(frozen=True, slots=True)
class Box:
    """A list entry's check box. `at` is where its mark stands in the text, `rest` the line behind
    it; `standing` is `None` for a mark that nobody has agreed on."""

    line: Line
    at: int
    mark: str
    rest: str
    standing: Standing | None

    @property
    def rest_col(self) -> int:
        """The column of the first character of `rest`, from 1."""
        return len(self.line.text) - len(self.rest) + 1


def box_of(line: Line) -> Box | None:
    """The check box of a line, if it begins with one."""
    match = _BOX.match(line.text)
    if match is None:
        return None
    rest = line.text[match.end() :].lstrip()
    return Box(line, line.start + match.start(2), match[2], rest, _MARKS.get(match[2]))


def ticked(box: Box, standing: Standing, others: Iterable[Box]) -> Edit | None:
    """The edit that gives the box its mark, in the way of the other boxes of its file; `None` where
    it has it, or where the file has no mark for that."""
    if (box.standing or Standing.OPEN) is standing:
        return None
    used = Counter(each.mark for each in others if each.standing is standing)
    if used:
        mark = used.most_common(1)[0][0]
    elif standing in (Standing.DONE, Standing.OPEN):
        mark = "x" if standing is Standing.DONE else " "
    elif box.standing is Standing.DONE:
        mark = " "  # what was taken back must not look done
    else:
        return None
    return Edit(box.at, box.at + len(box.mark), mark or " ")
