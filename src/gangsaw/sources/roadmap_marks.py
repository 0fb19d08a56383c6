"""Marks such as `✅ **[DONE]**` at a line or in a table's cell: found, and written in a file's own
style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gangsaw.sources.protocol import Edit, Standing

if TYPE_CHECKING:
    from gangsaw.sources.roadmap_text import Group, Track

_WORDS = {
    **dict.fromkeys(("DONE", "COMPLETE", "COMPLETED", "FINISHED", "FIXED"), Standing.DONE),
    **dict.fromkeys(("IN PROGRESS", "WORKING", "WIP", "STARTED"), Standing.RUNNING),
    **dict.fromkeys(("PENDING", "TODO", "PLANNED", "NOT STARTED", "OPEN", "READY"), Standing.OPEN),
    **dict.fromkeys(("BLOCKED", "DEFERRED", "ON HOLD"), Standing.LATER),
    **dict.fromkeys(("CANCELLED", "CANCELED", "DROPPED", "SKIPPED", "WONTFIX"), Standing.DROPPED),
}
_SIGNS = {
    **dict.fromkeys("✅✔☑", Standing.DONE),
    **dict.fromkeys("🔄🔁🚧", Standing.RUNNING),
    **dict.fromkeys("⏳📋⬜", Standing.OPEN),
    **dict.fromkeys("⏸🚫", Standing.LATER),
    "❌": Standing.DROPPED,
}
_WORD = "|".join(re.escape(word).replace(r"\ ", "[ _-]") for word in sorted(_WORDS, reverse=True))
_TORN = {
    "âœ…": Standing.DONE,
    "ðŸ”„": Standing.RUNNING,
    "ğŸ”„": Standing.RUNNING,
    "â³": Standing.OPEN,
}
"""Signs whose bytes were once read as another alphabet: whole files have them."""

_SIGN = "(?:[" + "".join(_SIGNS) + "]\ufe0f?|" + "|".join(_TORN) + ")"
_MARK = re.compile(
    rf"(?:(?P<sign>{_SIGN})[ \t]*)?(?P<bold>\*\*|__)?\[(?P<word>{_WORD})\b[^\]\r\n]{{0,60}}\]"
    r"(?P=bold)?"
    rf"|(?P<sign2>{_SIGN})[ \t]*(?P<bold2>\*\*|__)?(?P<word2>{_WORD})\b(?P=bold2)?"
    r"|\*\*(?P<word3>IN PROGRESS|WORKING|DONE)\*\*"
    r"|\b(?P<word5>IN PROGRESS|WORKING|DONE)(?=[ \t]*(?:\*\*|__)?[ \t]*$)"
    rf"|(?P<sign4>{_SIGN})"
)
_MORE = re.compile(rf"\[({_WORD})\b[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a mark stands in a text, or where one would be put; `text` is the mark. In a table's
    cell (`is_cell`) it is the whole of it; `is_sign`: it is a lone sign before the name;
    `is_glued`: there is no blank between it and the word before it."""

    start: int
    end: int
    text: str = ""
    standing: Standing = Standing.OPEN
    is_cell: bool = False
    is_sign: bool = False
    is_glued: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """How a file writes a standing; empty where it never does."""

    done: str = "**[DONE]**"
    running: str = "🔄 **[IN PROGRESS]**"
    open: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """How a file marks its groups, its tracks and the rows of its tables."""

    group: Marks
    track: Marks
    cell: Marks

    def of(self, track: Track) -> Marks:
        """The marks for this record."""
        return self.cell if track.spot.is_cell else self.track


def spot_in(text: str, start: int, skip: int = 0) -> Spot:
    """The mark in a line that starts at `start` in its text: the first one after so many others; or
    the line's end."""
    end = len(text.rstrip())
    for n, match in enumerate(_MARK.finditer(text)):
        found = match.groupdict()
        word = found["word"] or found["word2"] or found["word3"] or found["word5"]
        sign = found["sign"] or found["sign2"] or found["sign4"]
        standing = standing_of(word) if word else _TORN.get(sign) or _SIGNS[sign[0]]
        if standing is not None and n >= skip:
            at = match.start()
            glued = text[max(at - 1, 0) : at].isalnum()
            return Spot(start + at, start + match.end(), match[0], standing, is_glued=glued)
    return Spot(start + end, start + end)


