"""Has a launch run too long, or been silent too long?

While a command of the agent waits for an answer, its time stands still, within a bound. After it
has said that it is done, a short silence is the end of its turn.
"""

from __future__ import annotations

from gangsaw.core.events import Cause
from gangsaw.core.phases import Phase
from gangsaw.core.state import Attempt, State

ANSWER_WAIT_MAX_S = 24 * 3600.0
"""How long a turn may wait for the answer to its question before it is judged like any other."""
DONE_QUIET_S = 60.0
"""How long an agent that said it is done may be silent until its turn is ended for it."""


def time_limit_s(state: State, attempt: Attempt) -> float:
    """Seconds a launch of this attempt may take: the task's own limit, else the run's."""
    return state.tasks[attempt.task].timeout_s or state.limits.timeout_s


def silence_s(state: State, attempt: Attempt) -> float:
    """Seconds that a launch of this attempt may be silent."""
    return min(DONE_QUIET_S, state.limits.stall_s) if attempt.done_at else state.limits.stall_s


def answer_until(attempt: Attempt) -> float:
    """Until when nothing is counted, for the sake of a question (epoch seconds); 0 without one."""
    waiting = [one.at for one in attempt.asked if one.waits]
    return max(waiting) + ANSWER_WAIT_MAX_S if waiting else 0.0


def deadline(state: State, attempt: Attempt) -> float:
    """When the launch will have to be stopped if it stays silent (epoch seconds)."""
    timeout_at = attempt.launched_at + time_limit_s(state, attempt)
    return max(min(timeout_at, _quiet_until(state, attempt)), answer_until(attempt))


def _quiet_until(state: State, attempt: Attempt) -> float:
    return max(attempt.beat_at, attempt.done_at) + silence_s(state, attempt)


def overdue(state: State, attempt: Attempt, now: float) -> Cause | None:
    """Why the launch must be stopped now, or `None`."""
    if attempt.phase is not Phase.RUNNING or now < answer_until(attempt):
        return None
    if now >= attempt.launched_at + time_limit_s(state, attempt):
        return Cause.TIMEOUT
    if now >= _quiet_until(state, attempt):
        return Cause.SAID_DONE if attempt.done_at else Cause.STALLED
    return None
