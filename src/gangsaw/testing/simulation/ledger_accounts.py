"""The naive reckoning of vendors' limits: of each account, when it was asked to send less, which
launch was let through since, and when that one was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import OutcomeKind
from gangsaw.testing.simulation.broken import Broken

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.pages import AttemptPage

ASK_LESS = (Condition.THROTTLED, Condition.OVERLOADED)
TOLD_MAX_S = 900.0
TRIED_FOR_S = 90.0
AFTER_S = 30.0
"""Within so many seconds, and a tenth of their wait, those that waited follow."""

RELAPSE = 2.0
ALIVE_AT = ("turn.wanted", "turn.started", "stop.wanted")


@dataclass(slots=True)
class AccountPage:
    """The pauses of one account: the last is the `count`th in a row. `tried` is the launch that was
    let through after it, `answered` when that was answered."""

    count: int
    since: float
    until: float
    tried: tuple[str, int] | None = None
    answered: float | None = None
    waited_s: float = 0.0


def _part(key: str) -> float:
    """The number below 1 that a name is spread by."""
    number = 0
    for at, char in enumerate(reversed(key)):
        number += ord(char) * pow(31, at, 1000)
    return (number % 1000) / 1000


def _after_s(waited_s: float, key: str) -> float:
    return min(AFTER_S, max(waited_s, 0.0) / 10) * _part(key)


def _pause_ends(book: Ledger, account: str, count: int, told: float | None, at: float) -> float:
    longest = book.limits.backoff_max_s
    pause_s = min(book.limits.backoff_base_s * 2.0 ** min(count - 1, 30), longest)
    ends = at + pause_s * (0.75 + _part(f"{account} {count}") / 2)
    return ends if told is None else max(ends, min(told, at + TOLD_MAX_S))


def refuse(book: Ledger, agent: str, told: float | None, at: float) -> None:
    """The vendor asks for less."""
    account = book.account_of(agent)
    page = book.accounts.get(account)
    if page is not None and page.answered is None and at < page.until:
        page.until = max(page.until, _pause_ends(book, account, page.count, told, page.since))
        return
    over = page is None or (
        page.answered is not None and at - page.answered > RELAPSE * book.limits.backoff_max_s
    )
    count = 1 if page is None or over else page.count + 1
    book.accounts[account] = AccountPage(count, at, _pause_ends(book, account, count, told, at))


def answer(book: Ledger, attempt: str, launch: int, agent: str, at: float) -> None:
    """The vendor answered a launch."""
    page = book.accounts.get(book.account_of(agent))
    if page is not None and page.answered is None and page.tried == (attempt, launch):
        page.answered, page.waited_s = at, at - page.since


def end(book: Ledger, page: AttemptPage, event: ev.TurnExited, at: float) -> None:
    """A launch ends, and its agent says how."""
    if event.condition in ASK_LESS:
        refuse(book, page.seat, event.retry_at, at)
    elif event.outcome is not OutcomeKind.CRASHED and event.condition is not Condition.NETWORK:
        answer(book, event.attempt, event.launch, page.seat, at)
    if event.condition is Condition.QUOTA:
        account = book.account_of(page.seat)
        if book.account_limits.get(account, 0.0) <= at:
            book.limited_since[account] = at


def free(book: Ledger, page: AttemptPage) -> None:
    """A person says that it is over."""
    account = book.account_of(page.seat)
    if page.parked is Condition.QUOTA:
        book.account_limits.pop(account, None)
        book.limited_since.pop(account, None)
    if page.parked in ASK_LESS:
        book.accounts.pop(account, None)


def _at_work(book: Ledger, tried: tuple[str, int]) -> bool:
    page = book.attempts[tried[0]]
    return page.live and page.launch == tried[1] and page.place in ALIVE_AT


def closed_until(book: Ledger, agent: str, key: str) -> float:
    """Until when no agent of the account is launched by the attempt or task."""
    page = book.accounts.get(book.account_of(agent))
    if page is None:
        return 0.0
    if page.answered is not None:
        return page.answered + _after_s(page.waited_s, key)
    if page.tried is None or page.tried[0] == key or not _at_work(book, page.tried):
        return page.until
    return max(page.until, book.attempts[page.tried[0]].launched_at + TRIED_FOR_S)


def is_closed(book: Ledger, agent: str, key: str, now: float) -> bool:
    """Whether no launch may be wanted now."""
    return closed_until(book, agent, key) > now


def limit_holds_task(book: Ledger, agent: str, task: str, now: float) -> bool:
    """Whether a usage limit holds it, or has held it until just now."""
    account = book.account_of(agent)
    until = book.account_limits.get(account, 0.0)
    since = book.limited_since.get(account, until)
    return until + _after_s(until - since, task) > now


def may_launch(book: Ledger, attempt: str, page: AttemptPage, agent: str, at: float) -> None:
    """No launch into a pause, and one alone after it, unless a person said so."""
    if not page.freed and is_closed(book, agent, attempt, at):
        raise Broken(f"{attempt} launches {agent}, whose vendor asks for less")


def launch(book: Ledger, attempt: str, number: int, agent: str, at: float) -> None:
    """A launch is wanted: the one that tries, where nobody does."""
    page = book.accounts.get(book.account_of(agent))
    if page is None or page.answered is not None or at < page.until:
        return
    if page.tried is None or page.tried[0] == attempt or not _at_work(book, page.tried):
        page.tried = (attempt, number)


def parks(book: Ledger, event: ev.AttemptParked, page: AttemptPage, at: float) -> bool:
    """Whether it is parked by its account's breaker; `Broken` if for another time than that."""
    closed = closed_until(book, page.seat, event.attempt)
    if event.condition not in ASK_LESS or closed <= at:
        return False
    if event.until is None or abs(event.until - closed) > 1e-6:
        raise Broken(f"{event.attempt} is parked until {event.until}, its account until {closed}")
    return True


def count_anew(book: Ledger, at: float) -> None:
    """An engine starts: no pause is longer than any can be."""
    longest_s = max(TOLD_MAX_S, 1.25 * book.limits.backoff_max_s)
    for page in book.accounts.values():
        page.since, page.until = min(page.since, at), min(page.until, at + longest_s)
        page.answered = None if page.answered is None else min(page.answered, at)
    for account, since in book.limited_since.items():
        book.limited_since[account] = min(since, at)
    for attempt in book.attempts.values():
        if attempt.place in ALIVE_AT:
            attempt.launched_at = at


def shift(book: Ledger, event: ev.ClockJumped, at: float) -> None:
    """The clock was set, or the machine slept."""
    for attempt in book.attempts.values():
        if attempt.place in ALIVE_AT:
            attempt.launched_at = min(attempt.launched_at + event.seconds, at)
    if event.why is not ev.Jump.SET:
        return
    for page in book.accounts.values():
        page.since += event.seconds
        page.until += event.seconds
        page.answered = None if page.answered is None else page.answered + event.seconds
    if event.seconds < 0:
        for account in book.limited_since:
            book.limited_since[account] += event.seconds
