"""What a changed task file does to the state; used by `evolve` only.

The graph of needs is made anew, once for each version: no step between two versions is ever seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from gangsaw.core import graph, ranking
from gangsaw.core import indexes as ix
from gangsaw.core.edits import Held, Mark
from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken
from gangsaw.core.evolve_sources import ask_again
from gangsaw.core.model import Task, When
from gangsaw.core.replacing import replace
from gangsaw.core.standing import Standing, Told, note
from gangsaw.core.state import State, TaskState
from gangsaw.core.watching import is_bound

Rule = Callable[[Any, State, float], None]


def _taken(event: SourceTaken, state: State, at: float) -> None:
    book = state.source
    book.changes, book.fault = book.changes + 1, ""
    if event.paths:
        state.task_file = replace(state.task_file, paths=event.paths, shown=event.shown)
    # Never changed in place: the shell reads it beside the loop.
    fresh = [*event.moved, *(record.entry for record in event.added)]
    state.entries = {**state.entries, **{entry.task: entry for entry in fresh}}
    changed = [task for task in event.edited if not _hold(state, task)]
    for record in event.added:
        if record.task is not None:
            state.task_states[record.task.id] = TaskState(unmet=1)  # counted below
            state.open_tasks += 1
            changed.append(record.task)
            if record.joined:
                # What it is a part of is opened again in the file, as where an end is taken back.
                state.told[record.task.id] = Told(Standing.DONE)
    _change(state, changed)
    for entry in fresh:
        note(state, entry.task)
    for name in event.opened:
        _open(state, name)
    for each in event.marked:
        _mark(state, each.task, each.mark, at)
    for name in event.restored:
        book.restored[name] = state.task_states[name].landed_commit
        state.told[name] = Told(Standing.OPEN)
        note(state, name)
    for name in event.left:
        book.left[name] = state.task_states[name].landed_commit
    for name in event.again:
        ask_again(state, name)
    state.touched.update(state.entries)


def _hold(state: State, task: Task) -> bool:
    """Whether the edit waits; then it does from now on."""
    mark = state.source.later.get(task.id, Held()).mark
    if not is_bound(state, task.id):
        _keep(state, task.id, Held(None, mark))
        return False
    _keep(state, task.id, Held(None if task == state.tasks[task.id] else task, mark))
    return True


def _keep(state: State, name: str, held: Held) -> None:
    if held == Held():
        state.source.later.pop(name, None)
    else:
        state.source.later[name] = held


def _change(state: State, changed: Collection[Task]) -> None:
    """These tasks are other ones: who needs whom, what goes first, and who waits."""
    if not changed:
        return
    for task in changed:
        before = state.tasks.get(task.id)
        if before is not None and not set(task.needs) <= set(before.needs):
            # What was done so far stands on ground that may lack the new need: it is kept, and the
            # next attempt does not begin with it.
            known = state.task_states[task.id]
            ix.set_task(state, task.id, replace(known, start="", outdated=known.attempts))
        state.tasks[task.id] = task
    _replan(state, [task.id for task in changed])


def _replan(state: State, names: Collection[str]) -> None:
    tasks = state.tasks.values()
    state.dependants = graph.dependants({task.id: task.needs for task in tasks})
    state.loners = frozenset(task.id for task in tasks if task.alone)
    state.checked_after = frozenset(
        task.id for task in tasks if any(c.when is When.AFTER for c in task.checks)
    )
    ranking.rank_all(state)
    for name in names:
        needs = set(state.tasks[name].needs)
        unmet = sum(not state.task_states[need].finished for need in needs)
        ix.set_task(state, name, replace(state.task_states[name], unmet=unmet))


def _mark(state: State, name: str, mark: Mark, at: float) -> None:
    state.source.marks[name] = mark
    if is_bound(state, name):
        held = state.source.later.get(name, Held())
        _keep(state, name, replace(held, mark=mark))
    else:
        _close(state, name, mark, at)


def _close(state: State, name: str, mark: Mark, at: float) -> None:
    """People have settled it: done frees what needs it, all else ends it."""
    known = state.task_states[name]
    if known.finished or known.undone:
        return
    state.told[name] = Told(mark.standing)
    settled = replace(known, resolver="", solver="", ended_at=at)
    if mark.standing is Standing.DONE:
        ix.finish_task(state, name, replace(settled, done=True))
    elif not known.closed:
        state.source.closed.add(name)
        ix.set_task(state, name, replace(settled, cancelled=True))
    note(state, name)


def _open(state: State, name: str) -> None:
    """What people had settled about it they have taken back."""
    book = state.source
    book.marks.pop(name, None)
    _keep(state, name, Held(book.later.get(name, Held()).task))
    if name in book.closed:
        book.closed.discard(name)
        state.told[name] = Told(Standing.OPEN)
        if state.task_states[name].cancelled:
            ix.take_up_again(state, name, cancelled=False, cancel_wanted="")
        note(state, name)


def _refused(event: SourceRefused, state: State, at: float) -> None:
    state.source.changes += 1
    state.source.fault = event.reason


def _edit_taken(event: EditTaken, state: State, at: float) -> None:
    held = state.source.later.pop(event.task)
    if held.task is not None:
        _change(state, [held.task])
    if held.mark is not None:
        _close(state, event.task, held.mark, at)


RULES: dict[type[Any], Rule] = {
    SourceTaken: _taken,
    SourceRefused: _refused,
    EditTaken: _edit_taken,
}
