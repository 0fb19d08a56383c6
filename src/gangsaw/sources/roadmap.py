"""ROADMAP.md: groups with a letter, tracks with a number, marks, prerequisites in prose.

Tracks of one group are parallel unless their group says "sequential" or a track names another
("after Track 2"). A group waits for the groups that its prerequisites name, but not for those it
"can develop in parallel with", and for single tracks of them ("Track B.2"); one without any words
about that, or with words that nobody understands, waits for the group before it.
A group without tracks is a task itself. Groups that are kept as tables (`| Task ID | … | Status |`)
are read from these.

Written back: a track's mark, as the file writes it elsewhere, and a group's when its last is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import (
    About,
    Answer,
    Document,
    Edit,
    Item,
    Need,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)
from gangsaw.sources.roadmap_marks import Style, marked, style_of
from gangsaw.sources.roadmap_text import Group, Track, groups_of, title_of, tracks_named

_SETTLED = (Standing.DONE, Standing.DROPPED)


class Roadmap:
    """See the head of the module."""

    name = "roadmap"
    about = "ROADMAP.md: groups, parallel tracks, marks such as [DONE]"
    homes = ("ROADMAP.md", "docs/ROADMAP.md", "roadmap.md")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        groups = [group for group in groups_of(text)[0] if group.letter]
        if not groups:
            return Sure.NO
        named = "roadmap" in path.rsplit("/", 1)[-1].lower()
        tracks = any(group.tracks for group in groups)
        return Sure.CERTAIN if tracks or named else Sure.MAYBE

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        groups, remarks = groups_of(document.text)
        edges = Edges()
        notes: list[Remark] = []
        _order(groups, edges, notes)
        items = [_item(track, group, document.path) for group in groups for track in group.rows]
        found, cut = with_needs(items, edges)
        return Reading(found, (*remarks, *notes, *cut), title_of(document.text))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        groups, _ = groups_of(document.text)
        style = style_of(groups)
        wanted = {report.key: report.standing for report in reports}
        edits: list[Edit] = []
        known: set[str] = set()
        for group in groups:
            rows = [track for track in group.rows if track.key not in known]
            known.update(track.key for track in rows)
            touched = [track for track in rows if wanted.get(track.key, track.standing) is not
                       track.standing]  # fmt: skip
            for track in touched:
                edits += marked(track.spot, wanted[track.key], style.of(track))
            if touched and group.tracks:
                edits += _of_group(group, wanted, style)
        missing = tuple(key for key in wanted if key not in known)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Roadmap()


def _of_group(group: Group, wanted: dict[str, Standing], style: Style) -> list[Edit]:
    """The group's own mark, where all its tracks are done, or one that was done is not any more:
    then the others, which were done by the group's mark, get their own."""
    if group.spot is None:
        return []
    after = {track.key: wanted.get(track.key, track.standing) for track in group.tracks}
    if all(each in _SETTLED for each in after.values()):
        return marked(group.spot, Standing.DONE, style.group)
    if group.standing is not Standing.DONE:
        return []
    edits = marked(group.spot, Standing.OPEN, style.group)
    for track in group.tracks:
        if track.key not in wanted and after[track.key] is Standing.DONE:
            edits += marked(track.spot, Standing.DONE, style.of(track))
    return edits


def _item(track: Track, group: Group, path: str) -> Item:
    told = [track.title, *track.bullets]
    if group.letter:
        told += ["", f"Group {group.letter}: {group.title}"]
    own = "\n".join(told[1:] if group.title else track.bullets)
    told += [f"This is {track.key} of {path}. Leave that file as it is: its marks are kept up for "
             "you."]  # fmt: skip
    within = (group.letter,) if group.letter else ()
    return Item(track.key, track.title, "\n".join(told), track.line, standing=track.standing,
                within=within, words=own, inherited=track.standing is Standing.DONE and
                track.spot.standing is not Standing.DONE)  # fmt: skip


# --- order -------------------------------------------------------------------------------------


def _order(groups: Sequence[Group], edges: Edges, notes: list[Remark]) -> None:
    letters = {group.letter: group for group in groups if group.letter}
    before: Group | None = None
    for group in groups:
        if not group.rows:
            continue
        _within(group, edges)
        if group.letter:
            for first, line, why in _waits_for(group, before, letters, notes):
                for track in group.rows:
                    edges.infer(track.key, Need(first, line, one_line(why, 120)))
            before = group


def _waits_for(
    group: Group, before: Group | None, letters: dict[str, Group], notes: list[Remark]
) -> list[tuple[str, int, str]]:
    """The records that all of this group waits for, and where and in which words that is said. What
    is not there is named as the words name it."""
    said = group.prerequisites
    if said is not None and said.is_unclear:
        text = f"Group {group.letter}: no group is named in its prerequisites: {said.text}"
        notes.append(Remark(About.NOTE, said.line, text, "write Group A complete, or None"))
    if said is None or said.is_unclear:
        if before is None:
            return []
        none = "it names no prerequisites" if said is None else "nobody understands what it needs"
        why = f"Group {before.letter} comes before it, and {none}"
        return [(row.key, group.line, why) for row in before.rows]
    why = f"prerequisites: {said.text}"
    found = []
    for letter in said.letters:
        if letter not in letters:
            found.append((f"Group {letter}", said.line, why))
        elif letter != group.letter:
            found += [(row.key, said.line, why) for row in letters[letter].rows]
    for letter, number in said.tracks:
        rows = letters[letter].rows if letter in letters else []
        names = {f"{letter}{sign}{number}".casefold() for sign in ("-", ".", "")}
        keys = [row.key for row in rows if row.key.casefold() in names]
        found += [(key, said.line, why) for key in keys or [f"Track {letter}-{number}"]]
    return found


def _within(group: Group, edges: Edges) -> None:
    numbers = {track.number: track for track in group.tracks if track.number}
    before: Track | None = None
    for track in group.rows:
        for number in tracks_named(track.title):
            other = numbers.get(number)
            if other is None:
                edges.say(track.key, Need(f"{group.letter}-{number}", track.line))
            elif other is not track:
                why = f"says: {track.title}"
                edges.infer(track.key, Need(other.key, track.line, one_line(why, 120)))
        if group.in_order and before is not None:
            edges.infer(track.key, Need(before.key, track.line, "tracks of its group are in order"))
        before = track
