"""spec-kit's `specs/<nnn-name>/tasks.md`, with the role tags of teams that split a feature.

Order: a phase waits for all that was before it; phases of user stories wait for the last phase that
is no story, and not for one another. In a phase a line without `[P]` waits for the lines before it,
neighbouring lines with `[P]` wait for what was before the first of them. Lines that name the same
file follow one another, `[P]` or not. Words outrank all that: "(depends on T012, US1)" adds needs,
"— Deps: T001, T002" replaces what the order of lines would mean.

Written back: the box, and for a line with a role its commit, as a line of the role's section.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from gangsaw.sources.speckit_words import Words, files_of, order_of, role_of, words_of

_ID = re.compile(r"(?:\*\*|__|`)?(T\d{3,6}[a-z]?)(?:\*\*|__|`)?[:.]?(?:\*\*)?(?=\s|$)")
_LIKE_ID = re.compile(r"(?:\*\*|`)?[Tt][ -]?\d+")
_BARE = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\*\*)?T\d{3,6}[a-z]?(?:\*\*)?[:.]?[ \t]+\S")
_LIKE_ROW = re.compile(r"[\]☐☑☒⬜▢□][ \t|*_`]*T\d{3,6}[a-z]?\b")
_STORY = re.compile(r"user stor(?:y|ies)\s+#?(\d+)|\bUS\s?(\d+)\b", re.IGNORECASE)
_PRIORITY = re.compile(r"\bP([0-9])\b")
_PHASE = re.compile(r"phase\s+([\w.]+)", re.IGNORECASE)
_GOAL = re.compile(r"\*\*(Goal|Independent Test|Checkpoint)\*?\*?:?\*{0,2}:?\s*(.*)", re.IGNORECASE)
_OVER = re.compile(r"dependenc|parallel (?:example|execution|opportunit)|implementation strategy|"
                   r"validation checklist|\bnotes\b|task generation|execution flow|format:|"
                   r"path conventions|status", re.IGNORECASE)  # fmt: skip
STORY_MOST = 10
"""Priority P1 is taken as 9, P2 as 8, and so on: higher goes first with us."""


@dataclass(slots=True)
class Phase:
    """A heading with tasks below it. `story` is the user story that it is about, if any."""

    title: str
    name: str = ""
    story: str = ""
    priority: int = 0
    words: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """One line with a task on it, and the indented lines below."""

    key: str
    box: Box
    words: Words
    phase: Phase
    more: list[str] = field(default_factory=list)

    @property
    def line(self) -> int:
        return self.box.line.number


@dataclass(slots=True)
class Parsed:
    """A text taken apart."""

    title: str = ""
    phases: list[Phase] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    orders: list[tuple[Line, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        return [row for phase in self.phases for row in phase.rows]


class Speckit:
    """See the head of the module."""

    name = "speckit"
    about = "spec-kit's tasks.md: phases, [P], stories, roles"
    homes = ("specs/*/tasks.md", ".specify/specs/*/tasks.md", "tasks.md")
    members = ("tasks.md",)

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        lines = list(prose(lines_of(text)))
        rows = sum(1 for line in lines if (box := box_of(line)) and _ID.match(box.rest))
        if not rows:
            return Sure.NO
        phases = any((found := heading(line.text)) and _PHASE.match(found[1]) for line in lines)
        named = re.split(r"[/\\]", path)[-1].lower() == "tasks.md"
        return Sure.CERTAIN if named or phases else Sure.MAYBE

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        parsed = _parsed(document.text)
        edges = Edges()
        remarks = _said(parsed, edges)
        _order(parsed.phases, edges)
        _same_files(parsed.rows, edges)
        items = [_item(row, document.path) for row in parsed.rows]
        found, cut = with_needs(items, edges)
        return Reading(found, (*parsed.remarks, *remarks, *cut), parsed.title)

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        parsed = _parsed(document.text)
        rows = {row.key: row for row in parsed.rows}
        edits: list[Edit] = []
        landed: list[tuple[Row, Report]] = []
        for report in reports:
            row = rows.get(report.key)
            if row is None:
                continue
            edit = ticked(row.box, report.standing, parsed.boxes)
            if edit is not None:
                edits.append(edit)
            if report.standing is Standing.DONE and report.commit and row.words.role:
                landed.append((row, report))
        edits += _role_lines(document.text, landed)
        missing = tuple(report.key for report in reports if report.key not in rows)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = Speckit()


# --- taking a text apart -----------------------------------------------------------------------


def _parsed(text: str) -> Parsed:
    found = Parsed()
    phase = Phase("")
    row: Row | None = None
    seen: dict[str, int] = {}
    for line in prose(lines_of(text)):
        title = heading(line.text)
        if title is not None:
            row = None
            if _ID.match(title[1]):
                _unread(line, "a task as a heading", found)
                continue
            if title[0] == 1 and not found.title:
                found.title = one_line(re.sub(r"(?i)^tasks?\s*:\s*", "", title[1]))
            elif title[0] <= 2 or _PHASE.match(title[1]):
                phase = _phase(title[1])
                found.phases.append(phase)
            continue
        box = box_of(line)
        if box is not None and (key := _ID.match(box.rest)):
            found.boxes.append(box)
            row = _row(key, box, phase, found, seen)
            continue
        odd = odd_box(line) if row is None or _LIKE_ROW.search(line.text) else ""
        if not odd and row is not None and line.text.strip() and line.indent > row.box.line.indent:
            row.more.append(line.text.strip())
            continue
        row = row if not line.text.strip() else None
        _other(line, box, phase, found)
    return found


def _phase(title: str) -> Phase:
    phase, story, priority = _PHASE.match(title), _STORY.search(title), _PRIORITY.search(title)
    return Phase(
        one_line(title),
        phase[1].rstrip(".:").lower() if phase else "",
        f"US{story[1] or story[2]}" if story else "",
        max(0, STORY_MOST - int(priority[1])) if priority else 0,
    )


def _row(
    key: re.Match[str], box: Box, phase: Phase, found: Parsed, seen: dict[str, int]
) -> Row | None:
    """The task of a line, put into its phase; `None` (and a remark) if it is not one of its own."""
    name, number = key[1], box.line.number
    if name in seen:
        said = f"{name} is taken by line {seen[name]}; this line is not read"
        found.remarks.append(Remark(About.UNREAD, number, said, "give it an id of its own"))
        return None
    seen[name] = number
    if not found.phases or found.phases[-1] is not phase:
        found.phases.append(phase)
    words = words_of(box.rest[key.end() :])
    row = Row(name, box, words, phase)
    if box.standing is None:
        said = f"the mark [{box.mark}] of {name} is not known and counts as open"
        found.remarks.append(Remark(About.NOTE, number, said, "write [ ] or [x]"))
    if not words.text:
        said = f"{name} says nothing but its id; this line is not read"
        found.remarks.append(Remark(About.UNREAD, number, said, "say what is to be done"))
        return None
    phase.rows.append(row)
    return row


def _other(line: Line, box: Box | None, phase: Phase, found: Parsed) -> None:
    """A line that is no task: what it says about its phase, or why it looks like a task."""
    if goal := _GOAL.search(line.text):
        if goal[2].strip():
            phase.words.append(f"{goal[1].capitalize()}: {goal[2].strip()}")
        return
    if not phase.name and _OVER.search(phase.title):
        if order := order_of(line.text):
            found.orders.append((line, *order))
    elif box is not None:
        like = _LIKE_ID.match(box.rest)
        said = "the id is not a T with three digits or more" if like else "a box without an id"
        _unread(line, said, found)
    elif _BARE.match(line.text):
        _unread(line, "a task without a box", found)
    elif why := odd_box(line):
        _unread(line, f"looks like a box, but {why}", found)


def _unread(line: Line, why: str, found: Parsed) -> None:
    text = f"{why}; this line is not read: {one_line(line.text, 60)}"
    remark = Remark(About.UNREAD, line.number, text, "write it as - [ ] T001 …")
    found.remarks.append(remark)


def _item(row: Row, path: str) -> Item:
    words, phase = row.words, row.phase
    fields: dict[str, object] = {}
    if words.role:
        fields["track"] = words.role
    if phase.priority:
        fields["priority"] = phase.priority
    told = [words.text, *row.more]
    if phase.title:
        told += ["", phase.title, *phase.words]
    own = "\n".join(told[1:])
    told += ["", f"This is {row.key} of {path}; spec.md and plan.md beside it say more, where they "
             "exist. Leave that file as it is: its boxes are ticked for you."]  # fmt: skip
    return Item(
        row.key,
        one_line(words.text),
        "\n".join(told),
        row.line,
        row.box.rest_col,
        row.box.standing or Standing.OPEN,
        fields=fields,
        words=own,
        within=tuple(each for each in (words.story or phase.story, words.role) if each),
    )


# --- order -------------------------------------------------------------------------------------


def _order(phases: Sequence[Phase], edges: Edges) -> None:
    """What phases and `[P]` mean, for all lines that do not name their needs themselves."""
    before: list[Row] = []
    stories: list[Row] = []
    for phase in phases:
        if not phase.rows:
            continue
        if phase.story:
            stories += _in_phase(phase, before, edges)
        else:
            before = _in_phase(phase, [*before, *stories] if stories else before, edges)
            stories = []


def _in_phase(phase: Phase, before: Sequence[Row], edges: Edges) -> list[Row]:
    """Add the needs within a phase that begins after `before`; what comes after the phase waits for
    the rows returned."""
    settled, batch = list(before), list[Row]()
    for row in phase.rows:
        if not row.words.parallel:
            settled, batch = [*(batch or settled)], []
        if row.words.deps is None:
            for other in settled:
                where = "order of lines" if other.phase is phase else f"comes after {_name(other)}"
                edges.infer(row.key, Need(other.key, row.line, where, row.box.rest_col))
        if row.words.parallel:
            batch.append(row)
        else:
            settled = [row]
    return batch or settled


def _name(row: Row) -> str:
    return row.phase.title or "the lines above"


def _same_files(rows: Sequence[Row], edges: Edges) -> None:
    """Lines that name the same file follow one another."""
    last: dict[str, Row] = {}
    found: list[tuple[str, Need]] = []
    for row in rows:
        for name in files_of(row.words.text):
            if name in last and last[name] is not row:
                why = f"both name {one_line(name, 60)}"
                found.append((row.key, Need(last[name].key, row.line, why, row.box.rest_col)))
            last[name] = row
    edges.infer_order([row.key for row in rows], found)


def _said(parsed: Parsed, edges: Edges) -> list[Remark]:
    """The needs that lines give in words, and what of it could not be understood."""
    keys = {row.key for row in parsed.rows}
    by_story: dict[str, list[str]] = {}
    by_phase: dict[str, list[str]] = {}
    for row in parsed.rows:
        by_phase.setdefault(row.phase.name, []).append(row.key)
        for story in {row.words.story, row.phase.story}:
            by_story.setdefault(story, []).append(row.key)
    known = _Known(sorted(keys), by_story, by_phase)
    remarks: list[Remark] = []
    for row in parsed.rows:
        for ref in (*(row.words.deps or ()), *row.words.depends):
            several = known.several(ref)
            for key in several or ():
                why = "" if "…" in ref else f"depends on {ref}"
                _need(edges, row.key, Need(key, row.line, why, row.box.rest_col))
            if not several:
                edges.say(row.key, Need(ref, row.line, col=row.box.rest_col))
        for text in row.words.unknown:
            edges.say(row.key, Need(one_line(text, 60), row.line, col=row.box.rest_col))
        for text in row.words.unclear:
            said = f"{row.key}: not understood as a need: {one_line(text, 60)}"
            remarks.append(Remark(About.NOTE, row.line, said, "name tasks: (depends on T001)"))
    for line, first, second in parsed.orders:
        why = f"line says: {one_line(line.text.strip(' -*'), 60)}"
        for later in known.all(second):
            for key in known.all(first):
                edges.infer(later, Need(key, line.number, why))
    return remarks


def _need(edges: Edges, key: str, need: Need) -> None:
    if need.why:
        edges.infer(key, need)
    elif need.key != key:
        edges.say(key, need)


@dataclass(frozen=True, slots=True)
class _Known:
    """What words such as `T001…T004`, `US1` and `phase 2` stand for."""

    keys: Sequence[str]
    by_story: dict[str, list[str]]
    by_phase: dict[str, list[str]]

    def several(self, ref: str) -> Sequence[str] | None:
        """The tasks of a word for several; `None` for the id of one."""
        if ref.startswith("phase "):
            return self.by_phase.get(ref.removeprefix("phase "), ())
        if ref.startswith("US"):
            return self.by_story.get(ref, ())
        if "…" in ref:
            first, last = ref.split("…")
            return [key for key in self.keys if (len(first), first) <= (len(key), key)
                    and (len(key), key) <= (len(last), last)]  # fmt: skip
        return None

    def all(self, refs: Sequence[str]) -> list[str]:
        """The tasks that there are of all these."""
        found: dict[str, None] = {}
        for ref in refs:
            several = self.several(ref)
            found |= dict.fromkeys(several if several is not None else [ref])
        return [key for key in found if key in self.keys]


# --- role sections -----------------------------------------------------------------------------


def _role_lines(text: str, landed: Sequence[tuple[Row, Report]]) -> list[Edit]:
    """One more line below the heading of each role whose task has landed, where there is one."""
    lines = lines_of(text)
    edits: dict[int, str] = {}
    for row, report in landed:
        section = _section(lines, row.words.role)
        if not section:
            continue
        entries = [line for line in section[1:] if "→" in line.text]
        if any(re.search(rf"\b{row.key}\b", line.text) for line in entries):
            continue
        last = entries[-1] if entries else section[0]
        edits.setdefault(last.after, "")
        edits[last.after] += _entry(last, entries, row, report, lines)
    return [Edit(at, at, said) for at, said in edits.items()]


def _section(lines: Sequence[Line], role: str) -> list[Line]:
    """The heading of a role's section and what is below it, up to the next heading."""
    found: list[Line] = []
    for line in prose(list(lines)):
        title = heading(line.text)
        if title is not None:
            if found:
                break
            if role_of(title[1]) == role:
                found.append(line)
        elif found:
            found.append(line)
    return found


def _entry(
    last: Line, entries: Sequence[Line], row: Row, report: Report, lines: Sequence[Line]
) -> str:
    """A line `role → hash — message` that looks like its neighbours."""
    end = last.end or next((line.end for line in lines if line.end), "\n")
    lead, quote, length = "- ", "", 7
    if entries:
        match = re.match(r"\s*(?:[-*+][ \t]+)?", entries[-1].text)
        lead = match[0] if match else ""
        hashed = re.search(r"→\s*(`?)([0-9a-f]{7,40})\b", entries[-1].text)
        if hashed:
            quote, length = hashed[1], len(hashed[2])
    said = f"{lead}{row.words.tag} → {quote}{report.commit[:length]}{quote} — {row.key}: "
    said += one_line(row.words.text)
    return said + end if last.end else end + said
