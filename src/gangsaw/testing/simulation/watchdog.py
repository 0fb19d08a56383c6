"""The played watchdog: ends somebody now and then, and is not there now and then. By chance of its
own, so that schedules without it are what they were."""

from __future__ import annotations

from random import Random

from gangsaw.core import observations as ob
from gangsaw.testing.simulation.plans import CALM, Scene
from gangsaw.testing.simulation.world import World
from gangsaw.testing.simulation.world_agents import end_by_watchdog

ACTS, DIES, TWICE = 0.02, 0.003, 0.2


class PlayedWatchdog:
    """Of schedules in which memory may be short."""

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._rng = Random(f"{scene.own} watchdog")
        self._is_there = scene.temper.memory > 0

    def look(self) -> list[ob.Observation]:
        """What it does as time goes on; what is told besides of itself."""
        rng, world = self._rng, self._world
        if not self._is_there or world.temper is CALM:
            return []
        found: list[ob.Observation] = []
        if rng.random() < DIES:
            found.append(ob.WatchdogGone("it ended with -9", rng.random() < 0.5))
        alive = [launch for launch in world.alive.values() if launch.started]
        if not alive or rng.random() > ACTS:
            return found
        launch = rng.choice(alive)
        told = (900.0, 100.0, 8_000.0, 3.0, world.clock)
        acted = ob.WatchdogActed(launch.attempt, launch.number, *told)
        end_by_watchdog(world, launch, acted)
        return [*found, acted] if rng.random() < TWICE else found
