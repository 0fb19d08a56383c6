"""What the watchdog's events do to the state; used by `evolve` only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core.events_watchdog import WatchdogEnded, WatchdogStopped
from gangsaw.core.machine import Deed
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.replacing import replace
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _stopped(event: WatchdogStopped, state: State, at: float) -> None:
    """For the governor it is a victim of its own: nobody else is chosen until it is gone and its
    memory was seen, and no more start than were left."""
    known = state.governor
    if known is None:
        return
    governed = known.governed
    left = sum(
        1
        for attempt in state.live_attempts()
        if attempt.phase in AGENT_ALIVE and attempt.id != event.attempt
    )
    most = state.limits.max_agents if governed.parallel is None else governed.parallel
    state.governor = replace(
        known,
        governed=replace(
            governed,
            victim=event.attempt,
            deed=Deed.KILL,
            chosen_at=at,
            gone_at=None,
            parallel=max(1, min(most, left)),
            calm_since=None,
        ),
    )


def _ended(event: WatchdogEnded, state: State, at: float) -> None:
    """Nothing depends on it."""


RULES: dict[type[Any], Rule] = {WatchdogStopped: _stopped, WatchdogEnded: _ended}
