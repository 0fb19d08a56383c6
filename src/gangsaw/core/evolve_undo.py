"""What the events of an undo do to the state; used by `evolve` only."""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import indexes as ix
from gangsaw.core.events_undo import undo_about
from gangsaw.core.replacing import replace
from gangsaw.core.state import State, Undo


def wanted(event: ev.UndoWanted, state: State, at: float) -> None:
    """From now on the landing that takes the task back is tried."""
    state.undos[event.task] = Undo(at, event.by, event.landed)
    known = state.task_states[event.task]
    ix.set_task(state, event.task, replace(known, undo_failed=""))


def done(event: ev.Undone, state: State, at: float) -> None:
    """The task has not landed any more, and those that need it wait for it again."""
    _end(state, event.task)
    if state.head in (event.onto, event.commit):
        # Otherwise later landings were heard of first: the branch is further on already.
        state.head = state.checked_head = event.commit
        state.head_link = ""
    known = state.task_states[event.task]
    ix.unfinish_task(
        state, event.task, replace(known, landed_commit="", undone=event.commit, ended_at=at)
    )


def failed(event: ev.UndoFailed, state: State, at: float) -> None:
    """The task stays landed."""
    _end(state, event.task)
    known = state.task_states[event.task]
    ix.set_task(state, event.task, replace(known, undo_failed=event.text))


def _end(state: State, task: str) -> None:
    state.undos.pop(task, None)
    ix.drop_landing(state, undo_about(task))
    ix.end_troubles(state, undo_about(task))
