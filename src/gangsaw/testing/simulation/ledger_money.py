"""The naive reckoning of money: what every launch has used, and what those at work may still use,
summed anew from the reports whenever it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.testing.simulation.broken import Broken

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.pages import AttemptPage

AT_WORK = (
    "attempt.admitted",
    "workspace.prepared",
    "turn.wanted",
    "turn.started",
    "stop.wanted",
)
TOKENS_FIRST = 200_000


def _amount(used: ev.UsageReported, *, money: bool) -> float:
    if money:
        return used.cost_usd or 0.0
    return used.input_tokens + used.output_tokens + used.cached_tokens


def _bounds(book: Ledger, task: str) -> list[tuple[float, bool, str]]:
    """The most, whether it is money (else tokens), and of which task (empty: of the run)."""
    limits, own = book.limits, book.tasks[task].task
    found = [
        (limits.budget_usd, True, ""),
        (limits.budget_tokens, False, ""),
        (own.budget_usd, True, task),
        (own.budget_tokens, False, task),
    ]
    return [(most, money, of) for most, money, of in found if most is not None]


def _spent(book: Ledger, *, money: bool, of: str) -> float:
    return sum(
        _amount(used, money=money)
        for (attempt, _), used in book.used.items()
        if not of or book.attempts[attempt].task == of
    )


def _need(book: Ledger, agent: str, most: float, *, money: bool) -> float:
    """What a launch of the agent may use: as much as its dearest one so far."""
    seen = book.dearest.get(agent, (0.0, 0.0))[0 if money else 1]
    first = book.limits.reserve_usd if money else TOKENS_FIRST
    return seen if seen else min(first, most / 4)


def _open(book: Ledger, most: float, *, money: bool, of: str) -> float:
    """What those at work may still use."""
    total = 0.0
    for name, page in book.live():
        if page.place in AT_WORK and (not of or page.task == of):
            used = book.used.get((name, page.launch))
            so_far = _amount(used, money=money) if used else 0.0
            total += max(_need(book, page.seat, most, money=money) - so_far, 0.0)
    return total


def lacks_money(book: Ledger, task: str, agent: str, *, alone: bool = False) -> bool:
    """Whether a launch of the agent for the task does not fit into a bound; `alone`: not even
    without those at work."""
    for most, money, of in _bounds(book, task):
        spent = _spent(book, money=money, of=of)
        others = 0.0 if alone else _open(book, most, money=money, of=of)
        if spent >= most or spent + others + _need(book, agent, most, money=money) > most:
            return True
    return False


def is_over(book: Ledger, task: str) -> bool:
    """Whether more was spent than a bound of the task, or of the run, allows."""
    bounds = _bounds(book, task)
    return any(_spent(book, money=money, of=of) > most for most, money, of in bounds)


def run_is_spent(book: Ledger) -> bool:
    """Whether nothing is left of a bound of the run."""
    limits = book.limits
    money, tokens = limits.budget_usd, limits.budget_tokens
    return (money is not None and _spent(book, money=True, of="") >= money) or (
        tokens is not None and _spent(book, money=False, of="") >= tokens
    )


def task_is_spent(book: Ledger, task: str) -> bool:
    """Whether nothing is left of a bound of the task itself."""
    own = [(most, money) for most, money, of in _bounds(book, task) if of]
    return any(_spent(book, money=money, of=task) >= most for most, money in own)


def note_use(book: Ledger, event: ev.UsageReported) -> None:
    """The dearest launch of each agent."""
    page = book.attempts[event.attempt]
    if event.launch == page.launch:
        before = book.dearest.get(page.seat, (0.0, 0.0))
        now = (_amount(event, money=True), _amount(event, money=False))
        book.dearest[page.seat] = (max(before[0], now[0]), max(before[1], now[1]))


def is_paid(book: Ledger, attempt: str, page: AttemptPage, agent: str) -> None:
    """No launch is wanted that could break a bound, unless a person let it go on."""
    reserved = page.place in ("attempt.admitted", "workspace.prepared")
    if not reserved and not page.freed and lacks_money(book, page.task, agent):
        raise Broken(f"{attempt} is launched, and {agent} cannot be paid")


def may_stop(book: Ledger, event: ev.StopWanted, page: AttemptPage) -> None:
    """Only what has overshot is stopped for it, and not what a person let go on."""
    if event.cause is ev.Cause.BUDGET and (page.allowed or not is_over(book, page.task)):
        raise Broken(f"{event.attempt} is stopped for its budget, which it has not overshot")


def may_park(book: Ledger, event: ev.AttemptParked, page: AttemptPage) -> None:
    """One that waits for money lacks it."""
    lacks = any(lacks_money(book, page.task, who, alone=True) for who in (page.agent, page.seat))
    if event.unpaid and not lacks:
        raise Broken(f"{event.attempt} waits for money, and there is enough")


def overshoots(book: Ledger, page: AttemptPage) -> bool:
    """Whether its agent works on though its bound is overshot."""
    return page.place == "turn.started" and not page.allowed and is_over(book, page.task)
