"""The played meters: figures that wander, and trees of agents that grow and shrink.

They have dice of their own, so that a seed plays the same world with them as without.
"""

from __future__ import annotations

import random

from gangsaw.core import observations as ob
from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.state import State

OFTEN = 0.2
TOTAL_MB = 100_000
MOST_MB = 40_000
"""So much that nothing is ever held for it: of short machines there are schedules of their own, see
`memory`."""


class Meters:
    """Looks only when something else is seen too."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"meters-{seed}")
        self._used_mb = 16_000

    def look(self, state: State, seen: list[ob.Observation]) -> list[ob.Observation]:
        """A reading, now and then."""
        rng = self._rng
        if not seen or rng.random() >= OFTEN:
            return []
        self._used_mb = min(MOST_MB, max(500, self._used_mb + rng.randint(-8_000, 10_000)))
        alive = [one.id for one in state.live_attempts() if one.phase in AGENT_ALIVE]
        agents = tuple(AgentMemory(name, rng.randint(50, 4_000), 50) for name in alive)
        cpu_pct = rng.choice((None, round(rng.uniform(0, 100), 1)))
        used_pct = round(rng.uniform(10, 85), 1)
        measure = Measure(TOTAL_MB, TOTAL_MB - self._used_mb, 50_000, used_pct, cpu_pct, agents)
        return [ob.MachineSeen(measure)]
