"""How much memory each live agent takes with its whole tree, kept as a peak.

The quick figure counts what processes share for each of them. So the exact one is read too, but
only when the quick one has risen: it costs a third of a millisecond for each process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.state import State
from gangsaw.engine.footprints import footprints
from gangsaw.meters import Disk, ProcessorTime, Reading, Survey, exact, survey

RISEN = 1.05


class Gauge:
    """Remembers the peaks of the attempts that are alive."""

    def __init__(self, attempts: Path, state: State, look: Callable[[], Survey] = survey) -> None:
        self._attempts, self._state, self._look = attempts, state, look
        self._rss_kb: dict[str, int] = {}
        self._peak_kb: dict[str, int] = {}
        self._before: ProcessorTime | None = None

    def measure(self, reading: Reading, fullest: Disk) -> Measure:
        """What is so now. `fullest` is the file system with the least room."""
        found = footprints(self._attempts, self._state, self._look()) if self._state.live else []
        for one in found:
            name, rss_kb = one.attempt, one.tree.rss_kb
            if rss_kb > self._rss_kb.get(name, 0) * RISEN:
                self._rss_kb[name] = rss_kb
                memory_kb = exact(one.tree).memory_kb
                self._peak_kb[name] = max(memory_kb, self._peak_kb.get(name, 0))
        alive = [one.attempt for one in found]
        # A tree of which every process is just ending takes nothing, though it is still there.
        self._rss_kb = {name: self._rss_kb.get(name, 0) for name in alive}
        self._peak_kb = {name: self._peak_kb.get(name, 0) for name in alive}
        before, self._before = self._before, reading.processor
        return Measure(
            memory_total_mb=reading.memory_total_mb,
            memory_available_mb=reading.memory_available_mb,
            disk_free_mb=fullest.free_mb,
            disk_used_pct=round(fullest.used_pct, 2),
            cpu_used_pct=None if before is None else reading.processor.used_pct(before),
            agents=tuple(AgentMemory(name, round(self._peak_kb[name] / 1024)) for name in alive),
        )
