"""In which order may tasks start? By priority, then by the longest remaining chain in time: of the
task's own work and checks and of what needs it; then as in the plan.

How long things take is in the plan, or was written down when the run began, or is learned from the
run itself. All of that is in the log, so whoever folds it ranks the same. Ranks are made anew when
the number of landed tasks has doubled, and only if what they taught differs much: for a run of any
length that is a few passes over its tasks, not one for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import graph
from gangsaw.core.durations import Durations
from gangsaw.core.expected import Expected, first_agent, looks
from gangsaw.core.learning import RULES, Pupil, learned_from
from gangsaw.core.model import Check, Stage, Task, Workspace
from gangsaw.core.pace import Pace
from gangsaw.core.state import State
from gangsaw.core.watching import needs_of

DIFFERS_BY = 0.1
"""Ranks are left as they are while nothing that was learned differs by more than this part."""

_MILLI = 1000

Rule = Callable[[Any, State, float], None]


def begin(state: State, durations: Durations) -> None:
    """Rank the tasks of a run that begins."""
    state.pace = Pace(Pupil(learned_from(durations)))
    rank_all(state)


def rank_all(state: State) -> None:
    """Rank every task by what is known now."""
    state.pace.given = Expected(state.limits, state.pace.pupil.learned)
    state.pace.weights_ms = weights = weights_ms(state, state.pace.given)
    chains = graph.chain_lengths(needs_of(state), weights)
    for position, task in enumerate(state.tasks.values()):
        state.rank[task.id] = (-task.priority, -chains[task.id], position)
    state.ready = sorted((state.rank[name], name) for _, name in state.ready)


def weights_ms(state: State, expected: Expected) -> dict[str, int]:
    """How long each task is expected to take from its start to its landing, in milliseconds."""
    known: dict[tuple[tuple[Check, ...], Workspace], float] = {}
    found: dict[str, int] = {}
    for task in state.tasks.values():
        judged = (task.checks, task.workspace)
        if judged not in known:
            checks = {check.key: check for check in (*state.gate, *task.checks)}.values()
            of_all = looks(checks, lands=task.workspace is Workspace.WORKTREE)
            known[judged] = sum(times * expected.check_s(check).value for check, times in of_all)
        seconds = expected.work_s(task).value + known[judged]
        if Stage.REVIEW in task.stages:
            seconds += expected.review_s(_reviewer(state, task)).value
        found[task.id] = max(1, round(seconds * _MILLI))
    return found


def _reviewer(state: State, task: Task) -> str:
    return task.reviewer or state.limits.reviewer or first_agent(state.limits, task)


def _learn(event: ev.Event, state: State, at: float) -> None:
    RULES[type(event)](state.pace.pupil, event, at)


def _landed(event: ev.Landed | ev.TaskDone, state: State, at: float) -> None:
    pace = state.pace
    _learn(event, state, at)
    pace.pupil.attempts.pop(event.attempt, None)
    pace.taught += 1
    if pace.taught < pace.look_at:
        return
    pace.look_at = 2 * pace.taught
    if pace.given.differs(DIFFERS_BY):
        rank_all(state)


def _failed(event: ev.AttemptFailed, state: State, at: float) -> None:
    state.pace.pupil.attempts.pop(event.attempt, None)


AFTER: Mapping[type[Any], Rule] = {
    **dict.fromkeys(
        (ev.AttemptAdmitted, ev.TurnWanted, ev.TurnStarted, ev.TurnExited, ev.TurnLost), _learn
    ),
    **dict.fromkeys((ev.VerdictReached, ev.CandidateJudged, ev.AfterJudged), _learn),
    ev.Landed: _landed,
    ev.TaskDone: _landed,
    ev.AttemptFailed: _failed,
}
"""What the run learns from its own events."""
