"""A task file that was changed while its run goes on: which of it is news, and when does it hold?

Three things are compared: what was accepted (or taken up since), what gangsaw itself has written,
and what the file says now. The new version counts as a whole or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from gangsaw.core import observations as ob
from gangsaw.core.edits import Held, Mark, Marked, Record
from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken, WatchEvent
from gangsaw.core.model import Task
from gangsaw.core.phases import Phase
from gangsaw.core.replacing import replace
from gangsaw.core.standing import Entry, Standing
from gangsaw.core.state import State, is_live

REASON_MAX = 1_000

_OPEN = (Standing.OPEN, Standing.RUNNING)
_NONE = Held()


def seen(found: ob.SourceSeen, state: State) -> list[WatchEvent]:
    """A version of the file was read; news if it says anything new, or mends what was refused."""
    if not _is_current(found.change, state):
        return []
    taken = _compared(found, state)
    lacking = _unknown_need(state, taken)
    if lacking:
        return _refused(state, lacking)
    if taken == SourceTaken() and not state.source.fault and not found.fresh:
        return []
    return [dataclasses.replace(taken, unread=found.unread, notes=found.notes)]


def unread(found: ob.SourceUnread, state: State) -> list[WatchEvent]:
    """A version of the file that cannot be used: told once."""
    return _refused(state, found.reason) if _is_current(found.change, state) else []


def _is_current(change: int, state: State) -> bool:
    """Whether a reading that was begun then may still be compared."""
    watched = state.task_file is not None and state.task_file.watched
    return watched and state.end is None and change == state.source.changes


def _refused(state: State, reason: str) -> list[WatchEvent]:
    reason = reason[:REASON_MAX]
    return [] if state.source.fault == reason else [SourceRefused(reason)]


def due(state: State) -> list[WatchEvent]:
    """The first of the edits that waited and may hold now."""
    for name in state.source.later:
        if not is_bound(state, name):
            return [EditTaken(name)]
    return []


def is_bound(state: State, name: str) -> bool:
    """Whether the task has to stay what it is: it is being worked on, or has landed."""
    attempt = state.attempt_of(name)
    return state.task_states[name].finished or (attempt is not None and is_live(attempt))


def latest(state: State, name: str) -> Task:
    """The task as its file has it by the last version that was taken up. All of these together have
    no cycle, as those that are accepted at the moment might."""
    return state.source.later.get(name, _NONE).task or state.tasks[name]


def needs_of(state: State) -> dict[str, tuple[str, ...]]:
    """Who needs whom by these versions."""
    if not state.source.later:
        return {task.id: task.needs for task in state.tasks.values()}
    return {name: latest(state, name).needs for name in state.tasks}


# --- what is new -------------------------------------------------------------------------------


def _compared(found: ob.SourceSeen, state: State) -> SourceTaken:
    records = {record.entry.task: record for record in found.records}
    ours = set(state.landed)
    edited: list[Task] = []
    marked: list[Marked] = []
    opened: list[str] = []
    moved: list[Entry] = []
    for name, entry in state.entries.items():
        record = records.get(name)
        mark = _mark_in(record)
        if mark is not None and mark.standing is Standing.DONE and name in ours:
            mark = None  # that we have written there ourselves, even if it was undone since
        if not state.task_states[name].finished and mark != state.source.marks.get(name):
            if mark is None:
                opened.append(name)
            else:
                marked.append(Marked(name, mark))
        if record is None:
            continue
        if record.entry.document != entry.document:
            moved.append(replace(entry, document=record.entry.document))
        if record.task is not None and (task := _as_accepted(state, record.task)) != latest(
            state, name
        ):
            edited.append(task)
    added = tuple(
        record
        for name, record in records.items()
        if name not in state.tasks and record.task is not None and record.entry.standing in _OPEN
    )
    assert state.task_file is not None  # see `_is_current`
    grown = bool(found.paths) and found.paths != state.task_file.paths
    return SourceTaken(
        added, tuple(edited), tuple(marked), tuple(opened), tuple(moved),
        found.paths if grown else (), found.shown if grown else (),
    )  # fmt: skip


def _mark_in(record: Record | None) -> Mark | None:
    """What people have settled about a record; `None` if it is to be done."""
    if record is None:
        return Mark(Standing.DROPPED, missing=True)
    if record.entry.standing not in _OPEN:
        return Mark(record.entry.standing)
    return Mark(Standing.LATER) if record.task is None else None


def _as_accepted(state: State, task: Task) -> Task:
    """What an attempt has left lies where the task was worked at: that no edit changes."""
    return replace(task, workspace=state.tasks[task.id].workspace)


def _unknown_need(state: State, taken: SourceTaken) -> str:
    """A need that nobody knows of; empty if there is none."""
    fresh: Mapping[str, Task | None] = {each.entry.task: each.task for each in taken.added}
    for task in (*taken.edited, *(task for task in fresh.values() if task is not None)):
        for need in task.needs:
            if need not in state.tasks and need not in fresh:
                return f"{task.id} needs {need}, which is no part of this run"
    return ""


# --- in words ----------------------------------------------------------------------------------


def settled_text(state: State, name: str) -> str:
    """How people have settled the task in its file, where that is why it is over; else empty."""
    mark, attempt = state.source.marks.get(name), state.attempt_of(name)
    by_us = attempt is not None and attempt.phase in (Phase.LANDED, Phase.DONE)
    if mark is None or by_us:
        return ""
    return f"{mark_text(mark)} in its file"


def mark_text(mark: Mark) -> str:
    """A mark in words that go before "in its file"."""
    if mark.missing:
        return "no longer"
    on_hold = mark.standing is Standing.LATER
    return "on hold" if on_hold else mark.standing.value


def held_text(state: State, name: str) -> str:
    """What the file says otherwise of a task that is being worked on; empty if nothing."""
    held = state.source.later.get(name)
    if held is None:
        return ""
    parts = ["edited" if held.task is not None else ""]
    parts.append(mark_text(held.mark) if held.mark is not None else "")
    said = " and ".join(part for part in parts if part)
    return f"{said} in its file since it began: holds when this attempt is over"
