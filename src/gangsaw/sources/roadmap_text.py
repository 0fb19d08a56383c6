"""A roadmap's text taken apart: groups, their tracks or tables, prerequisites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose
from gangsaw.sources.protocol import About, Remark, Standing
from gangsaw.sources.roadmap_marks import (
    Spot,
    cell_spot,
    is_bare,
    spot_around,
    spot_in,
    without_marks,
)

RANGE_MAX = 100
"""Members of a range such as `Tracks 1-4`."""

SENTENCE_MAX = 1_000
"""Characters of prose that are looked at for groups and tracks."""

_GROUP = re.compile(r"\W{0,8}\bGroup\s+([A-Z]{1,2}|[0-9]{1,2})\b(?!\s*[-–,+&]\s*[A-Z]\b)")
_TRACK = re.compile(
    r"\s*(?:\d{1,3}[.)]|[-*+])[ \t]+(?:\[[ xX~/-]?\][ \t]+)?(?:[^\w\s*]{1,4}[ \t]*)?"
    r"(?:\*\*|__)?[ \t]*(?:[^\w\s*]{1,4}[ \t]*)?Track\s+(\d{1,3}[a-z]?)\b"
)
_TRACK_TITLE = re.compile(r"\W{0,8}\bTrack\s+(\d{1,3}[a-z]?)\b")
_LIKE_TRACK = re.compile(r"\s{0,3}\d{1,3}[.)][ \t]+(?:\*\*|__)")
_LABEL = re.compile(
    r"\s*(?:[-*+][ \t]+)?(?:\*\*|__)([A-Za-z][A-Za-z ]{2,30}):?(?:\*\*|__):?[ \t]*(.*)"
)
_NONE = re.compile(
    r"(?:none|nothing|no)\b.*|n/?a|can start (?:immediately|now|any ?time).*|[-–—.]*", re.IGNORECASE
)
_LETTER = r"(?:[A-Z]{1,2}|\d{1,2})"
_AND = r"\s*(?:,|\+|&|/|and|or|-|–|to|through)\s*"
_LETTERS = rf"{_LETTER}(?:{_AND}(?:Groups?\s+)?{_LETTER}\b)*"
_BESIDE = re.compile(
    rf"\b(?:in\s+parallel|parallel|alongside|concurrent(?:ly)?|independent(?:ly)?|together)\b"
    rf"(?:\s+(?:with|to|of))?\s+Groups?\s+{_LETTERS}"
)
_NAMED = re.compile(rf"\bGroups?\s+({_LETTERS})")
_NUMBERS = r"\d{1,3}[a-z]?(?:\s*(?:,|\+|&|and|-|–|to)\s*(?:Tracks?\s+)?\d{1,3}[a-z]?\b)*"
_ONE = (
    rf"Tracks?\s+{_LETTER}[.–-]\d{{1,3}}[a-z]?\b|Tracks?\s+[A-Z]{{1,2}}\d{{1,3}}[a-z]?\b"
    r"|(?<!Group )(?<!Groups )[A-Z][.–-]\d{1,3}[a-z]?\b"
)
_OF_GROUP = (
    rf"Tracks?\s+{_NUMBERS}\s+(?:of|in|from)\s+(?:the\s+)?Group\s+{_LETTER}\b"
    rf"|Group\s+{_LETTER}(?:['’]s)?\s*[,:–-]?\s+Tracks?\s+{_NUMBERS}"
)
_TRACKS = re.compile(rf"\b(?:{_OF_GROUP}|{_ONE})")
_TRACKS_BESIDE = re.compile(
    rf"\b(?:in\s+parallel|parallel|alongside|concurrent(?:ly)?|independent(?:ly)?|together)\b"
    rf"(?:\s+(?:with|to|of))?\s+(?:{_OF_GROUP}|{_ONE})(?:{_AND}(?:{_OF_GROUP}|{_ONE}))*"
)
_TRACKS_NAMED = re.compile(
    r"\b(?:after|depends?\s+on|requires?|needs)\s+Tracks?\s+"
    r"(\d{1,3}(?:\s*(?:,|\+|&|and|-|–|to)\s*(?:Tracks?\s+)?\d{1,3}\b)*)",
    re.IGNORECASE,
)
_IN_ORDER = re.compile(r"\bsequential|\bin order\b|one after (?:the other|another)", re.IGNORECASE)
_PART = re.compile(r"[A-Z]{1,2}\b|\d{1,3}|-|–|\bto\b|\bthrough\b")


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """What a group says it needs: groups by their letters, tracks by the letter of their group and
    their number. `is_unclear`: it names neither and does not say none."""

    line: int
    text: str
    letters: tuple[str, ...]
    is_unclear: bool
    tracks: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Track:
    """One record: a track, a table's row, or a group that has neither."""

    key: str
    number: str
    title: str
    line: int
    spot: Spot
    standing: Standing
    bullets: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """A heading and what is below it. `letter` is empty for what stands outside of groups."""

    letter: str
    title: str
    line: int
    level: int
    spot: Spot | None
    standing: Standing
    tracks: list[Track] = field(default_factory=list)
    prerequisites: Prerequisites | None = None
    in_order: bool = False
    words: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Track]:
        """Its records: the tracks, or it itself."""
        if self.tracks or self.spot is None:
            return self.tracks
        title = f"Group {self.letter}: {self.title}"
        return [Track(self.letter, "", title, self.line, self.spot, self.standing, self.words)]


