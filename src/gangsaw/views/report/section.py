"""A part of a report: sentences and a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ROWS_MAX = 500
"""Rows of one table; the others are counted."""


@dataclass(frozen=True, slots=True)
class Section:
    """A title, sentences, and rows below a head; numbers stand in the columns `right`."""

    title: str
    lines: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: tuple[int, ...] = ()


def shortened(rows: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The rows, no more than `ROWS_MAX`, and how many more there are."""
    every = tuple(rows)
    if len(every) <= ROWS_MAX:
        return every
    more = f"and {len(every) - ROWS_MAX} more"
    return (*every[:ROWS_MAX], (more, *[""] * (len(every[0]) - 1)))
