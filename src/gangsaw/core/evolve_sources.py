"""What a plan's source and its write-back do to the state; used by `evolve` only.

`RULES` are the rules of its own events; `follow` is what any other event means for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core.events_sources import StandingRefused, StandingWritten
from gangsaw.core.replacing import replace
from gangsaw.core.standing import TaskFile, Told, note
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _written(event: StandingWritten, state: State, at: float) -> None:
    state.source.writes += 1
    state.told[event.task] = Told(
        event.standing, event.commit, event.kept, phase=event.phase, number=state.source.writes
    )
    note(state, event.task)


def _refused(event: StandingRefused, state: State, at: float) -> None:
    entry = state.entries[event.task]
    told = state.told.get(event.task) or Told(entry.standing)
    refused = told.refused + 1 if told.wanted is event.standing else 1
    state.told[event.task] = replace(
        told, refused=refused, at=at, reason=event.reason, wanted=event.standing
    )
    note(state, event.task)


def begin(state: State, task_file: TaskFile | None) -> None:
    """A run begins, with its source if there is one."""
    state.task_file = task_file
    if task_file is not None:
        state.entries = {entry.task: entry for entry in task_file.entries}


def ask_anew(state: State) -> None:
    """A new engine tries again what was refused to the former one."""
    for task, told in list(state.told.items()):
        if told.refused:
            ask_again(state, task)


def ask_again(state: State, task: str) -> None:
    """What the file of this task has refused is tried again."""
    state.told[task] = replace(state.told[task], refused=0, at=0.0)
    note(state, task)


def follow(event: Any, state: State) -> None:
    """Any event about a task or an attempt may change where the task stands."""
    subject = event.subject
    attempt = state.attempts.get(subject)
    task = attempt.task if attempt is not None else subject
    if task in state.entries:
        note(state, task)


RULES: dict[type[Any], Rule] = {StandingWritten: _written, StandingRefused: _refused}
