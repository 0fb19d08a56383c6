"""The order of merging in `integration-plan.md`: which issues go first, which follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gangsaw.sources.lines import heading, lines_of
from gangsaw.sources.planning_order import row_keys
from gangsaw.sources.planning_words import LINE_MAX, keys_in, rows_of

_BACK = re.compile(r"\b(?:roll ?back|revert\w*|undo\w*|recover\w*|risks?|conflicts?)\b", re.I)
_NUMBERED = re.compile(r"[ \t]*(?:\*\*)?(?:step[ \t]+)?\d{1,3}[.):][ \t]", re.IGNORECASE)
_MERGE = re.compile(r"\bmerg", re.IGNORECASE)
_THEN = re.compile(r"\b(?:then|followed by|next|finally)\b|[→➜⇒]|[-=]>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tier:
    """Issues that are merged in any order, after those of the tiers before."""

    keys: tuple[str, ...]
    line: int


def tiers_in(text: str) -> list[Tier]:
    """The tiers of a text, in order; each issue where it is named first."""
    seen: dict[str, None] = {}
    found = []
    for keys, number in _named(text):
        new = tuple(key for key in keys if key not in seen)
        seen.update(dict.fromkeys(new))
        if new:
            found.append(Tier(new, number))
    return found


def _named(text: str) -> Iterator[tuple[list[str], int]]:
    lines = lines_of(text)
    rows = {row.line.number: row for row in rows_of(lines)}
    is_back = False
    for line in lines:
        title = heading(line.text)
        if title is not None:
            is_back = bool(_BACK.search(title[1]))
        if is_back:
            continue
        row = rows.get(line.number)
        if row is not None:
            if row.cell(re.compile(r"^(?:merge )?(?:order|step|sequence)")) is not None:
                yield row_keys(row), line.number
        elif _NUMBERED.match(line.text) or _MERGE.search(line.text):
            said = re.sub(r"\([^()]{0,300}\)", " ", line.text[:LINE_MAX])
            said = re.split(r"\b(?:after|because|since|needs|depends)\b", said)[0]
            for part in _THEN.split(said):
                yield keys_in(part), line.number
