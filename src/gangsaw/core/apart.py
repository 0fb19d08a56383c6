"""Tasks beside which no other may run: the plan says so, or they were stopped for memory too often.

Such a task begins when nothing else can go on by itself, and from then until it has landed nothing
else begins. Whose turn it is says the rank: once it is the first of those that could start, nothing
of a worse rank starts before it, and only what goes before it may overtake it, which is bounded by
the plan. What waits for a person or for a limit to pass holds nobody up; when it comes back while
such a task has its slot, it waits.
"""

from __future__ import annotations

from gangsaw.core.phases import HOLDS_SLOT, Phase
from gangsaw.core.state import Attempt, State, is_live

_ON_ITS_WAY = frozenset({Phase.QUEUED, Phase.LANDING})


def is_alone(state: State, task: str) -> bool:
    """Whether nothing may run beside the task."""
    return task in state.loners or task in state.alone


def why_alone(state: State, task: str) -> str:
    """Why that is so."""
    said = "as the plan says" if task in state.loners else "after it was stopped for memory"
    return f"runs alone, {said}"


def at_it(state: State, task: str, now: float) -> str | None:
    """Another task that runs alone and has begun, and will go on by itself."""
    if not (state.loners or state.alone):
        return None
    for name in state.live:
        attempt = state.attempts[name]
        other = attempt.task != task and is_live(attempt) and is_alone(state, attempt.task)
        if other and (not rests(state, attempt) or _is_due(state, attempt, now)):
            return attempt.task
    return None


def company(state: State, task: str) -> tuple[str, ...]:
    """The other tasks that are being worked on and go on by themselves, up to their landing."""
    attempts = [state.attempts[name] for name in state.live]
    return tuple(
        attempt.task
        for attempt in attempts
        if attempt.task != task and is_live(attempt) and not rests(state, attempt)
    )


def rests(state: State, attempt: Attempt) -> bool:
    """Whether the attempt waits for a person, or for a limit to pass."""
    if attempt.phase in (Phase.REVIEWING, Phase.PARKED):
        return True
    return state.queue_held and attempt.phase in _ON_ITS_WAY


def _is_due(state: State, attempt: Attempt, now: float) -> bool:
    """Whether it is parked, and what it waited for is over."""
    until = attempt.parked_until
    if attempt.phase is not Phase.PARKED or until is None or until > now:
        return False
    account = next((a.account for a in state.limits.agents if a.name == attempt.seat), "")
    return state.account_limits.get(account or attempt.seat, 0.0) <= now


def kept_apart(state: State, task: str) -> str | None:
    """Why the task, which has begun, may not take a slot now: another one runs alone."""
    if not (state.loners or state.alone):
        return None
    for name in state.live:
        attempt = state.attempts[name]
        other = attempt.task != task and attempt.phase in HOLDS_SLOT
        if other and is_alone(state, attempt.task):
            return f"{attempt.task} {why_alone(state, attempt.task)}"
    return None


def alone_text(state: State, task: str) -> str | None:
    """Why a task that runs alone, has begun, and holds no slot, may not take one now."""
    busy = state.busy.get("", 0)
    if not busy or not is_alone(state, task):
        return None
    return f"{why_alone(state, task)}; {busy} still hold a slot"
