"""The second bookkeeping of conflicts that were resolved, and of how that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core import events_resolving as er
from gangsaw.core.events import Cause
from gangsaw.core.model import TurnKind
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import AttemptPage, rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

RESOLVES_MAX = 2
CLASHED = (Cause.CONFLICT, Cause.UNMERGED)


@rule(er.ConflictResolved)
def _(book: Ledger, event: er.ConflictResolved, at: float) -> None:
    page = book.attempts.get(event.attempt)
    if event.how in (er.MODEL, er.PERSON):
        person = event.how == er.PERSON
        if page is None or person is not (page.by_hand and not page.launch):
            raise Broken(f"the conflict of {event.attempt} is said to be resolved by {event.how}")
        if not person and page.returned not in CLASHED:
            raise Broken(f"{event.attempt} came back for {page.returned}, and is resolved")
        page.ways.add(event.how)
        return
    link = book.queue.link(event.attempt)
    if event.onto != link.onto or event.how != book.world.finds.way_of(link.candidate, 0.0):
        raise Broken(f"{event.attempt} merges by {event.how}, and did not")


def is_told(book: Ledger, event: ev.Landed) -> None:
    """A landing tells how its conflicts were resolved, and of no other candidate's."""
    page = book.attempts[event.attempt]
    way = book.world.finds.way_of(event.commit, 0.0)
    wanted = page.ways | set(filter(None, way.split(", ")))
    if set(filter(None, event.resolved.split(", "))) != wanted:
        raise Broken(f"{event.attempt} lands by {event.resolved!r}, and not by {wanted}")


def may_resolve(page: AttemptPage, event: ev.TurnWanted) -> None:
    """An attempt resolves its conflicts a bounded number of times."""
    if event.why is not TurnKind.RESOLVE or page.place not in ("work.returned", "work.faulty"):
        return
    if page.resolves >= RESOLVES_MAX:
        raise Broken(f"{event.attempt} is to resolve conflicts for the {page.resolves + 1}th time")
    if page.returned not in CLASHED:
        raise Broken(f"{event.attempt} is to resolve, and came back for {page.returned}")


def note_work(event: ev.WorkFound, page: AttemptPage) -> None:
    """Work that came back for a conflict, and is sound, has resolved it."""
    if page.returned in CLASHED and er.MODEL not in page.ways and page.launch:
        raise Broken(f"{event.attempt} has resolved its conflict, and it is not told")
    page.returned = None
