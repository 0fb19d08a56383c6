"""The played machine's memory: what agents and others use of it, and what a reading says. By chance
of its own, so that schedules without it are what they were."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from gangsaw.core import observations as ob
from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.model import task_of
from gangsaw.core.state import State
from gangsaw.testing.simulation.plans import CALM, Scene
from gangsaw.testing.simulation.world import World

TOTAL_MB = 8_000
SYSTEM_MB = 800.0
LEFT_PCT = (3.0, 9.0, 9.0, 9.0, 15.0, 40.0)
"""What other programs leave available, while they make the machine short."""
PEAKS_MB = (100.0, 400.0, 1_200.0, 3_000.0)
LEAKS_MB_S = (0.0, 0.0, 0.0, 40.0, 200.0)
LEAKED_MB = 6_500.0
STUBBORN = 0.3
"""How many tasks leak in each of their launches, where memory is short at all."""
WORKTREE_MB = 100
READ = 0.8
"""How often a turn brings a reading."""
TWICE = 0.1
FREE_MB, NARROW_MB = 9_000, 700
NARROW = 0.15
"""How many disks have room for one more worktree at a time, but not for two."""


class Memory:
    """What a meter of this schedule's machine says."""

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._rng = Random(f"{scene.own} meter")
        self.is_there = scene.temper.memory > 0
        self._stubborn = {t.id for t in scene.plan.tasks if self._rng.random() < STUBBORN}
        narrow = Random(f"{scene.own} disk").random() < NARROW
        self._free_mb = NARROW_MB if narrow else FREE_MB
        self._found: dict[tuple[str, int], tuple[float, float, float]] = {}
        """Launch → when it was first seen, its memory then, how fast it grows."""

    def look(self, state: State, seen: list[ob.Observation]) -> list[ob.Observation]:
        """The readings that come with a turn, if any, whatever else is seen with it."""
        if self._world.temper is CALM:
            return [self._read()]
        if self._rng.random() > READ:
            return []
        found = self._read()
        return [found, found] if self._rng.random() < TWICE else [found]

    def _read(self) -> ob.Observation:
        calm, rng, free = self._world.temper is CALM, self._rng, self._free_mb
        used = [
            AgentMemory(name, 0, 100 if calm else round(self._used_mb(name, launch.number)))
            for name, launch in self._world.alive.items()
            if launch.started
        ]
        # Mostly while agents are at work: what nobody can start does not run short.
        likely = self._world.temper.memory * (1.0 if used else 0.2)
        if any(task_of(each.attempt) in self._stubborn for each in used):
            likely = 0.9
        short = not calm and rng.random() < likely
        left = TOTAL_MB - SYSTEM_MB - sum(each.memory_mb for each in used)
        if short:
            left = min(left, TOTAL_MB * rng.choice(LEFT_PCT) / 100.0)
        measure = Measure(
            TOTAL_MB,
            max(0, round(left)),
            rng.choice((free, free, free, NARROW_MB, 300)) if short else free,
            rng.choice((50.0, 50.0, 50.0, 95.0)) if short else 50.0,
            agents=tuple(replace(each, peak_mb=each.memory_mb) for each in used),
            some_wait_pct=rng.choice((0.0, 30.0)) if short else 0.0,
            all_wait_pct=rng.choice((0.0, 0.0, 20.0)) if short else 0.0,
            worktree_mb=WORKTREE_MB,
        )
        return ob.MachineSeen(measure)

    def _used_mb(self, name: str, number: int) -> float:
        if (name, number) not in self._found:
            leak = self._rng.choice(LEAKS_MB_S)
            if task_of(name) in self._stubborn:
                leak = LEAKS_MB_S[-1]
            self._found[name, number] = (self._world.now, self._rng.choice(PEAKS_MB), leak)
        since, peak_mb, leak = self._found[name, number]
        return peak_mb + min(leak * (self._world.now - since), LEAKED_MB)
