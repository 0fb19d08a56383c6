"""The rules of the second bookkeeping about the watchdog: whom it ends is stopped for memory, and
nobody else is by its word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.events import TurnExited, TurnLost
from gangsaw.core.events_watchdog import WatchdogEnded, WatchdogStopped
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger


@rule(WatchdogStopped)
def _(book: Ledger, event: WatchdogStopped, at: float) -> None:
    page = book.attempts[event.attempt]
    alive = page.live and page.launch != page.ended_launch
    if not alive or page.launch != event.launch:
        raise Broken(f"{event.attempt} has no launch {event.launch} that the watchdog could end")
    if page.stopped is not None:
        raise Broken(f"{event.attempt} was being stopped already ({page.stopped})")
    book.machine.ended_by_watchdog.add(event.attempt)
    _note_victim(book, event.attempt, at)


def _note_victim(book: Ledger, ended: str, at: float) -> None:
    """It is the victim now, and no more run from now on than are left beside it; of a machine that
    nobody has looked at yet nothing is said."""
    machine = book.machine
    if machine.reading is None:
        return
    machine.victim, machine.soft_at = ended, at
    left = [
        name
        for name, page in book.attempts.items()
        if page.live and page.launch != page.ended_launch and name != ended
    ]
    most = book.limits.max_agents if machine.parallel is None else machine.parallel
    machine.parallel = max(1, min(most, len(left)))


def note_watchdog(book: Ledger, event: TurnExited | TurnLost) -> None:
    """What the watchdog ended is not told as if it had ended by itself."""
    page = book.attempts[event.attempt]
    launch = book.world.launches.get((event.attempt, event.launch))
    if launch is not None and launch.acted is not None and page.stopped is None:
        raise Broken(f"{event.attempt} was ended by the watchdog, and that is not told")


@rule(WatchdogEnded)
def _(book: Ledger, event: WatchdogEnded, at: float) -> None:
    if not event.text:
        raise Broken("the watchdog is not there, and nobody knows why")
