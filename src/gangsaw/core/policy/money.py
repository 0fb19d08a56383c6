"""May this launch be paid for?

Every bound on money or tokens is kept by reservation: a launch is only wanted if what was spent,
what the launches at work may still use, and what this one may use stay within the bound. What one
may use is what the dearest launch of its agent in this run has used, and a stated amount as long
as none has ended. Agents report late, so a bound can be overshot by what those at work use more
than was reserved for them; they are stopped when that is seen, and it is said.

Dollars are those that agents reported and, where they told none, those that were estimated. A
bound by the day counts all runs of the repository, and has room again with the next day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.days import begins_at, day_of
from gangsaw.core.events_money import DayBegan
from gangsaw.core.model import Limits
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.state import Attempt, State, Usage

RESERVE_TOKENS = 200_000
"""Tokens that a launch may use as long as no launch of its agent has ended."""
FIRST_PART = 0.25
"""Of a small bound no more than this part is reserved for such a launch, so that one can start."""

_AT_WORK = AGENT_ALIVE | {Phase.PREPARING, Phase.READY}


@dataclass(frozen=True, slots=True)
class Bound:
    """So much may be used, and so much was: of the run, or (`task`) of one task, or (`daily`) of a
    day by all runs. `unit` is `DOLLARS` or `TOKENS`; `estimated` is the part of `spent` that was
    not reported."""

    most: float
    spent: float
    unit: str
    task: str = ""
    daily: bool = False
    estimated: float = 0.0

    DOLLARS: ClassVar[str] = "dollars"
    TOKENS: ClassVar[str] = "tokens"

    def shown(self, amount: float) -> str:
        """The amount with its unit, as people read it."""
        return f"${amount:.2f}" if self.unit == self.DOLLARS else f"{amount:.0f} tokens"

    @property
    def part(self) -> str:
        """What was spent of what may be, as people read it."""
        spent = f"{self.spent:.0f}" if self.unit == self.TOKENS else self.shown(self.spent)
        today = " today" if self.daily else ""
        guessed = f" ({self.shown(self.estimated)} of it estimated)" if self.estimated else ""
        return f"{spent}{guessed} of {self.shown(self.most)}{today}"

    @property
    def over(self) -> float:
        """How much more than the bound was spent; 0 or less if none."""
        return self.spent - self.most


def bounds(state: State, task: str) -> Iterator[Bound]:
    """Every bound that a launch for this task is under."""
    own = state.tasks[task]
    yield from _of_run(state)
    used = state.task_states[task].usage
    yield from _bounds(own.budget_usd, own.budget_tokens, used, task)


def _of_run(state: State) -> Iterator[Bound]:
    limits = state.limits
    yield from _bounds(limits.budget_usd, limits.budget_tokens, state.usage, "")
    if is_daily(limits):
        used = used_on(state, state.day)
        yield from _bounds(limits.budget_day_usd, limits.budget_day_tokens, used, "", daily=True)


def _bounds(
    usd: float | None, tokens: int | None, used: Usage, task: str, *, daily: bool = False
) -> Iterator[Bound]:
    if usd is not None:
        spent, estimated = used.known_usd, used.estimated_usd
        yield Bound(usd, spent, Bound.DOLLARS, task, daily, estimated)
    if tokens is not None:
        yield Bound(tokens, used.tokens, Bound.TOKENS, task, daily)


# --- days -----------------------------------------------------------------------------------------


def is_daily(limits: Limits) -> bool:
    """Whether anything is bounded by the day."""
    return limits.budget_day_usd is not None or limits.budget_day_tokens is not None


def used_on(state: State, day: int) -> Usage:
    """What all runs of the repository have used on that day."""
    own, other = state.days.get(day, Usage()), state.elsewhere.get(day, Usage())
    return Usage(
        own.tokens + other.tokens,
        own.cost_usd + other.cost_usd,
        own.unpriced + other.unpriced,
        own.estimated_usd + other.estimated_usd,
    )


def turn_day(state: State, now: float) -> list[DayBegan]:
    """A new day, where anything is bounded by the day."""
    if not is_daily(state.limits) or day_of(now) == state.day:
        return []
    return [DayBegan(day_of(now))]


def next_day(state: State) -> float | None:
    """When bounds by the day have room again (epoch seconds); `None` where there are none."""
    return begins_at(state.day + 1) if is_daily(state.limits) and state.day >= 0 else None


# --- what may be spent ----------------------------------------------------------------------------


def lacking(
    state: State, task: str, agent: str, *, alone: bool = False, lasting: bool = False
) -> str:
    """Why a launch of the agent for this task cannot be paid for now, in words; empty if it can.
    `alone`: not even if nobody else were at work; `lasting`: nor on any other day. One that
    reserves its part already must not be asked about."""
    for bound in bounds(state, task):
        need = _reserve(state, agent, bound)
        if lasting and bound.daily and need <= bound.most and bound.most > 0:
            continue
        others = [] if alone else list(_reserved(state, bound))
        if bound.spent + sum(others) + need > bound.most or bound.spent >= bound.most:
            return _said(bound, others, need)
    return ""


def comes_back(state: State, task: str, agent: str) -> float | None:
    """When a launch that cannot be paid for now can be by itself: with the next day, where nothing
    else is in its way (epoch seconds); else `None`."""
    if lacking(state, task, agent, alone=True, lasting=True):
        return None
    return next_day(state) if lacking(state, task, agent, alone=True) else None


def run_spent(state: State) -> str:
    """What was spent of the bounds that all tasks are under, once that is all of one; else
    empty."""
    return ", ".join(_said(bound, [], 0.0) for bound in _of_run(state) if bound.over >= 0)


def run_comes_back(state: State) -> float | None:
    """When there is money again after `run_spent` by itself; `None` where there is not."""
    over = [bound for bound in _of_run(state) if bound.over >= 0]
    return (
        next_day(state) if over and all(bound.daily and bound.most > 0 for bound in over) else None
    )


def is_over(state: State, task: str) -> bool:
    """Whether more was spent than a bound of this task allows."""
    return any(bound.over > 0 for bound in bounds(state, task))


def over_until(state: State, task: str) -> float | None:
    """Until when what was stopped for its bounds waits by itself; `None`: for more money."""
    over = [bound for bound in bounds(state, task) if bound.over > 0]
    return next_day(state) if over and all(bound.daily for bound in over) else None


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
            return used.known_usd if bound.unit == Bound.DOLLARS else used.tokens
    return 0.0


def _reserve(state: State, agent: str, bound: Bound) -> float:
    """What a launch of the agent may use of the bound."""
    known = state.dearest.get(agent)
    if bound.unit == Bound.DOLLARS:
        seen, first = (known.cost_usd if known else 0.0), state.limits.reserve_usd
    else:
        seen, first = (known.tokens if known else 0), RESERVE_TOKENS
    return seen or min(first, FIRST_PART * bound.most)
