"""What must hold between two turns, whatever has happened before."""

from __future__ import annotations

from typing import Any

from gangsaw.core import actions as ac
from gangsaw.core import decide as deciding
from gangsaw.core import work
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger import Ledger
from gangsaw.testing.simulation.reasons import Reasons, scopes_meet

FOR_EVER_S = 1e7


def check_alive(book: Ledger, state: State) -> None:
    """No agent is alive that the core does not think of as alive."""
    for name in book.world.alive:
        phase = state.attempts[name].phase
        if phase not in AGENT_ALIVE:
            raise Broken(f"{name} is {phase}, and its agent is alive")


def check_neighbours(book: Ledger) -> None:
    """No two live attempts are of one task, one track, or overlapping scopes."""
    pages = [book.tasks[attempt.task] for _, attempt in book.live()]
    if len({id(page) for page in pages}) < len(pages):
        raise Broken(f"one of {[page.task.id for page in pages]} has two live attempts")
    held = {page.task.id: book.talk.of(page.current).claims for page in pages}
    named = [
        page.task for page in pages if page.task.track or page.task.scope or held[page.task.id]
    ]
    for at, one in enumerate(named):
        for other in named[:at]:
            same = one.track is not None and one.track == other.track
            ones, others = (*one.scope, *held[one.id]), (*other.scope, *held[other.id])
            if same or scopes_meet(ones, others):
                raise Broken(f"{one.id} and {other.id} are live together")


def check_needs(book: Ledger, state: State, reasons: Reasons) -> None:
    """No attempt goes on when something that its task needs was undone."""
    for name, attempt in book.live():
        known = state.attempts[name]
        if reasons.missing(attempt.task) and known.stop_cause is None and not known.in_hand:
            raise Broken(f"{name} goes on though something that it needs was undone")


def check_spent(book: Ledger, state: State) -> None:
    """The sums of money are right: what was reported, and what was estimated for want of that."""
    used = state.usage
    if used.cost_usd != book.spent() or used.estimated_usd != book.guessed():
        raise Broken(f"spent {book.spent()} and {book.guessed()}, and not {used}")


def check_rest(state: State, actions: list[ac.Action], now: float) -> float:
    """Decisions are at rest, nothing comes by time alone before the wake-up, and the wake-up is
    not over already. Until when (engine's clock) that stays so without a report."""
    if deciding.decide(state, now):
        raise Broken("decide was not at rest after its turn")
    wake = work.next_wakeup(state, now)
    if wake is not None and wake <= now:
        raise Broken(f"at {now} the next wake-up is {wake}: it would not sleep")
    until = now + FOR_EVER_S if wake is None else wake
    before = until if wake is None else wake - min(1e-3, (wake - now) / 2)
    events: list[Any] = deciding.decide(state, before)
    if events or work.outstanding(state, before) != actions:
        raise Broken(f"at {before} time alone brings {events}, but the wake-up is {wake}")
    return until
