"""Agents that come and go in a simulated run: seats, a choice among agents, and people who scale,
add and remove them. By chance of its own, so that schedules without it are what they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core import observations as ob
from gangsaw.core import staffing
from gangsaw.core.model import AgentSlots
from gangsaw.core.policy.seats import is_out
from gangsaw.core.state import State

if TYPE_CHECKING:
    from gangsaw.testing.simulation.plans import Scene

Ask = Callable[..., ob.Asked]

_STAFFED = 0.35
"""How many schedules have any of it."""
THIRD = "three"
_NUMBERS = ("0", "0", "1", "1", "2", "settings")
_WRONG = ("one=-1", "nobody=1", "2", "one=", "=1", "one=1 two=x", "one=1001")


def with_staff(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with seats, with a third agent, and with a choice among them."""
    if rng.random() >= _STAFFED:
        return scene
    limits = scene.limits
    agents = [
        replace(
            each,
            seats=rng.choice((None, 1, 2, 3)),
            fallback_after_s=rng.choice((0.0, 0.0, 60.0, 1e9)),
        )
        for each in limits.agents
    ]
    if rng.random() < 0.4:
        agents.append(_third(rng))
    names = [each.name for each in agents]
    pool = tuple(rng.sample(names, rng.choice((1, 2, len(names))))) if rng.random() < 0.6 else ()
    tasks = scene.plan.tasks
    if pool:
        tasks = tuple(replace(task, model=rng.choice((None, None, "m"))) for task in tasks)
    return replace(
        scene,
        plan=replace(scene.plan, tasks=tasks),
        limits=replace(limits, agents=tuple(agents), pool=pool),
        temper=replace(scene.temper, staff=rng.choice((0.0, 0.1, 0.3))),
    )


def _third(rng: Random) -> AgentSlots:
    return AgentSlots(
        THIRD,
        rng.choice((None, 1, 2)),
        resumes=rng.random() < 0.5,
        fallback=rng.choice(("", "one")),
        account=rng.choice(("", "both")),
        seats=rng.choice((None, 1, 2)),
    )


class Staff:
    """What people do about agents in one schedule."""

    def __init__(self, scene: Scene) -> None:
        self._rng = Random(f"{scene.own} staff")
        self._agents = scene.limits.agents

    def meddle(self, state: State, chance: float, ask: Ask) -> list[ob.Asked]:
        """Now and then somebody scales, adds or removes an agent, or asks for nonsense."""
        rng = self._rng
        if not chance or rng.random() >= chance:
            return []
        known = [each.name for each in self._agents]
        chosen = rng.random()
        if chosen < 0.1:
            asked = ask("scale", text=rng.choice(_WRONG))
        elif chosen < 0.55:
            names = rng.sample(known, rng.choice((1, 1, 2)))
            text = " ".join(f"{name}={rng.choice(_NUMBERS)}" for name in names)
            asked = ask("scale", number=rng.choice((0, 0, 1, 3)), text=text)
        elif chosen < 0.75:
            asked = ask(staffing.REMOVE, text=rng.choice((*known, "nobody")))
        else:
            asked = ask(staffing.ADD, text=rng.choice(known), agent=self._as_set(rng))
        return [asked] * rng.choice((1, 1, 2))

    def _as_set(self, rng: Random) -> AgentSlots | None:
        """An agent as the settings have it by then; `None` where they have none of that name."""
        if rng.random() < 0.1:
            return None
        found = rng.choice((*self._agents, _third(rng)))
        if rng.random() < 0.5:
            found = replace(found, slots=rng.choice((None, 1, 2)), seats=rng.choice((None, 1, 2)))
        return found

    def bring_back(self, state: State, ask: Ask) -> list[ob.Asked]:
        """All agents that the run waits for begin tasks again."""
        found: list[ob.Asked] = []
        for each in state.limits.agents:
            if each.name in state.seating.removed:
                found.append(ask(staffing.ADD, text=each.name, agent=each))
            if state.seating.slots_of(each.name) == 0 and is_out(state, each.name):
                found.append(ask("scale", text=f"{each.name}=settings"))
        return found
