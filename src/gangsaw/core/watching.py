"""A task file that was changed while its run goes on: which of it is news, and when does it hold?

Three things are compared: what was accepted (or taken up since), what gangsaw itself has written,
and what the file says now. The new version counts as a whole or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from gangsaw.core import observations as ob
from gangsaw.core.edits import Held, Mark, Marked, Record
from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken, WatchEvent
from gangsaw.core.model import Task
from gangsaw.core.phases import Phase
from gangsaw.core.replacing import replace
from gangsaw.core.standing import HOLDER, Entry, Standing, was
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
    told = dataclasses.replace(taken, unread=found.unread, notes=found.notes)
    return [dataclasses.replace(told, changed=found.changed)]


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
        mark = _mark_in(state, name, record)
        if mark is not None and mark.standing is Standing.DONE:
            told = state.told.get(name)
            if name in ours or (told is not None and told.standing is Standing.DONE):
                mark = None  # that we have written there ourselves, even if it was undone since
        if not state.task_states[name].finished and mark != state.source.marks.get(name):
            if mark is None:
                opened.append(name)
            else:
                marked.append(Marked(name, mark))
        if record is None:
            continue
        home, mute = record.entry.document, record.entry.mute
        if (home, mute) != (entry.document, entry.mute):
            moved.append(replace(entry, document=home, mute=mute))
        if record.task is not None and (task := _as_accepted(state, record.task)) != latest(
            state, name
        ):
            edited.append(task)
    added = [
        record
        for name, record in records.items()
        if name not in state.tasks and record.task is not None and record.entry.standing in _OPEN
    ]
    for at, record in enumerate(added):
        if record.entry.standing is Standing.RUNNING and _is_others(record):
            # To us it is open, and held as long as somebody else has it.
            added[at] = replace(record, entry=replace(record.entry, standing=Standing.OPEN))
            marked.append(Marked(record.entry.task, _claimed_by(record)))
    assert state.task_file is not None  # see `_is_current`
    grown = bool(found.paths) and found.paths != state.task_file.paths
    restored, left = _ticks_lost(found, records, state)
    return SourceTaken(
        tuple(added), tuple(edited), tuple(marked), tuple(opened), tuple(moved),
        found.paths if grown else (), found.shown if grown else (),
        restored=restored, left=left,
        again=_owed(found, {entry.task for entry in moved}, records, state),
    )  # fmt: skip


def _mark_in(state: State, name: str, record: Record | None) -> Mark | None:
    """What people have settled about a record; `None` if it is to be done."""
    if record is None:
        return Mark(Standing.DROPPED, missing=True)
    if record.entry.standing not in _OPEN:
        return Mark(record.entry.standing)
    if record.task is None:
        return Mark(Standing.LATER)
    return _claimed_by(record) if _is_claimed(state, name, record) else None


def _is_claimed(state: State, name: str, record: Record) -> bool:
    """Whether somebody else has begun a task that was open by the last that we knew, and that we
    have not begun ourselves. What was in progress when it became a part of the run is taken up."""
    if record.entry.standing is not Standing.RUNNING or state.task_states[name].attempts:
        return False
    mark = state.source.marks.get(name)
    came_since = was(state, name) is not Standing.RUNNING or (
        mark is not None and bool(mark.holder)
    )
    return came_since and _is_others(record)


def _is_others(record: Record) -> bool:
    return record.holder not in ("", HOLDER)


def _claimed_by(record: Record) -> Mark:
    return Mark(Standing.RUNNING, holder=record.holder)


def _ticks_lost(
    found: ob.SourceSeen, records: Mapping[str, Record], state: State
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tasks that we have landed and written down as done, and whose records are open again: those
    to be written once more, and those that are left. An older text that an editor saves looks like
    that, and so does a person who wants the task done anew. The second time it is taken for that,
    and at once where the task is not what it was."""
    restored: list[str] = []
    left: list[str] = []
    for name, record in records.items():
        told = state.told.get(name)
        if told is None or told.standing is not Standing.DONE or told.kept or record.entry.mute:
            continue
        is_ours = state.task_states[name].finished and _is_by_us(state, name)
        # What we have written since the reading was begun need not be in it.
        if not is_ours or record.entry.standing not in _OPEN or told.number > found.writes:
            continue
        book, commit = state.source, state.task_states[name].landed_commit
        if book.left.get(name) == commit:
            continue
        is_same = record.task is not None and _as_accepted(state, record.task) == latest(
            state, name
        )
        (restored if is_same and book.restored.get(name) != commit else left).append(name)
    return tuple(restored), tuple(left)


def _owed(
    found: ob.SourceSeen, moved: Collection[str], records: Mapping[str, Record], state: State
) -> tuple[str, ...]:
    """Tasks of which a file has refused to be told that is back, or can be written again, or is
    their file no more."""
    if not (found.returned or moved):
        return ()
    back = set(found.returned)
    return tuple(
        name
        for name, told in state.told.items()
        if told.refused
        and name in records
        and (name in moved or records[name].entry.document in back)
    )


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
    mark = state.source.marks.get(name)
    if mark is None or _is_by_us(state, name):
        return ""
    return f"{mark_text(mark)} in its file"


def is_closed(state: State, name: str) -> bool:
    """Whether people have closed the task in its file, other than as done: nothing of it is wanted
    any more of this run."""
    known = state.task_states[name]
    return known.cancelled and not known.finished and name in state.source.closed


def closed_counts(state: State) -> dict[str, int]:
    """How many tasks were closed in which way, in words that go before "in its file"."""
    found: dict[str, int] = {}
    for name in state.tasks:
        if is_closed(state, name):
            words = mark_text(state.source.marks[name])
            found[words] = found.get(words, 0) + 1
    return found


def _is_by_us(state: State, name: str) -> bool:
    attempt = state.attempt_of(name)
    return attempt is not None and attempt.phase in (Phase.LANDED, Phase.DONE)


def mark_text(mark: Mark) -> str:
    """A mark in words that go before "in its file"."""
    if mark.missing:
        return "no longer"
    if mark.holder:
        return f"in progress by {mark.holder}"
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
