"""What the events of agents that come and go do to the state; used by `evolve` only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gangsaw.core.events_agents import AgentAdded, AgentRemoved, AgentScaled
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _scaled(event: AgentScaled, state: State, at: float) -> None:
    known = state.seating
    others = tuple(pair for pair in known.scaled if pair[0] != event.agent)
    own = () if event.slots is None else ((event.agent, event.slots),)
    state.seating = replace(known, scaled=(*others, *own))


def _added(event: AgentAdded, state: State, at: float) -> None:
    name, known, limits = event.agent.name, state.seating, state.limits
    agents = tuple(event.agent if each.name == name else each for each in limits.agents)
    if event.agent not in agents:
        agents = (*agents, event.agent)
    state.limits = replace(limits, agents=agents)
    removed = tuple(other for other in known.removed if other != name)
    joined = known.joined if name in known.joined else (*known.joined, name)
    state.seating = replace(known, removed=removed, joined=joined)


def _removed(event: AgentRemoved, state: State, at: float) -> None:
    known = state.seating
    removed = tuple(other for other in known.removed if other != event.agent)
    state.seating = replace(known, removed=(*removed, event.agent))


RULES: dict[type[Any], Rule] = {AgentScaled: _scaled, AgentAdded: _added, AgentRemoved: _removed}
