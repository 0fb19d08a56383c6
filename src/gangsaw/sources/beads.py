"""Beads: `.beads/*.jsonl`, and what `bd list --json`, `bd show --json` and `bd export` print.

Order: a record waits for what it is blocked by, and for what its epic is blocked by; never for its
epic itself. Who is blocked by an epic waits for all that is in it. An epic is no task: it is closed
when the last of its tasks is. Gates, what is deferred and what has a status that is not known are
on hold.

Written back: the status with its time and reason, and the label that says how far a record is.
Where `bd` keeps the records it is asked for them, and told (`beads_bd`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gangsaw.sources.beads_bd import Bd
from gangsaw.sources.beads_epics import epics_of
from gangsaw.sources.beads_house import (
    House,
    hold_of,
    house_of,
    ordered,
    skips,
    standing_of,
    tell_epics,
    tell_skipped,
)
from gangsaw.sources.beads_records import Record, records_of
from gangsaw.sources.beads_store import redirected as redirected_folder
from gangsaw.sources.beads_store import stale
from gangsaw.sources.beads_words import CLOSED_EPIC, record_edits
from gangsaw.sources.edges import Edges, with_needs
from gangsaw.sources.json_nodes import JsonFault
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import (
    About,
    Answer,
    Document,
    Edit,
    Item,
    Reading,
    Remark,
    Report,
    Standing,
    Sure,
)

HEAD_MAX = 20_000
"""Characters of a text by which its kind is told."""

COMMENTS_MAX = 10
"""Comments of a record that its agent is told, the last ones."""

_FIELD = re.compile(r"(agent|model|track):(\S.*)")


class Beads:
    """See the head of the module."""

    name = "beads"
    about = "Beads: .beads/*.jsonl, and the JSON that bd prints"
    homes = (".beads",)
    members = ("issues.jsonl", "beads.jsonl", "issues/*.jsonl")

    def detect(self, path: str, text: str) -> Sure:
        """See `Dialect`."""
        head = text[:HEAD_MAX]
        if not re.search(r'"id"\s*:', head):
            return Sure.NO
        if re.search(r'"issue_type"\s*:\s*"', head):
            return Sure.CERTAIN
        if ".beads" in re.split(r"[/\\]", path) and path.endswith(".jsonl"):
            return Sure.CERTAIN
        is_like = path.endswith(".jsonl") and '"title"' in head and '"status"' in head
        return Sure.MAYBE if is_like else Sure.NO

    def read(self, documents: Sequence[Document]) -> Reading:
        """See `Dialect`."""
        house = house_of([records_of(each.text, n) for n, each in enumerate(documents)])
        edges = Edges()
        held = ordered(house, edges)
        items = [
            _item(record, house, held)
            for record in house.records.values()
            if not house.is_epic(record.key) and not skips(record, house)
        ]
        tell_epics(house)
        tell_skipped(house)
        tasks = {item.key for item in items}
        again = [_item(record, house, held) for record in house.others if record.key in tasks]
        for record in house.others:
            if record.key not in tasks:
                # Of an epic, say: it is none the second time either.
                first = house.records[record.key].line
                said = f"{one_line(record.key, 60)}: line {first} has this id, and is no task"
                remedy, place = "give it another id, or remove the line", record.document
                remark = Remark(About.UNREAD, record.line, said, remedy, document=place)
                house.remarks.append(remark)
        found, cut = with_needs(items, edges)
        return Reading((*found, *again), (*house.remarks, *cut))

    def edits(self, document: Document, reports: Sequence[Report]) -> Answer:
        """See `Dialect`."""
        house = house_of([records_of(document.text)])
        now = {key: standing_of(record, house) for key, record in house.records.items()}
        edits: list[Edit] = []
        missing: list[str] = []
        touched: dict[str, Report] = {}
        doubles: dict[str, list[Record]] = {}
        for record in house.others:
            doubles.setdefault(record.key, []).append(record)
        for report in {each.key: each for each in reports}.values():
            if report.key not in house.records:
                missing.append(report.key)
                continue
            touched[report.key] = report
            first = house.records[report.key]
            is_done = report.standing is Standing.DONE
            others = doubles.get(report.key, ()) if is_done else ()
            # Under another title it is another task, that a merge has given the same id.
            same = (each for each in others if each.text("title") == first.text("title"))
            for each in (first, *same):
                edits += _edits(document.text, each, report, standing_of(each, house))
            now[report.key] = report.standing
        for epic, report in epics_of(house, now, touched):
            edits += _edits(document.text, epic, report, now[epic.key], CLOSED_EPIC)
        return Answer(tuple(sorted(edits, key=lambda edit: edit.start)), tuple(missing))


DIALECT = Beads()
surroundings = stale
redirected = redirected_folder
PROGRAM = Bd()
PHASED = True


def _edits(
    text: str, record: Record, report: Report, now: Standing, reason: str = ""
) -> list[Edit]:
    try:
        return record_edits(text, record, report, now, reason)
    except JsonFault:  # what the quick reader takes and the exact one does not: absurdly deep
        return []


# --- records --------------------------------------------------------------------------------------


def _item(record: Record, house: House, held: Mapping[str, str]) -> Item:
    standing = standing_of(record, house)
    why = hold_of(record, house) if standing is Standing.LATER else ""
    if record.key in held and standing in (Standing.OPEN, Standing.RUNNING):
        standing, why = Standing.LATER, held[record.key]
    if why:
        house.note(record, f"{one_line(record.key, 60)}: {why}")
    assignee = one_line(record.text("assignee"), 60)
    if standing is Standing.RUNNING and assignee:
        house.note(
            record, f"{one_line(record.key, 60)} is in progress by {assignee}; it is taken up"
        )
    title = one_line(record.text("title")) or record.key
    own = _words(record, house)
    return Item(
        record.key,
        title,
        _prompt(record, title, own),
        record.line,
        standing=standing,
        fields=_fields(record),
        document=record.document,
        within=tuple(house.above(record.key)),
        holder=one_line(record.text("assignee"), 60),
        words=own,
    )


def _fields(record: Record) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    given = record.table.get("priority")
    if isinstance(given, str) and re.fullmatch(r"[Pp]?[0-4]", given):
        given = int(given[-1])
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 4:
        fields["priority"] = 4 - given
    minutes = record.table.get("estimated_minutes")
    if isinstance(minutes, int) and 0 < minutes < 1_000_000:
        fields["estimate_s"] = minutes * 60
    for label in record.labels:
        match = _FIELD.fullmatch(label)
        if match is not None:
            fields.setdefault(match[1], one_line(match[2], 80))
    return fields


def _words(record: Record, house: House) -> str:
    """All that people have written into the record."""
    parts = [record.text("description")]
    for name, head in (
        ("design", "Design"),
        ("acceptance_criteria", "Acceptance criteria"),
        ("notes", "Notes"),
    ):
        if record.text(name).strip():
            parts.append(f"{head}:\n{record.text(name)}")
    comments = list(_comments(record.table.get("comments")))[-COMMENTS_MAX:]
    if comments:
        parts.append("Comments:\n" + "\n".join(comments))
    parts += _surroundings(record, house)
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _prompt(record: Record, title: str, words: str) -> str:
    """What the agent is told."""
    parts = [title, words]
    parts.append(
        f"This is {one_line(record.key, 60)} of Beads. Leave .beads/ as it is, and do not call bd "
        "to change it: how the task stands is written there for you."
    )
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _comments(given: Any) -> Iterator[str]:
    for each in given if isinstance(given, list) else ():
        text = each.get("text") if isinstance(each, dict) else each
        if isinstance(text, str) and text.strip():
            yield f"- {one_line(text, 1_000)}"


def _surroundings(record: Record, house: House) -> list[str]:
    """What it is a part of, and what it is loosely linked to."""
    parts = []
    for key in house.above(record.key)[:2]:
        above = house.records[key]
        said = above.text("description").strip()
        name = f"It is a part of {key}: {one_line(above.text('title'))}"
        parts.append(f"{name}\n{said}" if said else name)
    links = [
        f"- {one_line(kind, 30)} {one_line(key, 60)}: {one_line(house.records[key].text('title'))}"
        for kind, key in house.loose.get(record.key, ())
        if key in house.records
    ]
    return [*parts, "See also:\n" + "\n".join(links)] if links else parts
