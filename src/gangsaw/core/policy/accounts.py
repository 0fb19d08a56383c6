"""May an agent of this account be launched now, as far as its vendor is concerned?

Two answers of a vendor are told apart. A usage limit ends at a moment: until then nobody of the
account is launched. "Send less" has no moment that can be relied on: the account's breaker pauses
all launches, then lets one through, and the others only once that one was answered. In both cases
those that waited follow one after another.
"""

from __future__ import annotations

from collections.abc import Iterator

from gangsaw.core.breaker import Breaker
from gangsaw.core.events import Event, TurnWanted
from gangsaw.core.model import account_of
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy.retry import spread
from gangsaw.core.spans import span
from gangsaw.core.state import Attempt, State

PROBE_MAX_S = 90.0
"""A launch that was let through and has run for so long without being refused counts as answered:
some agents tell what they use only at their end. Most that are refused say so sooner."""

RESET_SPREAD = 0.1
RESET_SPREAD_S = 30.0
"""Within this part of their wait, and so many seconds, after the end of a limit those that waited
for it go on: all at once would only meet the next one."""


def window_s(waited_s: float) -> float:
    """Within how many seconds those go on that waited so long."""
    return min(RESET_SPREAD_S, RESET_SPREAD * max(waited_s, 0.0))


def limit_of(state: State, agent: str) -> float:
    """Until when a usage limit holds back the agent and all others of its account (epoch seconds;
    0 for none)."""
    return state.account_limits.get(account_of(state.limits, agent), 0.0)


def is_limited(state: State, agent: str, now: float) -> bool:
    """Whether a usage limit of the agent's account holds it back now."""
    return limit_of(state, agent) > now


def limit_over_at(state: State, agent: str, key: str) -> float:
    """When whoever is named by the key goes on after the usage limit of the agent's account: not
    all at its very end (epoch seconds; 0 for none)."""
    account = account_of(state.limits, agent)
    limit = state.account_limits.get(account, 0.0)
    since = state.limits_since.get(account)
    return limit if since is None else limit + window_s(limit - since) * spread(key)


def opens_at(state: State, agent: str, key: str) -> float:
    """From when on the breaker of the agent's account lets a launch through, by the attempt or task
    named by the key (epoch seconds; 0 where there is none). While another one that was let through
    is waited for, when that ends at the latest."""
    found = state.breakers.get(account_of(state.limits, agent))
    if found is None:
        return 0.0
    if found.closed_at is not None:
        return found.closed_at + found.window_s * spread(key)
    probe = probing(state, found)
    if probe is None or probe.id == key:
        return found.until
    return max(found.until, probe.launched_at + PROBE_MAX_S)


def probing(state: State, found: Breaker) -> Attempt | None:
    """The attempt whose agent was let through and is at work, while that is so."""
    attempt = state.attempts.get(found.probe)
    if attempt is None or attempt.launch != found.launch or attempt.phase not in AGENT_ALIVE:
        return None
    return attempt


def once_open(state: State, attempt: Attempt, wanted: list[Event], now: float) -> list[Event]:
    """What is wanted next for the attempt; nothing yet if that is a launch which its account's
    vendor would only refuse, unless a person said that it may go on."""
    turn = wanted[0] if wanted else None
    if not isinstance(turn, TurnWanted):
        return wanted
    if attempt.phase is Phase.PARKED and attempt.parked is None:
        return wanted
    return [] if opens_at(state, turn.agent or attempt.agent, attempt.id) > now else wanted


def wait_text(state: State, attempt: Attempt, now: float) -> str:
    """For what a further turn of the attempt waits, in words; empty if for nothing of the kind."""
    left_s = opens_at(state, attempt.agent, attempt.id) - now
    if left_s <= 0:
        return ""
    return f"{attempt.agent}'s vendor asks to send less; goes on in {span(left_s)}"


def moments(state: State) -> Iterator[float]:
    """When launches may be let through again (epoch seconds), past or to come."""
    if not state.account_limits and not state.breakers:
        return
    waiting = [*state.live, *(name for _, name in state.ready)]
    for account, until in state.account_limits.items():
        yield until
        window = window_s(until - state.limits_since.get(account, until))
        yield from (until + window * spread(key) for key in waiting if window)
    for found in state.breakers.values():
        if found.closed_at is not None:
            yield from (found.closed_at + found.window_s * spread(key) for key in waiting)
            continue
        yield found.until
        if (probe := probing(state, found)) is not None:
            yield probe.launched_at + PROBE_MAX_S
