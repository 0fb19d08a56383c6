"""When a reading of the machine is worth an event, and what agents are known to take."""

from __future__ import annotations

from collections.abc import Iterable

from gangsaw.core.events_machine import MachineMeasured
from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.replacing import replace
from gangsaw.core.state import State

LEAST_S = 10.0
"""There is never more than one event in so long."""
MOST_S = 300.0
"""While agents are alive there is one at least so often, however little changes."""
MEMORY_STEP_PCT = 5.0
DISK_STEP_PCT = 1.0
GROWN = 1.1
GROWN_MB = 32
"""An agent's peak has risen if it is both this much larger, and by so many MB."""


def measured(state: State, seen: Measure, now: float) -> list[MachineMeasured]:
    """The event of a reading, or none: nothing is recorded while no agent is alive."""
    book, since_s = state.machine, now - state.machine.at
    if not seen.agents or (book.last is not None and 0 <= since_s < LEAST_S):
        return []
    if book.last is not None and 0 <= since_s < MOST_S and not _differs(state, book.last, seen):
        return []
    known = tuple(one for one in seen.agents if one.attempt in state.attempts)
    return [MachineMeasured(replace(seen, agents=known))]


def _differs(state: State, last: Measure, seen: Measure) -> bool:
    return (
        abs(seen.memory_used_pct - last.memory_used_pct) >= MEMORY_STEP_PCT
        or abs(seen.disk_used_pct - last.disk_used_pct) >= DISK_STEP_PCT
        or any(_has_grown(state, one) for one in seen.agents)
    )


def _has_grown(state: State, one: AgentMemory) -> bool:
    before = state.memory_peaks.get(one.attempt)
    return before is None or one.peak_mb > max(before * GROWN, before + GROWN_MB)


def learned_mb(state: State, agents: Iterable[str]) -> dict[str, int]:
    """What an attempt of each of these agents has taken at most, in MB; agents of which none was
    measured are left out."""
    wanted, found = set(agents), dict[str, int]()
    for name, peak_mb in state.memory_peaks.items():
        agent = state.attempts[name].agent
        if agent in wanted:
            found[agent] = max(peak_mb, found.get(agent, 0))
    return found
