"""The naive reckoning of money: what every launch has used, and what those at work may still use,
summed anew from the reports whenever it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.events_money import DayBegan, SpentElsewhere
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
DAY = "@day"
"""Whose a bound is that is of a day."""
DAY_S = 86_400


def _amount(used: ev.UsageReported, *, money: bool) -> float:
    if money:
        told = used.estimated_usd if used.cost_usd is None else used.cost_usd
        return told or 0.0
    return used.input_tokens + used.output_tokens + used.cached_tokens


def _bounds(book: Ledger, task: str) -> list[tuple[float, bool, str]]:
    """The most, whether it is money (else tokens), and whose: of which task, of the day, or (empty)
    of the run."""
    own = book.tasks[task].task
    found = [*_of_all(book)]
    found += [(own.budget_usd, True, task), (own.budget_tokens, False, task)]
    return [(most, money, of) for most, money, of in found if most is not None]


def _of_all(book: Ledger) -> list[tuple[float | None, bool, str]]:
    limits = book.limits
    return [
        (limits.budget_usd, True, ""),
        (limits.budget_tokens, False, ""),
        (limits.budget_day_usd, True, DAY),
        (limits.budget_day_tokens, False, DAY),
    ]


def _spent(book: Ledger, *, money: bool, of: str) -> float:
    if of == DAY:
        return _spent_today(book, money=money)
    return sum(
        _amount(used, money=money)
        for (attempt, _), used in book.used.items()
        if not of or book.attempts[attempt].task == of
    )


def _spent_today(book: Ledger, *, money: bool) -> float:
    """Of every launch what it had used by now, less what it had used when the day began; and what
    other runs have."""
    total = 0.0
    for told in book.told.values():
        before = [used for at, used in told if at // DAY_S < book.day]
        today = [used for at, used in told if at // DAY_S == book.day]
        if today:
            total += _amount(today[-1], money=money)
            total -= _amount(before[-1], money=money) if before else 0.0
    other = book.elsewhere.get(book.day)
    if other is not None:
        total += other.cost_usd + other.estimated_usd if money else other.tokens
    return total


def _need(book: Ledger, agent: str, most: float, *, money: bool) -> float:
    """What a launch of the agent may use: as much as its dearest one so far."""
    seen = book.dearest.get(agent, (0.0, 0.0))[0 if money else 1]
    first = book.limits.reserve_usd if money else TOKENS_FIRST
    return seen if seen else min(first, most / 4)


def _open(book: Ledger, most: float, *, money: bool, of: str) -> float:
    """What those at work may still use."""
    total = 0.0
    for name, page in book.live():
        if page.place in AT_WORK and (of in ("", DAY) or page.task == of):
            used = book.used.get((name, page.launch))
            so_far = _amount(used, money=money) if used else 0.0
            total += max(_need(book, page.seat, most, money=money) - so_far, 0.0)
    return total


def lacks_money(
    book: Ledger, task: str, agent: str, *, alone: bool = False, any_day: bool = False
) -> bool:
    """Whether a launch of the agent for the task does not fit into a bound; `alone`: not even
    without those at work; `any_day`: nor on any other day."""
    for most, money, of in _bounds(book, task):
        if any_day and of == DAY and most > 0 and _need(book, agent, most, money=money) <= most:
            continue
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
    return bool(_run_spent(book))


def _run_spent(book: Ledger) -> list[tuple[float, str]]:
    known = [(most, money, of) for most, money, of in _of_all(book) if most is not None]
    return [(most, of) for most, money, of in known if _spent(book, money=money, of=of) >= most]


def waits_for_day(book: Ledger, task: str, agent: str) -> bool:
    """Whether nothing but the bounds of a day holds the task."""
    if spent := _run_spent(book):
        return all(of == DAY and most > 0 for most, of in spent)
    alone = lacks_money(book, task, agent, alone=True)
    return alone and not lacks_money(book, task, agent, alone=True, any_day=True)


def task_is_spent(book: Ledger, task: str) -> bool:
    """Whether nothing is left of a bound of the task itself."""
    own = [(most, money) for most, money, of in _bounds(book, task) if of == task]
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
    stopped = page.stopped is ev.Cause.BUDGET  # what was told since may be less
    if event.unpaid and not lacks and not stopped:
        raise Broken(f"{event.attempt} waits for money, and there is enough")
    if event.unpaid and event.until is not None and event.until != (book.day + 1) * DAY_S:
        raise Broken(f"{event.attempt} waits for the money of another day until {event.until}")


def take_day(book: Ledger, event: ev.Event, at: float) -> None:
    """What is counted by the day."""
    if isinstance(event, DayBegan):
        if event.day != at // DAY_S or event.day == book.day:
            raise Broken(f"day {event.day} begins at {at}")
        book.day = event.day
    elif isinstance(event, SpentElsewhere):
        book.elsewhere[event.day] = event
    elif isinstance(event, ev.UsageReported):
        book.told.setdefault((event.attempt, event.launch), []).append((at, event))


def overshoots(book: Ledger, page: AttemptPage) -> bool:
    """Whether its agent works on though its bound is overshot."""
    return page.place == "turn.started" and not page.allowed and is_over(book, page.task)