def spot_around(text: str, start: int, name_end: int) -> Spot:
    """The mark of a line whose name ends at `name_end`: behind the name, else a sign before it."""
    spot = spot_in(text[name_end:], start + name_end)
    if spot.text:
        at_once = spot.start == start + name_end and text[name_end - 1 : name_end].isalnum()
        return replace(spot, is_glued=True) if at_once else spot
    for at, char in enumerate(text[:name_end]):
        if char in _SIGNS:
            return Spot(start + at, start + at + 1, char, _SIGNS[char], is_sign=True)
    return spot


def cell_spot(text: str, start: int) -> tuple[Spot, bool]:
    """The mark that is a table's cell, and whether it is known."""
    plain = text.strip()
    at = start + len(text) - len(text.lstrip()) if plain else start + len(text) // 2
    found = spot_in(plain, 0)
    standing = standing_of(plain.strip("*_[]` ")) if not found.text else found.standing
    known = standing is not None or not plain.strip("-–—")
    return Spot(at, at + len(plain), plain, standing or Standing.OPEN, is_cell=True), known


def standing_of(word: str) -> Standing | None:
    """What a word for a standing means."""
    return _WORDS.get(re.sub(r"[ _-]+", " ", word).strip().upper())


def without_marks(text: str) -> str:
    """The text without its first mark, bold signs and signs at its beginning."""
    spot = spot_in(text, 0)
    if spot.text:
        text = text[: spot.start] + " " + text[spot.end :]
    return " ".join(text.replace("**", " ").replace("__", " ").split()).strip(" :–—-")


def is_bare(text: str) -> bool:
    """Whether there is nothing in it but marks."""
    while (left := without_marks(text)) != text:
        text = left
    return not text


def style_of(groups: Iterable[Group]) -> Style:
    """How a file writes its marks; what it never writes is taken from the other kind, or ours."""
    all_groups = list(groups)
    rows = [track.spot for group in all_groups for track in group.tracks]
    tracks = [spot for spot in rows if not spot.is_cell]
    heads = [group.spot for group in all_groups if group.spot is not None]
    track = _marks(tracks, _marks(heads, Marks()))
    cells = _marks([spot for spot in rows if spot.is_cell], Marks("DONE", "IN PROGRESS", "OPEN"))
    return Style(_marks(heads, _marks(tracks, Marks())), track, cells)


def _marks(spots: list[Spot], other: Marks) -> Marks:
    used = {
        standing: Counter(
            _MORE.sub(r"[\1]", spot.text)
            for spot in spots
            if spot.text and not spot.is_sign and spot.standing is standing
        ).most_common(1)
        for standing in (Standing.DONE, Standing.RUNNING, Standing.OPEN)
    }
    done, running, open_ = (most[0][0] if most else "" for most in used.values())
    return Marks(done or other.done, running or other.running, open_ or other.open)


def marked(spot: Spot, standing: Standing, marks: Marks) -> list[Edit]:
    """The edits that give a record its mark."""
    if spot.standing is standing and (spot.text or standing is Standing.OPEN):
        return []
    wanted = {Standing.DONE: marks.done, Standing.RUNNING: marks.running}.get(standing, marks.open)
    if spot.is_sign:
        signs = {Standing.DONE: "✅", Standing.RUNNING: "🔄"}
        return [Edit(spot.start, spot.end, signs.get(standing, "⏳"))]
    if not spot.text:
        lead = "" if spot.is_cell else " "
        return [Edit(spot.start, spot.end, f"{lead}{wanted}")] if wanted else []
    if wanted or spot.is_cell:
        # What begins like a word would become a part of the one before it.
        lead = " " if spot.is_glued and wanted[:1].isalnum() else ""
        return [Edit(spot.start, spot.end, f"{lead}{wanted}")]
    return [Edit(spot.start, spot.end, "")]
