"""What follows when work has come back or a try has failed: another turn of the same attempt, a
new attempt, or nothing more.

The ladder is always the same: the agent's own session with the reason (bounded by `turns_max`),
then a new attempt on a new base (bounded by `attempts_max`), then a person or a failed task.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.events import AttemptFailed, Cause, Event, TaskGivenUp, TurnWanted
from gangsaw.core.model import Limits, Stage, TurnKind
from gangsaw.core.policy import money
from gangsaw.core.state import Attempt, State
from gangsaw.core.terms import BLAMELESS

BLAMELESS_MAX = 5
"""How many attempts of a task may end by the machine's fault (no room, checks without a verdict)
before a person is asked."""

RESOLVES_MAX = 2
"""How many turns of one attempt may go into resolving conflicts with what landed."""

_UNCOUNTED = BLAMELESS | {
    Cause.SAID,
    Cause.TAKEN,
    Cause.CRASHED,
    Cause.LIMITED,
    Cause.CANCELLED,
    Cause.STOPPED,
    Cause.UNDONE,
}
_BEYOND_TURNS = frozenset({Cause.FINDINGS, Cause.SAID, Cause.TAKEN})
_FINAL = frozenset({Cause.EMPTY, Cause.REFUSED, Cause.UNCOMMITTED, Cause.BUDGET})
_FOR_A_PERSON = frozenset({Cause.CONFLICT, Cause.UNMERGED, Cause.REFUSED, Cause.BUDGET})


ENDED_BY = {
    Cause.CANCELLED: "cancelled",
    Cause.UNDONE: "a task that it needs was undone",
}
"""What people asked for that ends an attempt, in words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One more turn of the same attempt."""

    why: TurnKind
    onto: str | None = None


def backoff_s(limits: Limits, tries: int, attempt: str) -> float:
    """Seconds to wait after the given number of failed tries (1 or more).

    Doubles per try up to `backoff_max_s`, spread by ±25 %.
    """
    doublings = min(max(tries - 1, 0), 30)
    plain = min(limits.backoff_base_s * (1 << doublings), limits.backoff_max_s)
    return plain * (0.75 + spread(attempt) / 2.0)


def spread(attempt: str) -> float:
    """A number from 0 to below 1 that differs between attempts; made from the id, so that the same
    log gives the same waits."""
    found = 0
    for char in attempt:
        found = (found * 31 + ord(char)) % 1000
    return found / 1000.0


def wanted_turn(
    attempt: Attempt, why: TurnKind, onto: str | None = None, *, fresh: bool = False
) -> TurnWanted:
    """The intent to launch the attempt's agent for its next turn."""
    return TurnWanted(attempt.id, attempt.turn + 1, attempt.launch + 1, why, onto, fresh=fresh)


def turns_allowed(state: State, attempt: Attempt) -> int:
    """How many turns it may use up: those for tests that come first are no try."""
    return state.limits.turns_max + int(Stage.TEST in state.tasks[attempt.task].stages)


def after_return(state: State, attempt: Attempt) -> Turn | None:
    """The further turn for work that came back, or `None` when the attempt has had its turns."""
    cause = attempt.returned
    # Rounds of review have a bound of their own.
    used_up = attempt.turns_used - attempt.rejections >= turns_allowed(state, attempt)
    if is_spent(state, attempt, attempt.agent) or (used_up and cause not in _BEYOND_TURNS):
        # Where it is the run's, the next attempt is held by the same budget, with the reason.
        return None
    match cause:
        case Cause.SAID | Cause.TAKEN:
            return Turn(TurnKind.CONTINUE)
        case Cause.CHECKS | Cause.REJECTED | Cause.FINDINGS | Cause.TESTS_PASS | Cause.CONCERNS:
            return Turn(TurnKind.FIX)
        case Cause.EMPTY:
            return Turn(TurnKind.FIX) if attempt.turns_used <= 1 else None
        case Cause.COMBINATION:
            return Turn(TurnKind.FIX, state.head)
        case Cause.CONFLICT | Cause.UNMERGED if attempt.resolves >= RESOLVES_MAX:
            return None
        case Cause.CONFLICT:
            return Turn(TurnKind.RESOLVE, state.head)
        case Cause.UNMERGED:
            return Turn(TurnKind.RESOLVE, attempt.onto)
        case _:
            return None


