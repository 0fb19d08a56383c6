"""Agents, their slots and the seats of their accounts in the second bookkeeping: who may have one
more attempt, and to whom a task goes. Counted anew each time, from the pages of the attempts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gangsaw.core.events_agents import AgentAdded, AgentRemoved, AgentScaled
from gangsaw.core.model import Task
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_accounts import is_closed, limit_holds_task
from gangsaw.testing.simulation.pages import rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.pages import AttemptPage


@dataclass(slots=True)
class SeatBook:
    """What people have asked of agents: slots by name, those removed, those that joined."""

    scaled: dict[str, int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    joined: list[str] = field(default_factory=list)


def slots_of(book: Ledger, agent: str) -> int | None:
    """How many attempts of the agent may be at work."""
    if agent in book.seats.scaled:
        return book.seats.scaled[agent]
    return next((each.slots for each in book.limits.agents if each.name == agent), None)


def is_out(book: Ledger, agent: str) -> bool:
    """Whether the agent may begin nothing."""
    return agent in book.seats.removed or slots_of(book, agent) == 0


def fallback_of(book: Ledger, agent: str) -> str:
    """The agent that may take this one's place, or nothing."""
    for each in book.limits.agents:
        if each.name == agent and each.fallback and not is_out(book, each.fallback):
            return each.fallback
    return ""


def instead_of(book: Ledger, agent: str, at: float) -> str:
    """The agent that gets what is meant for this one."""
    other = fallback_of(book, agent)
    if not other:
        return agent
    if is_out(book, agent):
        return other
    left_s = book.account_limits.get(book.account_of(agent), 0.0) - at
    return other if left_s > patience_of(book, agent) and not book.is_limited(other, at) else agent


def patience_of(book: Ledger, agent: str) -> float:
    """A limit that ends within so many seconds is not left to the fallback."""
    return next((each.fallback_after_s for each in book.limits.agents if each.name == agent), 0.0)


def stands_for(book: Ledger, task: Task, agent: str, at: float) -> str:
    """In whose place the agent begins the task, or nothing."""
    those = may_go_to(book, task)
    if agent in those:
        return ""
    return next(each for each in those if instead_of(book, each, at) == agent)


def may_go_to(book: Ledger, task: Task) -> list[str]:
    """The agents that the task is for, the first choice first."""
    if task.agent is not None:
        return [task.agent]
    default = book.limits.default_agent
    if task.model is not None:
        return [default]
    found: list[str] = []
    for agent in (*(book.limits.pool or [default]), *book.seats.joined):
        if agent not in found:
            found.append(agent)
    return found


def nobody_for(book: Ledger, task: Task) -> bool:
    """Whether none of them begins anything, nor anybody in their place."""
    return all(is_out(book, each) and not fallback_of(book, each) for each in may_go_to(book, task))


def has_place(book: Ledger, agent: str, others: list[AttemptPage], *, begun: bool) -> bool:
    """Whether the agent may work on one more attempt beside these, which have places: by its slots
    and by its account's seats. One that begins nothing ends what it has `begun`, one by one."""
    of_agent = [page for page in others if page.holds == "agent" and page.seat == agent]
    most = slots_of(book, agent)
    if begun and most is not None:
        most = max(most, 1)
    if not begun and is_out(book, agent):
        return False
    return (most is None or len(of_agent) < most) and has_seat(book, agent, others)


def has_seat(book: Ledger, agent: str, others: list[AttemptPage]) -> bool:
    """Whether the account of the agent has a seat left beside these."""
    account = book.account_of(agent)
    said = [
        each.seats
        for each in book.limits.agents
        if each.seats is not None and book.account_of(each.name) == account
    ]
    taken = [p for p in others if p.holds == "agent" and book.account_of(p.seat) == account]
    return not said or len(taken) < min(said)


def free_for(book: Ledger, task: Task, others: list[AttemptPage], at: float) -> str:
    """The agent that would begin the task now; empty where each of them is held back."""
    for each in may_go_to(book, task):
        agent = instead_of(book, each, at)
        held = is_closed(book, agent, task.id, at) or limit_holds_task(book, agent, task.id, at)
        if not held and has_place(book, agent, others, begun=False):
            return agent
    return ""


def own_reviewer(book: Ledger, task: Task, author: str) -> str:
    """Who is to review the author's work: the one named, else the author, or the first choice
    where somebody else has taken its place."""
    those = may_go_to(book, task)
    return task.reviewer or book.limits.reviewer or (author if author in those else those[0])


@rule(AgentScaled)
def _(book: Ledger, event: AgentScaled, at: float) -> None:
    if event.slots is None:
        book.seats.scaled.pop(event.agent, None)
        return
    if event.slots < 0:
        raise Broken(f"{event.agent} is scaled to {event.slots}")
    book.seats.scaled[event.agent] = event.slots


@rule(AgentAdded)
def _(book: Ledger, event: AgentAdded, at: float) -> None:
    name = event.agent.name
    book.seats.removed.discard(name)
    if name not in book.seats.joined:
        book.seats.joined.append(name)
    agents = {each.name: each for each in book.limits.agents} | {name: event.agent}
    book.limits = replace(book.limits, agents=tuple(agents.values()))


@rule(AgentRemoved)
def _(book: Ledger, event: AgentRemoved, at: float) -> None:
    if event.agent in book.seats.removed:
        raise Broken(f"{event.agent} is removed twice")
    book.seats.removed.add(event.agent)
