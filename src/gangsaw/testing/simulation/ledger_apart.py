"""Tasks that run alone, in the second bookkeeping: who is at work, who rests, who is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.policy.admission import HoldKind
from gangsaw.testing.simulation.ledger_accounts import is_closed, limit_holds_task
from gangsaw.testing.simulation.ledger_governor import runs_alone
from gangsaw.testing.simulation.ledger_money import lacks_money, run_is_spent
from gangsaw.testing.simulation.ledger_seats import instead_of, is_out, may_go_to
from gangsaw.testing.simulation.pages import AttemptPage, TaskPage

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.reasons import Reasons

WAITS = ("attempt.parked", "park.ended", "attempt.taken", "review.opened")
LANDS = ("change.queued", "candidate.wanted")
BY_THEMSELVES = {
    *(HoldKind.ALONE, HoldKind.SLOTS, HoldKind.AGENT_SLOTS, HoldKind.TRACK, HoldKind.SCOPE),
    *(HoldKind.MEMORY, HoldKind.LAUNCH, HoldKind.SOON, HoldKind.BUDGET, HoldKind.AGENT_SEATS),
    *(HoldKind.AGENT_LIMIT, HoldKind.AGENT_OUT, HoldKind.AGENT_PAUSED, HoldKind.DAY_BUDGET),
}
"""Reasons that pass when everybody else is over, or are looked at apart."""


def _rests(book: Ledger, page: AttemptPage) -> bool:
    return page.place in WAITS or (book.queue.held and page.place in LANDS)


def at_work(book: Ledger, task: str) -> set[str]:
    """The other tasks that go on by themselves."""
    live = (page for _, page in book.live())
    return {page.task for page in live if page.task != task and not _rests(book, page)}


def loner_at_it(book: Ledger, task: str, now: float) -> set[str]:
    """The other tasks that run alone and have begun."""
    found = set()
    for _, page in book.live():
        until = page.parked_until
        limited = book.is_limited(page.seat, now)
        due = page.place in WAITS[:2] and until is not None and until <= now and not limited
        other = page.task != task and runs_alone(book, page.task)
        if other and (due or not _rests(book, page)):
            found.add(page.task)
    return found


def loners_before(looked: Reasons, book: Ledger, page: TaskPage, now: float) -> set[str]:
    """The tasks that run alone, are next to start, and go before this one."""
    lonely = [name for name in book.tasks if runs_alone(book, name)]
    if not lonely:
        return set()
    own = book.order.place(book, page.task.id)
    before = [name for name in lonely if book.order.place(book, name) < own]
    return {name for name in before if _is_next(looked, book, book.tasks[name], now)}


def _is_next(looked: Reasons, book: Ledger, page: TaskPage, now: float) -> bool:
    attempt = book.attempts.get(page.current)
    if page.is_over or (attempt is not None and attempt.live) or not at_work(book, page.task.id):
        return False
    those = [instead_of(book, each, now) for each in may_go_to(book, page.task)]
    working = [each for each in those if not is_out(book, each) and not book.is_limited(each, now)]
    free = looked.free_agent(page, now)
    if not working or run_is_spent(book):
        return False
    agent, name = free or working[0], page.task.id
    closed = limit_holds_task(book, agent, name, now) or is_closed(book, agent, name, now)
    if closed or lacks_money(book, name, agent, alone=True):
        return False
    resting = [book.tasks[one.task] for _, one in book.live() if _rests(book, one)]
    if any(looked.in_the_way(page, other) for other in resting):
        return False
    return looked.of(page.task.id, now, lonely=False) <= BY_THEMSELVES
