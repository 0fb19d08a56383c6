"""May this launch be paid for?

Every bound on money or tokens is kept by reservation: a launch is only wanted if what was spent,
what the launches at work may still use, and what this one may use stay within the bound. What one
may use is what the dearest launch of its agent in this run has used, and a stated amount as long
as none has ended. Agents report late, so a bound can be overshot by what those at work use more
than was reserved for them; they are stopped when that is seen, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.state import Attempt, State, Usage

RESERVE_TOKENS = 200_000
"""Tokens that a launch may use as long as no launch of its agent has ended."""
FIRST_PART = 0.25
"""Of a small bound no more than this part is reserved for such a launch, so that one can start."""

_AT_WORK = AGENT_ALIVE | {Phase.PREPARING, Phase.READY}


@dataclass(frozen=True, slots=True)
class Bound:
    """So much may be used, and so much was: of the run, or (`task`) of one task. `unit` is
    `DOLLARS` or `TOKENS`."""

    most: float
    spent: float
    unit: str
    task: str = ""

    DOLLARS: ClassVar[str] = "dollars"
    TOKENS: ClassVar[str] = "tokens"

    def shown(self, amount: float) -> str:
        """The amount with its unit, as people read it."""
        return f"${amount:.2f}" if self.unit == self.DOLLARS else f"{amount:.0f} tokens"

    @property
    def part(self) -> str:
        """What was spent of what may be, as people read it."""
        spent = f"{self.spent:.0f}" if self.unit == self.TOKENS else self.shown(self.spent)
        return f"{spent} of {self.shown(self.most)}"

    @property
    def over(self) -> float:
        """How much more than the bound was spent; 0 or less if none."""
        return self.spent - self.most


def bounds(state: State, task: str) -> Iterator[Bound]:
    """Every bound that a launch for this task is under."""
    limits, own = state.limits, state.tasks[task]
    yield from _bounds(limits.budget_usd, limits.budget_tokens, state.usage, "")
    used = state.task_states[task].usage
    yield from _bounds(own.budget_usd, own.budget_tokens, used, task)


def _bounds(usd: float | None, tokens: int | None, used: Usage, task: str) -> Iterator[Bound]:
    if usd is not None:
        yield Bound(usd, used.cost_usd, Bound.DOLLARS, task)
    if tokens is not None:
        yield Bound(tokens, used.tokens, Bound.TOKENS, task)


def lacking(state: State, task: str, agent: str, *, alone: bool = False) -> str:
    """Why a launch of the agent for this task cannot be paid for now, in words; empty if it can.
    `alone`: not even if nobody else were at work. One that reserves its part already must not be
    asked about."""
    for bound in bounds(state, task):
        need = _reserve(state, agent, bound)
        others = [] if alone else list(_reserved(state, bound))
        if bound.spent + sum(others) + need > bound.most or bound.spent >= bound.most:
            return _said(bound, others, need)
    return ""


def run_spent(state: State) -> str:
    """What was spent of the run's own bounds, once that is all of one; else empty."""
    limits = state.limits
    if limits.budget_usd is None and limits.budget_tokens is None:
        return ""
    found = _bounds(limits.budget_usd, limits.budget_tokens, state.usage, "")
    return ", ".join(_said(bound, [], 0.0) for bound in found if bound.over >= 0)


def is_over(state: State, task: str) -> bool:
    """Whether more was spent than a bound of this task allows."""
    return any(bound.over > 0 for bound in bounds(state, task))


def spent_text(state: State, task: str) -> str:
    """What was spent of the task's own bounds, in words."""
    own = [bound for bound in bounds(state, task) if bound.task and bound.over >= 0]
    return ", ".join(bound.part for bound in own)


def over_text(state: State, task: str) -> str:
    """By how much the bounds of this task were overshot, in words."""
    over = [bound for bound in bounds(state, task) if bound.over > 0]
    return ", ".join(f"{bound.part} spent, {bound.shown(bound.over)} too much" for bound in over)


def _said(bound: Bound, others: list[float], need: float) -> str:
    whose = f" for {bound.task}" if bound.task else ""
    text = f"{bound.part}{whose}"
    if bound.over >= 0:
        return text
    if others:
        text += f", up to {bound.shown(sum(others))} more for {len(others)} at work"
    return text + f"; this launch may use {bound.shown(need)}"


def _reserved(state: State, bound: Bound) -> Iterator[float]:
    """What each launch at work may still use of the bound."""
    for name in state.live:
        attempt = state.attempts[name]
        if attempt.phase in _AT_WORK and bound.task in ("", attempt.task):
            least = _reserve(state, attempt.seat, bound) - _used(attempt, bound)
            if least > 0:
                yield least


def _used(attempt: Attempt, bound: Bound) -> float:
    """What the launch at work is known to have used."""
    for used in attempt.usage:
        if used.launch == attempt.launch:
            return (used.cost_usd or 0.0) if bound.unit == Bound.DOLLARS else used.tokens
    return 0.0


def _reserve(state: State, agent: str, bound: Bound) -> float:
    """What a launch of the agent may use of the bound."""
    known = state.dearest.get(agent)
    if bound.unit == Bound.DOLLARS:
        seen, first = (known.cost_usd if known else 0.0), state.limits.reserve_usd
    else:
        seen, first = (known.tokens if known else 0), RESERVE_TOKENS
    return seen or min(first, FIRST_PART * bound.most)
