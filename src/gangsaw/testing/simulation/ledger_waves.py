"""Waves in the second bookkeeping: who is in the present one, and who of them may still go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.events_waves import WaveFormed
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_seats import nobody_for
from gangsaw.testing.simulation.pages import rule

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
        return ready and not nobody_for(book, page.task)
    in_hand = attempt.place == "attempt.taken"
    return not (attempt.for_person or in_hand or attempt.place == "review.opened")


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
        if live or not ready or page.retry_at > at or nobody_for(book, page.task):
            raise Broken(f"{name} is in wave {event.number}, and cannot be started")
    book.wave, book.waves = event.tasks, event.number
