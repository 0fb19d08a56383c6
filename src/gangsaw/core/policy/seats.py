"""Which agents may take work, and how much of it at a time?

Three bounds hold together: those of the run (`max_agents`), of each agent (its slots) and of each
account (its seats, shared by all its agents). An agent that was removed, or scaled to 0, begins
nothing; what it has begun it brings to its end, one at a time at least, since work that is never
ended would be lost.
"""

from __future__ import annotations

from gangsaw.core.model import Limits, Task, account_of
from gangsaw.core.replacing import replace
from gangsaw.core.state import State


def slots_of(state: State, agent: str) -> int | None:
    """How many live attempts the agent may have, as it was scaled or as its settings say; `None`
    for no bound of its own."""
    scaled = state.seating.slots_of(agent)
    if scaled is not None:
        return scaled
    return next((each.slots for each in state.limits.agents if each.name == agent), None)


def limits_now(state: State) -> Limits:
    """The limits with the slots that agents have now, as they were scaled and removed."""
    agents = tuple(
        replace(each, slots=0 if is_out(state, each.name) else slots_of(state, each.name))
        for each in state.limits.agents
    )
    return replace(state.limits, agents=agents)


def seats_of(limits: Limits, account: str) -> int | None:
    """How many live attempts all agents of the account may have together: the least that any of
    them names; `None` where none does."""
    named = [
        each.seats
        for each in limits.agents
        if each.seats is not None and account_of(limits, each.name) == account
    ]
    return min(named) if named else None


def seats_taken(state: State, account: str) -> int:
    """How many live attempts the agents of the account have now."""
    return sum(
        count
        for agent, count in state.busy.items()
        if agent and account_of(state.limits, agent) == account
    )


def is_out(state: State, agent: str) -> bool:
    """Whether the agent begins nothing: it was removed, or scaled to 0."""
    return agent in state.seating.removed or slots_of(state, agent) == 0


def out_text(state: State, agent: str) -> str:
    """Why it begins nothing, and what to do about it."""
    if agent in state.seating.removed:
        return f"agent {agent} was removed from this run: gangsaw agents add {agent}"
    return f"agent {agent} is scaled to 0: gangsaw scale {agent}=1"


def has_slot(state: State, agent: str, *, begun: bool = False) -> bool:
    """Whether the agent may have one more live attempt, for one that has a slot of the run;
    `begun`: for one that it has worked on already."""
    may = begun or not is_out(state, agent)
    return may and has_own_slot(state, agent) and _has_seat(state, agent)


def has_own_slot(state: State, agent: str) -> bool:
    """Whether one of the agent's own slots is free; of one that ends what it has begun, one is."""
    slots = slots_of(state, agent)
    return slots is None or state.busy.get(agent, 0) < max(1, slots)


def seats_for(state: State, agent: str) -> int | None:
    """How many seats the agent's account has; `None` for no bound."""
    return seats_of(state.limits, account_of(state.limits, agent))


def _has_seat(state: State, agent: str) -> bool:
    seats = seats_for(state, agent)
    return seats is None or seats_taken(state, account_of(state.limits, agent)) < seats


def fallback_of(state: State, agent: str) -> str:
    """The agent that goes on where this one cannot; empty where none is named, or that one begins
    nothing itself."""
    other = next((each.fallback for each in state.limits.agents if each.name == agent), "")
    return "" if other and is_out(state, other) else other


def patience_s(state: State, agent: str) -> float:
    """How long a usage limit of the agent may have to go (seconds) and still be waited for."""
    known = (each.fallback_after_s for each in state.limits.agents if each.name == agent)
    return next(known, 0.0)


def nobody_for(state: State, task: Task) -> bool:
    """Whether all agents that the task may go to begin nothing."""
    those = choices(state, task)
    return all(is_out(state, each) and not fallback_of(state, each) for each in those)


def pool(state: State) -> tuple[str, ...]:
    """The agents that a task without one may go to, the most wanted first."""
    first = state.limits.pool or (state.limits.default_agent,)
    return tuple(dict.fromkeys((*first, *state.seating.joined)))


def choices(state: State, task: Task) -> tuple[str, ...]:
    """The agents that the task may be given to, the most wanted first. One that names a model was
    written for the agent that knows it."""
    if task.agent:
        return (task.agent,)
    return (state.limits.default_agent,) if task.model else pool(state)
