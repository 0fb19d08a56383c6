"""Check boxes of Markdown lists: what the mark between the brackets says, and how to change it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gangsaw.sources.lines import Line
from gangsaw.sources.protocol import Edit, Standing

_BOX = re.compile(r"(\s*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?\[([^\[\]\r\n]?)\](?=[ \t]|$)")
_IN = r"[ \t]*(?:[xX✓✔✅☑~/>-][ \t]*)?"
_ODD_LIST = r"[–—•◦▪·‣●○]|[A-Za-z]{1,3}[.)]"
_ODD = re.compile(
    rf"(?P<lead>[\s>]*)(?:(?:(?P<list>[-*+]|\d{{1,9}}[.)])|(?P<odd>{_ODD_LIST}))[ \t]*)?"
    rf"(?:\[(?P<in>{_IN})\](?![(\[:*_])|(?P<sign>[☐☑☒⬜▢□]))"
)
_ODD_CELL = re.compile(rf"\|[ \t]*(?:[-*+][ \t]+)?(?:\[{_IN}\](?=[ \t]|\||\Z)|[☐☑☒⬜▢□])")
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


def odd_box(line: Line) -> str:
    """Why a line that looks as if it began with a check box has none; empty where it has one, or
    does not look like that."""
    text = line.text
    if text.lstrip(" \t>").startswith("|"):
        return "it is in a table" if _ODD_CELL.search(text) else ""
    match = _ODD.match(text)
    if match is None or _BOX.match(text):
        return ""
    is_listed = match["list"] is not None or match["odd"] is not None
    if ">" in match["lead"]:
        return "it is quoted" if is_listed else ""
    if match["odd"] is not None:
        return f"{match['odd']} begins no list"
    if match["sign"] is not None:
        return f"{match['sign']} is no box of a list"
    if len(match["in"]) > 1:
        return "there are blanks in it"
    return "there is no blank around it" if is_listed else ""


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
