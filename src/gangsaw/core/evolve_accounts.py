"""What a vendor's limits do to the state of an account; used by `evolve` only.

All agents of an account share a breaker. It is opened by the first of them that is asked to send
less; whatever others that were already at work are told in the same pause is no news.
"""

from __future__ import annotations

from gangsaw.core.breaker import BREAKS, PAUSE_TOLD_MAX_S, Breaker
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Limits, account_of
from gangsaw.core.policy.accounts import probing, window_s
from gangsaw.core.policy.retry import backoff_s
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, State
from gangsaw.core.timing import SPREAD

RELAPSE = 2.0
"""A breaker that is opened again within so many of the longest pauses after it was closed goes on
where it was: the vendor bears one launch, and not all."""


def limited(state: State, agent: str, until: float, at: float) -> None:
    """The usage limit holds back all tasks of all agents of the account until then."""
    account = account_of(state.limits, agent)
    known = state.account_limits.get(account, 0.0)
    if known <= at:
        state.limits_since[account] = at
    state.account_limits[account] = max(until, known)


def throttled(state: State, attempt: Attempt, told: float | None, at: float) -> None:
    """The vendor asked the attempt's agent to send less, until the moment that it told, if any."""
    account = account_of(state.limits, attempt.seat)
    known = state.breakers.get(account)
    if known is not None and known.closed_at is None and at < known.until:
        until = _until(state.limits, account, known.count, told, known.since)
        state.breakers[account] = replace(known, until=max(known.until, until))
        return
    count = 1 if known is None or _is_over(state.limits, known, at) else known.count + 1
    state.breakers[account] = Breaker(count, at, _until(state.limits, account, count, told, at))


def _is_over(limits: Limits, known: Breaker, at: float) -> bool:
    """Whether the breaker was closed so long ago that this is another matter."""
    closed = known.closed_at
    return closed is not None and at > closed + RELAPSE * limits.backoff_max_s


def _until(limits: Limits, account: str, count: int, told: float | None, at: float) -> float:
    """The end of the `count`th pause in a row: it doubles up to the longest, spread by account, and
    is no shorter than the vendor told."""
    own = at + backoff_s(limits, count, f"{account} {count}")
    return own if told is None else max(own, min(told, at + PAUSE_TOLD_MAX_S))


def launched(state: State, attempt: Attempt, at: float) -> None:
    """The attempt's agent is launched: as the one that is let through, where the pause is over and
    there is no such one yet."""
    account = account_of(state.limits, attempt.seat)
    known = state.breakers.get(account)
    if known is None or known.closed_at is not None or at < known.until:
        return
    before = probing(state, known)
    if before is None or before.id == attempt.id:
        state.breakers[account] = replace(known, probe=attempt.id, launch=attempt.launch)


def answered(state: State, attempt: Attempt, launch: int, at: float) -> None:
    """The vendor answered the launch. If it was the one let through, the others follow."""
    account = account_of(state.limits, attempt.seat)
    known = state.breakers.get(account)
    if known is None or known.closed_at is not None:
        return
    if (known.probe, known.launch) == (attempt.id, launch):
        window = window_s(at - known.since)
        state.breakers[account] = replace(known, closed_at=at, window_s=window)


def met(state: State, attempt: Attempt, condition: Condition | None, told: float | None,
        outcome: OutcomeKind, at: float) -> None:  # fmt: skip
    """A launch of the attempt has ended like this. One that was killed, or has not reached its
    vendor, says nothing about it."""
    if condition in BREAKS:
        throttled(state, attempt, told, at)
    elif outcome is not OutcomeKind.CRASHED and condition is not Condition.NETWORK:
        answered(state, attempt, attempt.launch, at)


def freed(state: State, attempt: Attempt) -> None:
    """A person lets the attempt go on. Whoever says that a limit is over says so for all agents of
    the account."""
    account = account_of(state.limits, attempt.seat)
    if attempt.parked is Condition.QUOTA:
        state.account_limits.pop(account, None)
        state.limits_since.pop(account, None)
    if attempt.parked in BREAKS:
        state.breakers.pop(account, None)


def count_anew(state: State, at: float) -> None:
    """An engine starts, and nobody saw whether the clock was set: no pause is longer than it can
    have been meant."""
    longest_s = max(PAUSE_TOLD_MAX_S, state.limits.backoff_max_s * SPREAD)
    for account, known in state.breakers.items():
        state.breakers[account] = replace(
            known,
            since=min(known.since, at),
            until=min(known.until, at + longest_s),
            closed_at=None if known.closed_at is None else min(known.closed_at, at),
        )
    for account, since in state.limits_since.items():
        state.limits_since[account] = min(since, at)


def shift(state: State, seconds: float) -> None:
    """The clock was set: every pause is as long as before."""
    for account, known in state.breakers.items():
        state.breakers[account] = replace(
            known,
            since=known.since + seconds,
            until=known.until + seconds,
            closed_at=None if known.closed_at is None else known.closed_at + seconds,
        )
    if seconds < 0:
        for account, since in state.limits_since.items():
            state.limits_since[account] = since + seconds
