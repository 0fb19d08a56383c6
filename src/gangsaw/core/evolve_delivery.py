"""What the events of delivery and push do to the state; used by `evolve` only."""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import indexes as ix
from gangsaw.core.replacing import replace
from gangsaw.core.state import Delivery, State


def delivered(event: ev.Delivered, state: State, at: float) -> None:
    """The target is at the commit; earlier versions pushed it in the same step."""
    before = state.delivery
    pushed = (event.pushed, event.commit) if event.pushed else (before.pushed, before.pushed_commit)
    state.delivery = Delivery(delivered=event.commit, pushed=pushed[0], pushed_commit=pushed[1])
    ix.end_troubles(state, "")


def pushed(event: ev.Pushed, state: State, at: float) -> None:
    """The remote has what was delivered; what could not be merged in is no matter any more."""
    before = state.delivery
    pending = before.target_commit
    state.delivery = replace(
        before,
        pushed=event.remote,
        pushed_commit=event.commit,
        blocked="",
        tries=0,
        passing=False,
        merge_failed="",
        target_commit="" if pending == before.merge_failed else pending,
    )
    ix.end_troubles(state, "")


def push_failed(event: ev.PushFailed, state: State, at: float) -> None:
    """The remote has it not yet."""
    state.delivery = replace(
        state.delivery,
        blocked=event.text,
        blocked_at=at,
        passing=event.passing,
        tries=state.delivery.tries + 1,
    )
    ix.end_troubles(state, "")
