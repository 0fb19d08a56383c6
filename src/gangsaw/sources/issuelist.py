"""Lists of issues, `number:model:description` one a line, as scripts that start agents keep them.

Plain lines, or the quoted entries of a shell's array. Order: what an entry says in brackets
("(depends on #61)", "(after 61, 62)"); one that says that it is blocking comes before all that
follow it; and below comments that count phases (`# Phase 2: …`), a phase waits for the one before,
and entries of a phase that is called serial for one another.

Written back: an entry that is done becomes a comment, `# done: 61:opus:…`, which the scripts that
read such lists pass over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.lines import Line, lines_of, one_line
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

_MARK = re.compile(r"#[ \t]*(?:(done|dropped|later)\b:?[ \t]*)?")
_ENTRY = re.compile(r"(\d{1,9})[ \t]*:[ \t]*([A-Za-z][\w./@-]{0,79})?[ \t]*:[ \t]*(\S.*)")
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')[ \t]*,?[ \t]*(?:#.*)?")
_ALMOST = re.compile(r"[-*+\"'(\[]*[ \t]*#?\d{1,9}[ \t]*[:|;,.)]|.*[\"']\d{1,9}:")
_SHELL = re.compile(
    r"(?:(?:declare|local|readonly|export|typeset)[ \t]+(?:-\w+[ \t]+)*)?[A-Za-z_]\w*\+?=\([ \t]*"
    r"|\)[ \t]*;?"
)
_PHASE = re.compile(r"[\s#=*-]*phase[ \t]+(\d{1,4})\b(.*)", re.IGNORECASE)
_SERIAL = re.compile(r"\b(?:serial|sequential|in order|one after (?:the|an)other)\b", re.IGNORECASE)
_BLOCKING = re.compile(r"\(blocking\)|\bBLOCKING\b")
_NEEDS = re.compile(
    r"\((?:depends on|after|needs|blocked by|waits for):?\s+([^()]{1,300})\)", re.IGNORECASE
)
_AFTER = re.compile(r"\s+\(after \d{1,9}(?:, \d{1,9}){0,99}\)\Z")
"""At the end of an entry, where it is no part of the title."""

_NUMBER = re.compile(r"#?(?<![\w.])(\d{1,9})(?![\w.])")
_MODEL = re.compile(
    r"(?:claude|opus|sonnet|haiku|gpt|o\d|codex|gemini|qwen|llama|deepseek|mistral|grok|kimi|glm)",
    re.IGNORECASE,
)
_WORDS = {"done": Standing.DONE, "dropped": Standing.DROPPED, "later": Standing.LATER}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry. From `start` to `end` stands the mark before it, if there is one. `phase` counts
    the phases of the file from 1; 0 is none."""

    key: str
    model: str
    words: str
    line: Line
    start: int
    end: int
    standing: Standing
    phase: int
    is_serial: bool

    @property
    def is_comment(self) -> bool:
        """Whether it was taken out of the list by a bare `#`."""
        return self.standing is Standing.DROPPED and "dropped" not in self._mark

    @property
    def _mark(self) -> str:
        return self.line.text[self.start - self.line.start : self.end - self.line.start]


