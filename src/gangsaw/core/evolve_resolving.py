"""What resolved conflicts and people who resolve them do to the state; used by `evolve` only.

`RULES` are the rules of its own events, `AFTER` is what else follows from events of others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import events_resolving as er
from gangsaw.core import events_talk as et
from gangsaw.core import indexes as ix
from gangsaw.core.model import TurnKind
from gangsaw.core.replacing import replace
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _resolved(event: er.ConflictResolved, state: State, at: float) -> None:
    attempt = state.attempts.get(event.attempt)
    if attempt is not None:
        ways = tuple(dict.fromkeys((*attempt.resolved, *event.how.split(", "))))
        ix.put_attempt(state, replace(attempt, resolved=ways))


def _wanted(event: er.ResolvingWanted, state: State, at: float) -> None:
    ix.set_task(state, event.task, replace(state.task_states[event.task], resolver=event.by))
    _touch_dependants(state, event.task)


def _left(event: er.ResolvingLeft, state: State, at: float) -> None:
    _end(state, event.task)


def _given(event: er.ResolutionGiven, state: State, at: float) -> None:
    ix.take_up_again(state, event.task, start=event.ref, resolver="", solver=event.by)
    _touch_dependants(state, event.task)


def _touch_dependants(state: State, task: str) -> None:
    """What holds them is said in other words now."""
    state.touched.update(state.dependants.get(task, ()))


def _end(state: State, task: str) -> None:
    known = state.task_states.get(task)
    if known is not None and (known.resolver or known.solver):
        ix.set_task(state, task, replace(known, resolver="", solver=""))
        _touch_dependants(state, task)


RULES: dict[type[Any], Rule] = {
    er.ConflictResolved: _resolved,
    er.ResolvingWanted: _wanted,
    er.ResolvingLeft: _left,
    er.ResolutionGiven: _given,
}


def _turn_started(event: ev.TurnStarted, state: State, at: float) -> None:
    attempt = state.attempts[event.attempt]
    if attempt.why is TurnKind.RESOLVE:
        ix.put_attempt(state, replace(attempt, resolves=attempt.resolves + 1))


def _admitted(event: ev.AttemptAdmitted, state: State, at: float) -> None:
    known = state.task_states[event.task]
    if known.solver:
        attempt = state.attempts[event.attempt]
        ix.put_attempt(state, replace(attempt, solver=known.solver))
        ix.set_task(state, event.task, replace(known, solver=""))


def _candidate_wanted(event: ev.CandidateWanted, state: State, at: float) -> None:
    """What was resolved mechanically was so for another candidate."""
    attempt = state.attempts.get(event.attempt)
    if attempt is not None and attempt.resolved:
        kept = tuple(way for way in attempt.resolved if way in (er.MODEL, er.PERSON))
        if kept != attempt.resolved:
            ix.put_attempt(state, replace(attempt, resolved=kept))


def _attempt_failed(event: ev.AttemptFailed, state: State, at: float) -> None:
    """A person's resolution that was not even looked at is still to be tried."""
    attempt = state.attempts[event.attempt]
    known = state.task_states[attempt.task]
    if attempt.solver and known.start and known.start == attempt.start:
        ix.set_task(state, attempt.task, replace(known, solver=attempt.solver))


def _of_task(event: ev.TaskCancelled | ev.TaskReopened, state: State, at: float) -> None:
    _end(state, event.task)


def _handed_back(event: et.HandedBack, state: State, at: float) -> None:
    _end(state, state.attempts[event.attempt].task)


def _landed(event: ev.Landed, state: State, at: float) -> None:
    _end(state, event.task)


AFTER: dict[type[Any], Rule] = {
    ev.TurnStarted: _turn_started,
    ev.AttemptAdmitted: _admitted,
    ev.CandidateWanted: _candidate_wanted,
    ev.AttemptFailed: _attempt_failed,
    ev.TaskCancelled: _of_task,
    ev.TaskReopened: _of_task,
    et.HandedBack: _handed_back,
    ev.Landed: _landed,
}
