"""How much memory each live agent takes with its whole tree, now and at its peak.

The quick figure counts what processes share for each of them. So the exact one is read too, but
only when the quick one has changed: it costs a third of a millisecond for each process. Of a very
large tree the quick one is scaled by what the exact one was before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.state import State
from gangsaw.engine.footprints import footprints
from gangsaw.meters import Disk, ProcessorTime, Reading, Survey, Tree, exact, survey

CHANGED = 0.05
EXACT_MOST = 300
"""Trees of more processes are not measured exactly: what multiplies is told quickly."""


class Gauge:
    """Remembers what the attempts that are alive took, and their peaks. `worktree_mb` is what the
    files of one worktree are expected to take."""

    def __init__(
        self,
        attempts: Path,
        state: State,
        worktree_mb: int = 0,
        *,
        look: Callable[[], Survey] = survey,
    ) -> None:
        self._attempts, self._state, self._worktree_mb = attempts, state, worktree_mb
        self._look = look
        self._rss_kb: dict[str, int] = {}
        self._now_kb: dict[str, int] = {}
        self._peak_kb: dict[str, int] = {}
        self._before: ProcessorTime | None = None

    def measure(self, reading: Reading, fullest: Disk) -> Measure:
        """What is so now. `fullest` is the file system with the least room."""
        found = footprints(self._attempts, self._state, self._look()) if self._state.live else []
        for one in found:
            self._take(one.attempt, one.tree)
        alive = [one.attempt for one in found]
        self._rss_kb = {name: self._rss_kb[name] for name in alive}
        self._now_kb = {name: self._now_kb[name] for name in alive}
        self._peak_kb = {name: self._peak_kb[name] for name in alive}
        before, self._before = self._before, reading.processor
        stall = reading.stalls.memory
        return Measure(
            memory_total_mb=reading.memory_total_mb,
            memory_available_mb=reading.memory_available_mb,
            disk_free_mb=fullest.free_mb,
            disk_used_pct=round(fullest.used_pct, 2),
            cpu_used_pct=None if before is None else reading.processor.used_pct(before),
            agents=tuple(
                AgentMemory(name, _mega(self._peak_kb[name]), _mega(self._now_kb[name]))
                for name in alive
            ),
            some_wait_pct=stall.some_pct if stall else 0.0,
            all_wait_pct=stall.full_pct if stall else 0.0,
            worktree_mb=self._worktree_mb,
        )

    def _take(self, name: str, tree: Tree) -> None:
        rss_kb, before_kb = tree.rss_kb, self._rss_kb.get(name, 0)
        if before_kb and abs(rss_kb - before_kb) <= before_kb * CHANGED:
            return
        if len(tree.pids) > EXACT_MOST:
            share = self._now_kb[name] / before_kb if before_kb else 1.0
            memory_kb = round(rss_kb * share)
        else:
            memory_kb = exact(tree).memory_kb
        self._rss_kb[name], self._now_kb[name] = rss_kb, memory_kb
        self._peak_kb[name] = max(memory_kb, self._peak_kb.get(name, 0))


def _mega(kilo: int) -> int:
    return round(kilo / 1024)
