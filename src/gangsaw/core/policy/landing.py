"""What lands next, with which checks, and what follows from a candidate's verdict?

The integration branch moves only to a commit whose exact tree passed every check of its gate. The
gate of a candidate is: the run's own checks, the task's checks, and the checks of every task that
landed since this task was first admitted, since those are combined with it for the first time.
"""

from __future__ import annotations

from collections.abc import Iterator

from gangsaw.core.events import (
    TARGET,
    CandidateJudged,
    CandidateWanted,
    Cause,
    ChangeQueued,
    CheckResult,
    Event,
    Judgement,
    LandingWanted,
    TargetMergeFailed,
    WorkReturned,
)
from gangsaw.core.model import Check
from gangsaw.core.state import Landing, State, landing_of

INCONCLUSIVE_MAX = 3
"""How often checks of one tree may end without a verdict before a person is asked."""


def gate_of_work(state: State, task: str) -> tuple[Check, ...]:
    """The checks that a task's own work must pass, each once, in order."""
    return _distinct((*state.gate, *state.tasks[task].checks))


def gate_of_landing(state: State, landing: Landing) -> tuple[Check, ...]:
    """The checks that this candidate must pass, each once, in order."""
    if landing.about == TARGET:
        combined = state.landed
        own: tuple[Check, ...] = ()
    else:
        task = state.attempts[landing.about].task
        own = state.tasks[task].checks
        combined = state.landed[state.task_states[task].since_landing or 0 :]
    others = [check for name in combined for check in state.tasks[name].checks]
    return _distinct((*state.gate, *own, *others))


def missing_checks(state: State, tree: str, gate: tuple[Check, ...]) -> tuple[Check, ...]:
    """Those of the gate's checks that have not yet passed on this very tree."""
    passed = state.green.get(tree, frozenset())
    return tuple(check for check in gate if check.name not in passed)


def _distinct(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return tuple({check.name: check for check in checks}.values())


def advance(state: State, now: float) -> list[Event]:
    """Intents about the landings in progress, and about the next one."""
    for landing in state.landings:
        events = list(_follow(state, landing))
        if events:
            return events
    return [] if state.stopping else list(_begin(state))


def _follow(state: State, landing: Landing) -> Iterator[Event]:
    about = landing.about
    stale = landing.onto != state.head and not landing.wanted
    if landing.missed or stale:
        yield _again(state, landing)
    elif landing.conflict:
        yield _back(landing, Cause.CONFLICT, "conflicts in " + ", ".join(landing.conflict[:5]))
    elif landing.judgement is Judgement.FAILED:
        yield _back(landing, Cause.COMBINATION, failing_text(landing.results))
    elif landing.judgement is Judgement.PASSED:
        # One move at a time: what a candidate is put on must be known with all that is in it.
        moving = any(other.wanted for other in state.landings)
        if not moving and not state.stopping:
            yield LandingWanted(about, landing.candidate, landing.onto)
    elif landing.candidate and not missing_checks(
        state, landing.tree, gate_of_landing(state, landing)
    ):
        yield CandidateJudged(about, landing.tree, Judgement.PASSED)


def failing_text(results: tuple[CheckResult, ...]) -> str:
    """`check failed: …` with the names of what failed."""
    names = [result.name for result in results if result.judgement is Judgement.FAILED]
    return "check failed: " + ", ".join(names)


def _again(state: State, landing: Landing) -> Event:
    if landing.about == TARGET:
        return CandidateWanted(TARGET, landing.work, state.head)
    return ChangeQueued(landing.about, landing.work)


def _back(landing: Landing, cause: Cause, text: str) -> Event:
    if landing.about == TARGET:
        return TargetMergeFailed(landing.work, f"the target moved, and merging it in {text}")
    return WorkReturned(landing.about, cause, text)


def _begin(state: State) -> Iterator[Event]:
    """Start landings up to the window; a moved target goes first."""
    if len(state.landings) >= state.limits.window or not state.head:
        return
    moved = state.delivery.target_commit
    if moved and moved != state.delivery.merge_failed:
        if landing_of(state, TARGET) is None:
            yield CandidateWanted(TARGET, moved, state.head)
        return
    if not state.queue:
        return
    ranked = sorted(state.queue, key=lambda name: state.rank[state.attempts[name].task])
    for name in ranked[: state.limits.window - len(state.landings)]:
        yield CandidateWanted(name, state.attempts[name].commit, state.head)
