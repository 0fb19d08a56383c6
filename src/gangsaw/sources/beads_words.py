"""How a record of Beads says where it stands: the few members that change, and how."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from gangsaw.sources.beads_records import Record
from gangsaw.sources.json_nodes import (
    Node,
    blank_of,
    nodes_of,
    with_item,
    with_member,
    without_items,
    without_members,
)
from gangsaw.sources.protocol import PHASES, Edit, Report, Standing

CLOSED_EPIC = "all of its tasks are closed"
"""The reason with which an epic is closed."""

PREFIX = "phase:"
COMMIT_LENGTH = 12

STATUS = {Standing.OPEN: "open", Standing.RUNNING: "in_progress", Standing.DONE: "closed"}
"""The words for what is written; the others are never."""

_PHASE = {Standing.OPEN: "", Standing.RUNNING: "working", Standing.DONE: "merged"}
_CLOSING = ("closed_at", "close_reason", "closed_by_session")
_ANCHORS = ("updated_at", "created_by", "created_at", "issue_type", "status")


def reason_of(report: Report) -> str:
    """The reason with which a record is closed."""
    return f"landed as {report.commit[:COMMIT_LENGTH]}" if report.commit else "landed"


def phase_of(report: Report) -> str:
    """The label for a report, without its prefix; empty if there is to be none."""
    is_known = report.standing is Standing.RUNNING and report.phase in PHASES
    return report.phase if is_known else _PHASE.get(report.standing, "")


def time_of(at: float) -> str:
    """A time as Beads writes it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_edits(
    text: str, record: Record, report: Report, now: Standing, reason: str = ""
) -> list[Edit]:
    """The edits by which a record that stands at `now` says the report. With a `reason` it is an
    epic, which has no phases."""
    is_same = report.standing is now
    if report.standing not in STATUS or (is_same and not (report.phase or report.note)):
        return []
    node, _ = nodes_of(text, record.start, record.end)
    edits: list[Edit] = []
    if not is_same:
        edits += _status(text, node, report, reason or reason_of(report))
    if not reason:
        edits += _holding(text, node, record, report)
        phase = phase_of(report)
        edits += _labels(text, node, f"{PREFIX}{phase}" if phase else "")
    if not is_same and report.standing is not Standing.DONE:
        gone = [name for name in _CLOSING if node.node(name) is not None]
        if report.standing is Standing.OPEN and _is_held_by(record, report.holder):
            gone.append("assignee")
        labels = node.node("labels")
        if labels is not None and labels.items and not _kept(labels) and not phase_of(report):
            gone.append("labels")
            edits = [edit for edit in edits if not labels.start <= edit.start < labels.end]
        edits += without_members(node, gone)
    return edits


def _status(text: str, node: Node, report: Report, reason: str) -> list[Edit]:
    after = _anchor(node)
    values = [("status", STATUS[report.standing])]
    if report.at and node.node("updated_at") is not None:
        values.append(("updated_at", time_of(report.at)))
    if report.standing is Standing.DONE:
        if report.at:
            values.append(("closed_at", time_of(report.at)))
        values.append(("close_reason", reason))
    found = [with_member(text, node, name, value, after) for name, value in values]
    return [edit for edit in found if edit is not None]


def _is_held_by(record: Record, holder: str) -> bool:
    return bool(holder) and record.text("assignee").strip() == holder


def _holding(text: str, node: Node, record: Record, report: Report) -> list[Edit]:
    """The claim, where nobody has one; and the note, behind those that are there."""
    edits: list[Edit | None] = []
    after = _anchor(node)
    is_free = not record.text("assignee").strip()
    if report.holder and is_free and report.standing is Standing.RUNNING:
        edits.append(with_member(text, node, "assignee", report.holder, after))
    notes = record.text("notes")
    if report.note and report.note not in notes.split("\n"):
        said = f"{notes.rstrip()}\n{report.note}" if notes.strip() else report.note
        edits.append(with_member(text, node, "notes", said, after))
    return [edit for edit in edits if edit is not None]


def _anchor(node: Node) -> str:
    """The member behind which new ones are put; none of those that may be taken out."""
    names = [each.key for each in node.members if each.key not in (*_CLOSING, "labels", "assignee")]
    return next((name for name in _ANCHORS if name in names), names[-1] if names else "")


def _labels(text: str, node: Node, wanted: str) -> list[Edit]:
    """Have the wanted label among the labels, and no other of its kind."""
    labels = node.node("labels")
    if labels is not None and not isinstance(labels.plain, (list, type(None))):
        return []  # whatever it is, it is not ours to replace
    if labels is None or labels.plain is None:
        if not wanted:
            return []
        edit = with_member(text, node, "labels", [wanted], _anchor(node))
        return [edit] if edit is not None else []
    olds = [n for n, each in enumerate(labels.items) if _is_phase(each)]
    kept = next((n for n in olds if labels.items[n].plain == wanted), olds[0] if olds else None)
    gone = [n in olds and not (wanted and n == kept) for n in range(len(labels.items))]
    edits = without_items(labels, gone)
    if wanted and kept is None:
        edits.append(with_item(text, labels, wanted, blank_of(text, node)))
    elif wanted and kept is not None and labels.items[kept].plain != wanted:
        old = labels.items[kept]
        edits.append(Edit(old.start, old.end, json.dumps(wanted)))
    return edits


def _is_phase(node: Node) -> bool:
    return isinstance(node.plain, str) and node.plain.startswith(PREFIX)


def _kept(labels: Node) -> list[Node]:
    return [each for each in labels.items if not _is_phase(each)]
