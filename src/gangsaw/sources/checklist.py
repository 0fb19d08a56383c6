"""Plain Markdown check lists: `- [ ] words`, with what is indented below.

An entry with entries below it is run as these, and ticked with the last of them. Entries wait for
one another where they say so ("(after: words of another)", "(depends on A-1)"), and where they are
numbered; bullets wait for nothing. An entry is known by the id that it begins with (`A-1:`,
`**A-1**`), else by its words.

Written back: the box.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gangsaw.sources.boxes import Box, box_of, odd_box, ticked
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.lines import Line, heading, lines_of, one_line, prose
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

DEPTH_MAX = 20
"""Entries in entries; what is indented deeper counts as this deep."""

WORDS_MAX = 500
"""Characters of an entry by which it is known."""

ID_WORDS = 6
"""Words of an entry that make its id in the plan."""

_ID = re.compile(r"(?:\*\*|`|\[)?([A-Z][A-Z0-9]{0,9}-\d{1,6}|#\d{1,6})(?:\*\*|`|\])?[:.)]?(?=\s|$)")
_NEED = re.compile(
    r"[(\[—–-]\s*(?:depends on|after|needs|requires|blocked by):?\s+"
    r"([^()\[\]]{1,300}?)\s*(?:[)\]]|$)",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"(?:[-*+]\s+)?(?:\*\*)?(?:depends on|after|needs|requires|blocked by):(?:\*\*)?\s+(.+)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\s*\d{1,9}[.)][ \t]")
_SPECKIT = re.compile(r"\W{0,4}T\d{3,6}[a-z]?\b")
_HOME = re.compile(r"(?:to-?do|checklist)\.(?:md|markdown|txt)", re.IGNORECASE)
_MARKUP = re.compile(r"\*\*|__|`|~~")


@dataclass(slots=True)
class _Row:
    """An entry: what it says, where it belongs, and what is below it; `whole` is
    its text with what it says of its needs. `part` counts the lists of a
    file, between which there is other text."""

    key: str
    box: Box
    words: str
    whole: str
    section: str
    above: _Row | None
    part: int = 0
    below: list[_Row] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    needs: list[tuple[str, int]] = field(default_factory=list)

    @property
    def line(self) -> int:
        return self.box.line.number

    @property
    def standing(self) -> Standing:
        """By its own box; an open one is dropped or put off with the entry that it is below."""
        own = self.box.standing or Standing.OPEN
        row = self.above
        while own in (Standing.OPEN, Standing.RUNNING) and row is not None:
            if row.box.standing in (Standing.DROPPED, Standing.LATER):
                return row.box.standing
            row = row.above
        return own

    def leaves(self) -> Iterator[_Row]:
        """What is to be run of it."""
        pending = [self]
        while pending:
            row = pending.pop()
            if not row.below:
                yield row
            pending += reversed(row.below)


@dataclass(slots=True)
class _List:
    """A text taken apart: its entries by key, in order."""

    title: str = ""
    rows: dict[str, _Row] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def tasks(self) -> list[_Row]:
        """What is to be run."""
        return [row for row in self.rows.values() if not row.below]


class Checklist:
    """See the head of the module."""

    name = "checklist"
    about = "plain Markdown check lists: - [ ] words, nested, numbered"
    homes = ("TODO.md", "todo.md", "CHECKLIST.md", "checklist.md", "docs/TODO.md")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        boxes = [box for line in prose(lines_of(text)) if (box := box_of(line)) and box.rest]
        if not boxes or any(_SPECKIT.match(box.rest) for box in boxes):
            return Sure.NO
        is_home = _HOME.fullmatch(re.split(r"[/\\]", path)[-1])
        return Sure.CERTAIN if is_home else Sure.MAYBE

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        found = _list(document.text)
        edges = Edges()
        remarks = list(_said(found, edges))
        _numbers(found, edges)
        items, cut = with_needs(
            [_item(row, document.path, found.title) for row in found.tasks], edges
        )
        return Reading(items, (*found.remarks, *remarks, *cut), found.title)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        found = _list(document.text)
        tasks = {row.key: row for row in found.tasks}
        boxes = [row.box for row in found.rows.values()]
        now = {row.key: row.standing for row in tasks.values()}
        edits: list[Edit] = []
        touched: dict[str, _Row] = {}
        for report in {each.key: each for each in reports if each.key in tasks}.values():
            row = tasks[report.key]
            if row.standing is report.standing:
                continue
            edit = ticked(row.box, report.standing, boxes)
            now[row.key] = report.standing
            if edit is not None:
                edits.append(edit)
            above = row.above
            while above is not None:
                touched[above.key] = above
                above = above.above
        for row in touched.values():
            edits += _with_last(row, now, boxes)
        missing = tuple(report.key for report in reports if report.key not in tasks)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Checklist()


# --- taking a text apart -----------------------------------------------------------------------


def _list(text: str) -> _List:
    found = _List()
    section, part = "", 0
    open_: list[_Row] = []
    for line in prose(lines_of(text)):
        title = heading(line.text)
        if title is not None:
            open_, part = [], part + 1
            section = one_line(title[1])
            if title[0] == 1 and not found.title:
                found.title = section
            continue
        box = box_of(line)
        if box is not None:
            open_ = [row for row in open_ if row.box.line.indent < line.indent][:DEPTH_MAX]
            row = _row(box, section, open_[-1] if open_ else None, found)
            if row is not None:
                row.part = part
                open_.append(row)
        elif line.text.strip():
            part += not line.indent
            open_ = [row for row in open_ if row.box.line.indent < line.indent]
            _below(line, open_, found)
    return found


def _row(box: Box, section: str, above: _Row | None, found: _List) -> _Row | None:
    """The entry of a line; `None` (and a remark) where it is none of its own."""
    number = box.line.number
    marker = _ID.match(box.rest)
    words = box.rest[marker.end() :].strip() if marker else box.rest.strip()
    plain = _bare(words) or one_line(words, WORDS_MAX)
    if not plain and not marker:
        said = "a box without words; this line is not read"
        found.remarks.append(Remark(About.UNREAD, number, said, "say what is to be done"))
        return None
    key = marker[1] if marker else plain
    if key in found.rows and not marker:
        key = f"{one_line(above.key if above is not None else section)} / {plain}"
    if key in found.rows:
        said = f"{one_line(key, 60)} is taken by line {found.rows[key].line}; this line is not read"
        found.remarks.append(Remark(About.UNREAD, number, said, "say it in other words"))
        return None
    if box.standing is None:
        said = f"the mark [{box.mark}] is not known and counts as open"
        found.remarks.append(Remark(About.NOTE, number, said, "write [ ] or [x]"))
    row = _Row(key, box, plain or key, words, section, above)
    row.needs = [(match[1], number) for match in _NEED.finditer(words)]
    found.rows[key] = row
    if above is not None:
        above.below.append(row)
    return row


def _below(line: Line, open_: Sequence[_Row], found: _List) -> None:
    """A line that is no entry: words of the one that it is indented below, if any."""
    if why := odd_box(line):
        said = f"looks like a box, but {why}; this line is not read: {one_line(line.text, 60)}"
        found.remarks.append(Remark(About.UNREAD, line.number, said, "write it as - [ ] words"))
        return
    if open_:
        text = line.text.strip()
        match = _BELOW.fullmatch(text)
        if match is not None:
            open_[-1].needs.append((match[1], line.number))
        open_[-1].more.append(text)


def _item(row: _Row, path: str, goal: str) -> Item:
    told = [row.whole or row.words, *row.more]
    around = []
    above = row.above
    while above is not None:
        around += [f"It is a part of: {above.words}", *above.more]
        above = above.above
    own = [line for line in row.more if not _BELOW.fullmatch(line)] + around
    if around:
        told += ["", *around]
    if row.section:
        told += ["", f"It stands below: {row.section}"]
        own += [f"It stands below: {row.section}"] if row.section != goal else []
    told += [
        "",
        f"This is an entry of {path}. Leave that file as it is: its boxes are ticked for you.",
    ]
    is_named = row.key != row.words and " / " not in row.key
    words = re.findall(r"[A-Za-z0-9]+", row.words)[:ID_WORDS]
    within = [above.key for above in _chain(row)]
    return Item(
        row.key,
        one_line(row.words),
        "\n".join(told),
        row.line,
        row.box.rest_col,
        row.standing,
        id=row.key.strip("#") if is_named else "-".join(words).lower()[:60],
        within=(*within, *([row.section] if row.section else [])),
        words="\n".join(own),
    )


def _chain(row: _Row) -> Iterator[_Row]:
    above = row.above
    while above is not None:
        yield above
        above = above.above


# --- order -------------------------------------------------------------------------------------


def _said(found: _List, edges: Edges) -> Iterator[Remark]:
    """The needs that entries give in words, and what of it could not be understood."""
    by_words: dict[str, _Row | None] = {}
    for row in found.rows.values():
        for name in {_name(row.key), _name(row.words)}:
            by_words[name] = None if name in by_words else row
    for row in found.rows.values():
        for text, number in row.needs:
            whole = by_words.get(_name(text))
            for name in [text] if whole is not None else text.split(","):
                other = by_words.get(_name(name))
                if other is None:
                    for last in row.leaves():
                        edges.say(last.key, Need(one_line(name, 60), number))
                    continue
                if other is row:
                    said = f"{one_line(row.words, 60)} names itself as a need; that is left out"
                    yield Remark(About.NOTE, number, said, "name another entry")
                    continue
                for first in other.leaves():
                    for last in row.leaves():
                        _need(first, last, other, row, number, edges)


def _need(first: _Row, last: _Row, other: _Row, row: _Row, number: int, edges: Edges) -> None:
    if first is last:
        return
    if first is other and last is row:
        edges.say(last.key, Need(first.key, number))
    else:
        why = f"{one_line(row.words, 40)} comes after {one_line(other.words, 40)}"
        edges.infer(last.key, Need(first.key, number, why))


def _name(text: str) -> str:
    return one_line(_MARKUP.sub("", text), WORDS_MAX).casefold().strip(" .")


def _bare(words: str) -> str:
    """The words of an entry without marks of type, and without what it says of its needs."""
    return one_line(_MARKUP.sub("", _NEED.sub("", words)), WORDS_MAX)


def _numbers(found: _List, edges: Edges) -> None:
    """Numbered entries side by side follow one another."""
    before: dict[tuple[str, int], _Row] = {}
    for row in found.rows.values():
        place = (row.above.key if row.above is not None else "", row.part)
        if not _NUMBERED.match(row.box.line.text):
            before.pop(place, None)
            continue
        first = before.get(place)
        for other in first.leaves() if first is not None and not edges.is_full else ():
            for leaf in row.leaves():
                why = "numbered entries follow one another"
                edges.infer(leaf.key, Need(other.key, leaf.line, why, leaf.box.rest_col))
        before[place] = row


# --- standing ----------------------------------------------------------------------------------


def _with_last(row: _Row, now: dict[str, Standing], boxes: Sequence[Box]) -> Iterator[Edit]:
    """The edit of an entry whose last one below is done now, or is not any more."""
    settled = (Standing.DONE, Standing.DROPPED)
    is_over = all(now[leaf.key] in settled for leaf in row.leaves())
    if is_over or row.box.standing is Standing.DONE:
        edit = ticked(row.box, Standing.DONE if is_over else Standing.OPEN, boxes)
        if edit is not None:
            yield edit