def is_spent(state: State, attempt: Attempt, agent: str = "") -> bool:
    """Whether no further turn may be paid for, by the task's bounds or the run's, whatever the day;
    of its own agent where none is named."""
    agent = agent or attempt.seat
    return bool(money.lacking(state, attempt.task, agent, alone=True, lasting=True))


def _over_budget(state: State, attempt: Attempt) -> bool:
    """Whether the bounds of the task itself allow no further attempt."""
    return any(bound.task and bound.over >= 0 for bound in money.bounds(state, attempt.task))


def fail(state: State, attempt: Attempt, cause: Cause, text: str, now: float) -> list[Event]:
    """The attempt ends; and the task is given up where no further attempt may follow."""
    known = state.task_states[attempt.task]
    counts = cause not in _UNCOUNTED
    tries = known.tries + int(counts)
    failed = AttemptFailed(
        attempt.id, cause, text, counts, now + _wait_s(state, attempt, cause, now)
    )
    reason = _exhausted(state, attempt, cause, tries)
    if reason is None or cause is Cause.CANCELLED:
        return [failed]
    person = cause in _FOR_A_PERSON | BLAMELESS or _over_budget(state, attempt)
    # Never without a text: it is also what says that the task is given up.
    return [failed, TaskGivenUp(attempt.task, f"{text}{reason}" or cause.value, person)]


def _wait_s(state: State, attempt: Attempt, cause: Cause, now: float) -> float:
    known = state.task_states[attempt.task]
    limits = state.limits
    if cause in (Cause.STOPPED, Cause.CONFLICT, Cause.UNMERGED, *ENDED_BY):
        return 0.0
    if cause is Cause.CRASHED:
        return 0.0 if known.crashes <= 1 else backoff_s(limits, known.crashes - 1, attempt.id)
    if cause is Cause.LIMITED:
        told = attempt.exit.retry_at if attempt.exit else None
        return max(told - now, limits.backoff_base_s) if told is not None else limits.backoff_max_s
    failures = known.blameless if cause in BLAMELESS else known.tries
    return backoff_s(limits, failures + 1, attempt.id)


def _exhausted(state: State, attempt: Attempt, cause: Cause, tries: int) -> str | None:
    """Why there is no further attempt (to be added to the reason), or `None` if there may be."""
    task = state.tasks[attempt.task]
    allowed = task.attempts or state.limits.attempts_max
    if cause in _FINAL:
        return ""
    if _over_budget(state, attempt):
        return f" · its budget is spent ({money.spent_text(state, attempt.task)})"
    known = state.task_states[attempt.task]
    if known.crashes > state.limits.crashes_max:
        return f" · its process was killed {known.crashes} times"
    if cause in BLAMELESS:
        again = known.blameless + 1
        return f" · for the {again}th time" if again >= BLAMELESS_MAX else None
    if tries >= allowed:
        return f" · {tries} of {allowed} attempts used"
    return None


def stop_text(state: State, attempt: Attempt) -> str:
    """Why the launch was stopped, in words."""
    limits = state.limits
    match attempt.stop_cause:
        case Cause.TIMEOUT:
            return "ran longer than its time limit and was stopped"
        case Cause.STALLED:
            return f"wrote nothing for {limits.stall_s:.0f} s and was stopped"
        case Cause.MEMORY:
            return "stopped because the machine was short of memory"
        case Cause.CANCELLED | Cause.UNDONE as cause:
            return ENDED_BY[cause]
        case Cause.BUDGET:
            over = money.over_text(state, attempt.task)
            return "stopped, more than the budget was spent" + (f": {over}" if over else "")
        case _:
            return "stopped with the run"
