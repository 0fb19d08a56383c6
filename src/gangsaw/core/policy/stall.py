"""Has a launch run too long, or been silent too long?"""

from __future__ import annotations

from gangsaw.core.events import Cause
from gangsaw.core.phases import Phase
from gangsaw.core.state import Attempt, State


def time_limit_s(state: State, attempt: Attempt) -> float:
    """Seconds a launch of this attempt may take: the task's own limit, else the run's."""
    return state.tasks[attempt.task].timeout_s or state.limits.timeout_s


def deadline(state: State, attempt: Attempt) -> float:
    """When the launch will have to be stopped if it stays silent (epoch seconds)."""
    timeout_at = attempt.launched_at + time_limit_s(state, attempt)
    return min(timeout_at, attempt.beat_at + state.limits.stall_s)


def overdue(state: State, attempt: Attempt, now: float) -> Cause | None:
    """Why the launch must be stopped now, or `None`."""
    if attempt.phase is not Phase.RUNNING:
        return None
    if now >= attempt.launched_at + time_limit_s(state, attempt):
        return Cause.TIMEOUT
    if now >= attempt.beat_at + state.limits.stall_s:
        return Cause.STALLED
    return None