def title_of(text: str) -> str:
    """The first heading's text; empty where that is a group's."""
    for line in prose(lines_of(text)):
        title = heading(line.text)
        if title is not None:
            return "" if _GROUP.match(title[1]) else one_line(without_marks(title[1]))
    return ""


def groups_of(text: str) -> tuple[list[Group], list[Remark]]:
    """The groups of a roadmap in their order, and what of it could not be read."""
    reader = _Reader()
    for line in prose(lines_of(text)):
        reader.take(line)
    _keep_first(reader)
    for group in reader.groups:
        if group.standing is Standing.DONE:
            # A group that is done is done with all its tracks, marked or not.
            group.tracks[:] = [_done(track) for track in group.tracks]
    return reader.groups, reader.remarks


def _keep_first(reader: _Reader) -> None:
    """Leave out, and name, records with the key of an earlier one."""
    first: dict[str, Track] = {}
    for group in reader.groups:
        doubled = [row for row in group.rows if first.setdefault(row.key, row).line != row.line]
        for row in doubled:
            said = f"{row.key} is taken by line {first[row.key].line}; this record is not read"
            remark = Remark(About.UNREAD, row.line, said, "give it a number of its own")
            reader.remarks.append(remark)
        if doubled and not group.tracks:
            group.spot = None
        group.tracks[:] = [row for row in group.tracks if first[row.key].line == row.line]
        if doubled and not group.tracks:
            group.spot = None


def _done(track: Track) -> Track:
    is_open = track.standing in (Standing.OPEN, Standing.RUNNING)
    return replace(track, standing=Standing.DONE) if is_open else track


class _Reader:
    """Takes lines in their order."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.remarks: list[Remark] = []
        self._group: Group | None = None
        self._track: Track | None = None
        self._columns: dict[str, int] = {}

    def take(self, line: Line) -> None:
        if self._takes_row(line):
            return
        title = heading(line.text)
        if title is not None:
            self._take_heading(line, *title)
        elif match := _TRACK.match(line.text):
            self._begin_track(line, match[1], match.end())
        elif self._group is not None and line.text.strip():
            self._take_words(line, self._group)

    def _take_heading(self, line: Line, level: int, title: str) -> None:
        if match := _GROUP.match(title):
            at = line.text.index(title)
            spot = spot_around(line.text, line.start, at + match.end())
            said = one_line(without_marks(title[match.end() :]))
            self._group = Group(match[1], said, line.number, level, spot, spot.standing)
            self.groups.append(self._group)
            self._track = None
        elif self._group is not None and level > self._group.level:
            if match := _TRACK_TITLE.match(title):
                at = line.text.index(title) + match.end()
                self._begin_track(line, match[1], at)
            else:
                self._track = None
        else:
            self._group = self._track = None

    def _begin_track(self, line: Line, number: str, name_end: int) -> None:
        if self._group is None:
            self._unread(line, "a track outside of a group")
            return
        rest, start = line.text[name_end:], line.start + name_end
        spot = spot_around(line.text, line.start, name_end)
        title = one_line(without_marks(rest))
        if is_bare(title):
            self._unread(line, "a track without a title")
            return
        key = f"{self._group.letter}-{number}"
        if (other := spot_in(rest, start, skip=1)).text and other.standing is not spot.standing:
            said = f"{key} has two marks; the first counts"
            self.remarks.append(Remark(About.NOTE, line.number, said, "remove one"))
        self._track = Track(key, number, title, line.number, spot, spot.standing)
        self._group.tracks.append(self._track)

    def _take_words(self, line: Line, group: Group) -> None:
        label = _LABEL.match(line.text)
        name = label[1].lower().strip() if label is not None else ""
        if label is not None and name in (
            "prerequisites",
            "prerequisite",
            "depends on",
            "requires",
        ):
            group.prerequisites = _prerequisites(line, label[2])
            self._track = None
        elif label is not None and "tracks" in name:
            group.in_order = bool(_IN_ORDER.search(f"{name} {label[2]}"))
            self._track = None
        elif _LIKE_TRACK.match(line.text):
            self._track = None
            self._unread(line, "a numbered item that is no track")
        elif self._track is not None and line.indent > 0:
            self._track.bullets.append(line.text.strip())
        else:
            self._track = None
            group.words.append(line.text.strip())

    def _unread(self, line: Line, why: str) -> None:
        said = f"{why}; this line is not read: {one_line(line.text, 60)}"
        remedy = "write it in a group as 1. **Track 1: …**"
        self.remarks.append(Remark(About.UNREAD, line.number, said, remedy))

    # --- tables ---------------------------------------------------------------------------------

    def _takes_row(self, line: Line) -> bool:
        """Whether the line is part of a table; a row of one with ids and standings is a record."""
        text = line.text.strip()
        if not text.startswith("|"):
            self._columns = {}
            return False
        cells = _cells(line)
        names = [cell.strip(" *").lower() for cell, _ in cells]
        if any(name in ("task id", "id") for name in names) and "status" in names:
            self._columns = {name.replace("task id", "id"): n for n, name in enumerate(names)}
            return True
        if self._columns and text.strip("|-: \t"):
            self._begin_row(line, cells)
        return True

    def _begin_row(self, line: Line, cells: Sequence[tuple[str, int]]) -> None:
        columns = self._columns
        if self._group is None:
            self._group = Group("", "", line.number, 9, None, Standing.OPEN)
            self.groups.append(self._group)
        if len(cells) <= max(columns["id"], columns["status"]):
            self._unread(line, "a row with too few cells")
            return
        key = cells[columns["id"]][0].strip(" *`")
        status, start = cells[columns["status"]]
        spot, known = cell_spot(status, start)
        said = next((cells[columns[name]][0] for name in ("description", "title", "task", "name")
                     if columns.get(name, len(cells)) < len(cells)), key)  # fmt: skip
        if not key:
            self._unread(line, "a row without an id")
            return
        if not known:
            text = f"the status of {one_line(key)} is not known and counts as open: {spot.text}"
            self.remarks.append(
                Remark(About.NOTE, line.number, one_line(text), "write Done or Open")
            )
        title = one_line(without_marks(said)) or one_line(key)
        self._group.tracks.append(Track(key, "", title, line.number, spot, spot.standing))


def _cells(line: Line) -> list[tuple[str, int]]:
    """The cells of a table's row, with where each begins in the text."""
    found = []
    at = line.text.index("|") + 1
    for part in re.split(r"(?<!\\)\|", line.text[at:]):
        found.append((part, line.start + at))
        at += len(part) + 1
    return found[:-1] if not found[-1][0].strip() else found


