"""Waves in the second bookkeeping: who is in the present one, and who of them may still go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from gangsaw.core.events_waves import WaveFormed
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_governor import runs_alone
from gangsaw.testing.simulation.ledger_seats import is_out, may_go_to, nobody_for, slots_of
from gangsaw.testing.simulation.pages import AttemptPage, TaskPage, rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger


def open_in_wave(book: Ledger) -> set[str]:
    """The tasks of the wave that have not come to their end, nor to a person."""
    return {name for name in book.wave if _goes_on(book, name)}


def _goes_on(book: Ledger, name: str) -> bool:
    page = book.tasks[name]
    if page.finished or page.given_up or page.cancelled or page.undone or page.resolved_by:
        return False
    attempt = book.attempts.get(page.current)
    if attempt is None or not attempt.live:
        ready = all(book.tasks[need].finished for need in page.task.needs)
        return ready and not nobody_for(book, page.task) and not _is_kept_by_person(book, page)
    return not _is_with_person(attempt)


def _is_with_person(attempt: AttemptPage) -> bool:
    return attempt.for_person or attempt.place in ("attempt.taken", "review.opened")


def _is_kept_by_person(book: Ledger, page: TaskPage) -> bool:
    """Whether what the task would touch is taken by an attempt that a person has in hand."""
    return any(
        attempt.task != page.task.id
        and _is_with_person(attempt)
        and _collide(page, book.tasks[attempt.task], book.talk.of(name).claims)
        for name, attempt in book.live()
    )


def _collide(page: TaskPage, other: TaskPage, claims: Collection[str] = ()) -> bool:
    if page.task.track is not None and page.task.track == other.task.track:
        return True
    return any(
        a == b or a.startswith(b + "/") or b.startswith(a + "/")
        for a in page.task.scope
        for b in (*other.task.scope, *claims)
    )


@rule(WaveFormed)
def _(book: Ledger, event: WaveFormed, at: float) -> None:
    if not book.limits.batched or event.number != book.waves + 1:
        raise Broken(f"wave {event.number} after wave {book.waves}")
    if still := open_in_wave(book):
        raise Broken(f"wave {event.number} is formed while {sorted(still)} go on")
    if not 0 < len(set(event.tasks)) == len(event.tasks) <= book.limits.max_agents:
        raise Broken(f"wave {event.number} is of {event.tasks}")
    for name in event.tasks:
        page = book.tasks[name]
        live = page.current and book.attempts[page.current].live
        ready = all(book.tasks[need].finished for need in page.task.needs)
        away = nobody_for(book, page.task) or _is_kept_by_person(book, page)
        if live or not ready or page.retry_at > at or away:
            raise Broken(f"{name} is in wave {event.number}, and cannot be started")
    _can_go_together(book, event)
    book.wave, book.waves = event.tasks, event.number


def _can_go_together(book: Ledger, event: WaveFormed) -> None:
    """Nobody of the wave has to wait for another one of it."""
    for at, name in enumerate(event.tasks):
        for other in event.tasks[:at]:
            alone = runs_alone(book, name) or runs_alone(book, other)
            if alone or _collide(book.tasks[name], book.tasks[other]):
                raise Broken(f"{other} and {name} are in wave {event.number} together")
    by_agent = Counter(
        agent
        for agent, *more in (may_go_to(book, book.tasks[name].task) for name in event.tasks)
        if not more
    )
    for agent, count in by_agent.items():
        slots = slots_of(book, agent)
        if slots and count > slots and not is_out(book, agent):
            raise Broken(f"wave {event.number} has {count} tasks for {slots} slots of {agent}")
