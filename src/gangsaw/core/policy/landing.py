"""What lands next, with which checks, and what follows from a candidate's verdict?

The integration branch moves only to a commit whose exact tree passed every check of its gate. The
gate of a candidate is: the run's own checks, the task's checks, and the checks of every task that
landed since this task was first admitted, since those are combined with it for the first time.
What takes a landing back has to pass the checks of everything else that has landed.
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
    UndoFailed,
    WorkReturned,
)
from gangsaw.core.events_undo import undo_about, undone_by
from gangsaw.core.model import Check
from gangsaw.core.policy import undo
from gangsaw.core.state import Landing, State, landing_of

INCONCLUSIVE_MAX = 3
"""How often checks of one tree may end without a verdict before a person is asked."""


def gate_of_work(state: State, task: str) -> tuple[Check, ...]:
    """The checks that a task's own work must pass, each once, in order."""
    return _distinct((*state.gate, *state.tasks[task].checks))


def gate_of_landing(state: State, landing: Landing) -> tuple[Check, ...]:
    """The checks that this candidate must pass, each once, in order."""
    attempt = state.attempts.get(landing.about)
    own: tuple[Check, ...] = ()
    combined = state.landed
    if attempt is not None:
        own = state.tasks[attempt.task].checks
        combined = state.landed[state.task_states[attempt.task].since_landing or 0 :]
    undone = undone_by(landing.about)
    others = [
        check
        for name in combined
        if name != undone and state.task_states[name].landed_commit
        for check in state.tasks[name].checks
    ]
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
        text = "conflicts in " + ", ".join(landing.conflict[:5])
        yield _back(state, landing, Cause.CONFLICT, text)
    elif landing.judgement is Judgement.FAILED:
        yield _back(state, landing, Cause.COMBINATION, failing_text(landing.results))
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
    if landing.about not in state.attempts:
        return CandidateWanted(landing.about, landing.work, state.head)
    return ChangeQueued(landing.about, landing.work)


def _back(state: State, landing: Landing, cause: Cause, text: str) -> Event:
    if landing.about == TARGET:
        return TargetMergeFailed(landing.work, f"the target moved, and merging it in {text}")
    if landing.about not in state.attempts:
        return given_up(state, landing, text)
    return WorkReturned(landing.about, cause, text)


def given_up(state: State, landing: Landing, text: str) -> Event:
    """The end of a landing that is no attempt's: of a moved target, or of an undo."""
    task = undone_by(landing.about)
    if task:
        return UndoFailed(task, undo.failure_text(state, task, text))
    return TargetMergeFailed(landing.work, text)


def _begin(state: State) -> Iterator[Event]:
    """Start landings up to the window; a moved target goes first, then what is to be undone."""
    if len(state.landings) >= state.limits.window or not state.head:
        return
    moved = state.delivery.target_commit
    if moved and moved != state.delivery.merge_failed:
        if landing_of(state, TARGET) is None:
            yield CandidateWanted(TARGET, moved, state.head)
        return
    if state.undos:
        # Alone: whatever landed beside it would have to be checked without it once more.
        if not any(undo.is_landing(state, task) for task in state.undos):
            task = next(iter(state.undos))
            yield CandidateWanted(undo_about(task), state.undos[task].landed, state.head)
        return
    if not state.queue:
        return
    ranked = sorted(state.queue, key=lambda name: state.rank[state.attempts[name].task])
    for name in ranked[: state.limits.window - len(state.landings)]:
        yield CandidateWanted(name, state.attempts[name].commit, state.head)
