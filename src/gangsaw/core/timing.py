"""Moments in the state, moved when they are no longer what they seem. Used by `evolve` only."""

from __future__ import annotations

from dataclasses import replace

from gangsaw.core import indexes as ix
from gangsaw.core.events import Cause, Jump
from gangsaw.core.model import Limits
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.state import Attempt, Exit, State

LIMIT_LEFT_MAX_S = 8 * 24 * 3600.0
"""A vendor's limit that has longer to go is the work of a clock that was wrong when it was met: the
longest are by the week."""


def limit_ends(limits: Limits, ended: Exit, now: float) -> float:
    """Until when a usage limit that was met now holds its agent back: as its vendor told, within
    reason, else for the longest pause."""
    told = ended.retry_at
    if told is None:
        return now + limits.backoff_max_s
    return min(max(told, now + limits.backoff_base_s), now + LIMIT_LEFT_MAX_S)


SPREAD = 1.25
"""How much longer than the settings say a backoff may be, by its spread."""


def count_anew(state: State, at: float) -> None:
    """An engine starts. Nobody listened before it: silence and time of live agents are counted
    anew, so that what went on, or ended, while no engine lived is read before it is judged. Nor did
    anybody see whether the clock was set: no wait is longer than it can have been meant."""
    for attempt in state.live_attempts():
        if attempt.phase in AGENT_ALIVE:
            asked = tuple(replace(one, at=at) for one in attempt.asked)
            ix.put_attempt(state, replace(attempt, beat_at=at, launched_at=at, asked=asked))
            continue
        if attempt.queued_at > at:
            # Otherwise whatever is queued from now on would go before it.
            ix.put_attempt(state, replace(attempt, queued_at=at))
        if attempt.phase is Phase.PARKED:
            _bound_park(state, attempt, at)
    for account, until in state.account_limits.items():
        state.account_limits[account] = min(until, at + LIMIT_LEFT_MAX_S)
    longest_s = state.limits.backoff_max_s * SPREAD
    for name, until in list(state.backing_off.items()):
        known = state.task_states[name]
        limit_s = LIMIT_LEFT_MAX_S if known.last_cause is Cause.LIMITED else longest_s
        if until > at + limit_s:
            ix.set_task(state, name, replace(known, retry_at=at + limit_s))


def _bound_park(state: State, attempt: Attempt, at: float) -> None:
    """No attempt is parked for longer than it can have been meant."""
    longest_s = state.limits.backoff_max_s * SPREAD
    if _told_by_vendor(attempt):
        longest_s = LIMIT_LEFT_MAX_S
    if attempt.parked_until is not None and attempt.parked_until > at + longest_s:
        ix.put_attempt(state, replace(attempt, parked_until=at + longest_s))


def shift(state: State, seconds: float, why: Jump, at: float) -> None:
    """Seconds passed that nobody is to be charged with. Live agents are as old and as silent as
    before; if the clock was set, every wait is as long as before too."""
    for attempt in state.live_attempts():
        if attempt.phase in AGENT_ALIVE:
            launched_at = min(attempt.launched_at + seconds, at)
            beat_at = min(attempt.beat_at + seconds, at)
            asked = tuple(replace(one, at=min(one.at + seconds, at)) for one in attempt.asked)
            done_at = min(attempt.done_at + seconds, at) if attempt.done_at else 0.0
            moved = replace(
                attempt, launched_at=launched_at, beat_at=beat_at, asked=asked, done_at=done_at
            )
            ix.put_attempt(state, moved)
        elif why is Jump.SET and attempt.phase is Phase.PARKED:
            _shift_park(state, attempt, seconds)
        elif why is Jump.SET and attempt.phase in (Phase.QUEUED, Phase.LANDING):
            # Who waits longest goes first, whatever the clock is set to.
            ix.put_attempt(state, replace(attempt, queued_at=attempt.queued_at + seconds))
    if why is not Jump.SET:
        return  # that time has truly passed, for waits too
    if seconds < 0:
        # Otherwise it was told by a right clock, or is over a little early.
        for account, until in state.account_limits.items():
            state.account_limits[account] = max(until + seconds, 0.0)
    for name, until in list(state.backing_off.items()):
        known = state.task_states[name]
        if known.last_cause is Cause.LIMITED and seconds > 0:
            continue  # the vendor told the moment by a right clock
        ix.set_task(state, name, replace(known, retry_at=max(until + seconds, 0.0)))
    for key, trouble in state.troubles.items():
        state.troubles[key] = replace(trouble, at=trouble.at + seconds)
    if state.delivery.blocked_at > 0:
        moment = max(state.delivery.blocked_at + seconds, 1.0)
        state.delivery = replace(state.delivery, blocked_at=moment)


def _told_by_vendor(attempt: Attempt) -> bool:
    return attempt.exit is not None and attempt.exit.retry_at is not None


def _shift_park(state: State, attempt: Attempt, seconds: float) -> None:
    until = attempt.parked_until
    # The vendor told the moment by a right clock.
    if until is None or (_told_by_vendor(attempt) and seconds > 0):
        return
    ix.put_attempt(state, replace(attempt, parked_until=max(until + seconds, 0.0)))


def try_for_room(state: State) -> None:
    """There is room again: what failed for want of it may be tried at once."""
    for key, trouble in state.troubles.items():
        if trouble.for_room:
            state.troubles[key] = replace(trouble, at=0.0)