# --- prose -------------------------------------------------------------------------------------


def _prerequisites(line: Line, said: str) -> Prerequisites:
    text = said.strip()[:SENTENCE_MAX]
    left = _BESIDE.sub(" ", _TRACKS_BESIDE.sub(" ", text))
    is_beside = left != text
    tracks = [pair for match in _TRACKS.finditer(left) for pair in _pairs(match[0])]
    left = _TRACKS.sub(" ", left)
    letters = [letter for match in _NAMED.finditer(left) for letter in _members(match[1])]
    is_named = bool(letters or tracks)
    unclear = not is_named and not is_beside and not _NONE.fullmatch(text.strip("*_ "))
    return Prerequisites(
        line.number, one_line(text, 80), tuple(dict.fromkeys(letters)), unclear,
        tuple(dict.fromkeys(tracks)),
    )  # fmt: skip


def _pairs(said: str) -> list[tuple[str, str]]:
    """The letter and number of each track in `Track B.2`, `Tracks 1-3 of Group B`."""
    group = re.search(rf"Group\s+({_LETTER})", said)
    if group is not None:
        numbers = said[: group.start()] + said[group.end() :]
        return [(group[1], number) for number in _members(numbers) if number[0].isdigit()]
    one = re.search(rf"({_LETTER})[.–-]?(\d{{1,3}}[a-z]?)\Z", said)
    return [(one[1], one[2])] if one is not None else []


def tracks_named(title: str) -> list[str]:
    """The numbers of the tracks that a track says it comes after."""
    found = _TRACKS_NAMED.finditer(title[:SENTENCE_MAX])
    return [number for match in found for number in _members(match[1])]


def _members(text: str) -> list[str]:
    """The letters or numbers of a list such as `A, C-E and G`."""
    found: list[str] = []
    is_range = False
    for part in _PART.findall(text):
        if part in ("-", "–", "to", "through"):
            is_range = bool(found)
            continue
        if is_range:
            found += _between(found[-1], part)
            is_range = False
        found.append(part)
    return found


def _between(first: str, last: str) -> list[str]:
    if first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first) + 1, int(last))][:RANGE_MAX]
    if len(first) == len(last) == 1 and first.isalpha() and last.isalpha():
        return [chr(code) for code in range(ord(first) + 1, ord(last))]
    return []
