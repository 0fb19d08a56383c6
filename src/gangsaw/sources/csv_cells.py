"""The cells of a table in a text, one row a line, with the place of each.

Cells stand between commas, semicolons, tabs or bars, whichever the head uses most; in double quotes
they may hold anything, with `""` for a quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SEPARATORS = ",;\t|"

CELLS_MAX = 500
"""Cells of a row."""

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_END = re.compile(r"\r\n|\n|\r|\Z")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what it says, and where it stands, quotes and all."""

    text: str
    start: int
    end: int
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `is_whole` is false where a quote in it never ends."""

    cells: tuple[Cell, ...]
    is_whole: bool = True

    @property
    def start(self) -> int:
        return self.cells[0].start

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return not any(cell.text.strip() for cell in self.cells)


def separator_of(text: str, at: int) -> str:
    """What stands between the cells of the row that begins here."""
    end = _END.search(text, at)
    line = _QUOTED.sub("", text[at : end.start() if end else len(text)])
    return max(SEPARATORS, key=line.count)


def rows_of(text: str, at: int, separator: str) -> Iterator[Row]:
    """The rows from a place on."""
    plain = re.compile(rf"[^{re.escape(separator)}\r\n]*")
    while at < len(text):
        cells: list[Cell] = []
        is_whole = True
        while True:
            cell, is_whole = _cell(text, at, plain)
            if len(cells) < CELLS_MAX:
                cells.append(cell)
            at = cell.end
            if not is_whole or text[at : at + 1] != separator:
                break
            at += 1
        yield Row(tuple(cells), is_whole)
        end = _END.match(text, at)
        at = end.end() if end is not None else len(text)


def _cell(text: str, at: int, plain: re.Pattern[str]) -> tuple[Cell, bool]:
    """The cell that begins here, and whether it has an end."""
    if text[at : at + 1] == '"':
        match = _QUOTED.match(text, at)
        if match is None:
            return Cell(text[at:], at, len(text)), False
        # What stands behind the quotes belongs to the cell, as other readers take it.
        rest = plain.match(text, match.end())
        more = rest[0] if rest is not None else ""
        said = match[1].replace('""', '"') + more.rstrip()
        return Cell(said, at, match.end() + len(more), True), True
    match = plain.match(text, at)
    assert match is not None  # it matches everywhere
    return Cell(match[0], at, match.end()), True