@dataclass(slots=True)
class _List:
    """A text taken apart."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    phases: dict[int, str] = field(default_factory=dict)
    odd: int = 0


class IssueList:
    """See the head of the module."""

    name = "issuelist"
    about = "lists of issues: number:model:description, one a line"
    homes = ("issues.txt", "issues.list", "scripts/issues.txt", "docs/issues.txt")
    members: tuple[str, ...] = ()

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        found = _list(text)
        live = [each for each in found.entries.values() if not each.is_comment]
        if not live:
            return Sure.NO
        is_clean = not found.odd and not found.remarks
        if is_clean and all(_MODEL.match(each.model) for each in live):
            return Sure.CERTAIN
        return Sure.MAYBE if len(live) > found.odd else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        document = documents[0]
        found = _list(document.text)
        edges = Edges()
        remarks = [*found.remarks, *_said(found, edges)]
        _phases(found, edges)
        _blocking(found, edges)
        items, cut = with_needs(
            [_item(each, document.path) for each in found.entries.values()], edges
        )
        for each in found.entries.values():
            if each.is_comment:
                said = f"#{each.key} is commented out; it is not run"
                remarks.append(Remark(About.NOTE, each.line.number, said))
        if found.odd:
            said = f"{found.odd} other line{'s are' if found.odd > 1 else ' is'} no entry"
            remarks.append(Remark(About.NOTE, 1, said, "entries are number:model:description"))
        return Reading(items, (*remarks, *cut))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        entries = _list(document.text).entries
        wanted = {each.key: each.standing for each in reports}
        edits = [
            edit
            for key, standing in wanted.items()
            if key in entries and (edit := _edit(entries[key], standing)) is not None
        ]
        missing = tuple(key for key in wanted if key not in entries)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), missing)


DIALECT = IssueList()


# --- entries -----------------------------------------------------------------------------------


def _list(text: str) -> _List:
    found = _List()
    comments: list[_Entry] = []
    phase, is_serial = 0, False
    for line in lines_of(text):
        said = line.text.strip()
        if not said:
            continue
        if said.startswith("#") and (head := _PHASE.fullmatch(said)):
            phase, is_serial = len(found.phases) + 1, _SERIAL.search(head[2]) is not None
            found.phases[phase] = head[1].lstrip("0") or "0"
            continue
        entry = _entry(line, phase, is_serial)
        if entry is None:
            _other(said, line, found)
        elif entry.is_comment:
            comments.append(entry)
        elif entry.key in found.entries:
            first = found.entries[entry.key].line.number
            said = f"#{entry.key} is taken by line {first}; this entry is not read"
            found.remarks.append(
                Remark(About.UNREAD, line.number, said, "give it a number of its own")
            )
        else:
            found.entries[entry.key] = entry
    for entry in comments:
        found.entries.setdefault(entry.key, entry)
    order = sorted(found.entries.values(), key=lambda each: each.line.number)
    found.entries = {each.key: each for each in order}
    return found


def _entry(line: Line, phase: int, is_serial: bool) -> _Entry | None:
    """The entry in a line, also behind a mark."""
    blank = len(line.text) - len(line.text.lstrip())
    mark = _MARK.match(line.text, blank)
    at = mark.end() if mark is not None else blank
    said = line.text[at:].strip()
    quoted = _QUOTED.fullmatch(said)
    match = _ENTRY.fullmatch(quoted[1][1:-1].strip() if quoted is not None else said)
    if match is None:
        return None
    standing = Standing.OPEN
    if mark is not None:
        standing = _WORDS.get(mark[1] or "", Standing.DROPPED)
    return _Entry(
        str(int(match[1])), match[2] or "", match[3].strip(), line, line.start + blank,
        line.start + at, standing, phase, is_serial,
    )  # fmt: skip


def _other(said: str, line: Line, found: _List) -> None:
    """What to say of a line that is no entry."""
    if said.startswith("#") or _SHELL.fullmatch(said):
        return
    if _ALMOST.match(said):
        text = f"not read: {one_line(said, 60)}"
        remedy = "write one entry a line, as number:model:description"
        found.remarks.append(Remark(About.UNREAD, line.number, text, remedy))
    else:
        found.odd += 1


def _item(entry: _Entry, path: str) -> Item:
    told = (
        f"Issue #{entry.key}: {entry.words}\n\nIt stands in {path}. Leave that file as it is: "
        "whether the issue is done is written there for you."
    )
    fields = {"model": entry.model} if entry.model else {}
    whole = _AFTER.sub("", entry.words)
    title = one_line(whole) or f"#{entry.key}"
    return Item(
        entry.key, title, told, entry.line.number, standing=entry.standing, fields=fields,
        words="" if one_line(whole, len(whole) + 1) == title else entry.words,
    )  # fmt: skip


# --- order -------------------------------------------------------------------------------------


def _said(found: _List, edges: Edges) -> Iterator[Remark]:
    """What entries say in words."""
    for entry in found.entries.values():
        for match in _NEEDS.finditer(entry.words):
            numbers = _numbers(match)
            if not numbers:
                edges.say(entry.key, Need(one_line(match[1], 60), entry.line.number))
            for key in numbers:
                if key == entry.key:
                    said = f"#{entry.key} depends on itself; that is left out"
                    yield Remark(About.NOTE, entry.line.number, said)
                else:
                    edges.say(entry.key, Need(key, entry.line.number))


def needs_in(words: str) -> set[str]:
    """The numbers that the words of an entry say it waits for."""
    return {key for match in _NEEDS.finditer(words) for key in _numbers(match)}


def _numbers(match: re.Match[str]) -> list[str]:
    return [str(int(each[1])) for each in _NUMBER.finditer(match[1])]


def _phases(found: _List, edges: Edges) -> None:
    """Each phase waits for the one before it that has entries."""
    by_phase: dict[int, list[_Entry]] = {}
    for entry in found.entries.values():
        if entry.phase:
            by_phase.setdefault(entry.phase, []).append(entry)
    before: list[_Entry] = []
    for phase, entries in by_phase.items():
        name = found.phases[phase]
        for n, entry in enumerate(entries):
            if n and entry.is_serial:
                why = f"phase {name} is serial"
                edges.infer(entry.key, Need(entries[n - 1].key, entry.line.number, why))
            for other in before:
                why = f"phase {found.phases[other.phase]} comes before phase {name}"
                edges.infer(entry.key, Need(other.key, entry.line.number, why))
        before = entries


def _blocking(found: _List, edges: Edges) -> None:
    """What follows the last entry that says that it is blocking waits for it."""
    last: _Entry | None = None
    for entry in found.entries.values():
        if last is not None:
            why = f"#{last.key} is blocking"
            edges.infer(entry.key, Need(last.key, entry.line.number, why))
        if _BLOCKING.search(entry.words):
            last = entry


# --- standing ----------------------------------------------------------------------------------


def _edit(entry: _Entry, wanted: Standing) -> Edit | None:
    """The edit by which an entry says where it stands; one that is begun has no mark."""
    if wanted is Standing.DONE and entry.standing is not Standing.DONE:
        return Edit(entry.start, entry.end, "# done: ")
    is_open = wanted in (Standing.OPEN, Standing.RUNNING)
    if is_open and entry.standing is Standing.DONE:
        return Edit(entry.start, entry.end, "")
    return None
