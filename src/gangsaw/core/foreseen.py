"""What came of imagined runs of a plan with so many agents, as values."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.learning import Guess
from gangsaw.core.report.values import Link

NEAR_BEST = 1.05
"""A number of agents is good enough that takes at most so many times as long as the best."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One imagined run. `least_s`: it cannot be shorter, by its longest chain of agents' work and
    by all of that over all agents. `speedup`: how often its length everything one after the other
    would take. `chain` is what its last landing waited for."""

    agents: int
    makespan_s: float
    least_s: float
    speedup: float | None
    utilisation_pct: float | None
    landed: int
    chain: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ExpectedTask:
    """How long the agent of a task is expected to work, and what that costs, where known."""

    task: str
    agent: str
    model: str | None
    seconds: Guess
    cost_usd: Guess | None


@dataclass(frozen=True, slots=True)
class ExpectedCheck:
    """How long a check is expected to take; 0 where nobody knows."""

    check: str
    seconds: Guess


@dataclass(frozen=True, slots=True)
class Foreseen:
    """All of it. `overhead_s` is what a task takes besides its agent and its checks, as learned."""

    outcomes: tuple[Outcome, ...]
    tasks: tuple[ExpectedTask, ...]
    checks: tuple[ExpectedCheck, ...]
    overhead_s: float

    @property
    def suggested(self) -> int | None:
        """The smallest number of agents that is nearly as quick as the best; `None` of nothing."""
        best_s = min((each.makespan_s for each in self.outcomes), default=0.0)
        near = [each.agents for each in self.outcomes if each.makespan_s <= NEAR_BEST * best_s]
        return min(near, default=None)

    @property
    def cost_usd(self) -> float | None:
        """Of all tasks; `None` where it is unknown of one."""
        known = [each.cost_usd.value for each in self.tasks if each.cost_usd is not None]
        return sum(known) if len(known) == len(self.tasks) and known else None
