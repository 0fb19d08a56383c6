"""What tasks wait for, and for how long: the scheduler's own answer, asked after each moment of the
log and taken to hold until the next.

Asking every task each time would make a long log expensive, so those are asked whose answer can
have changed: what an event has touched, what waits for a moment, and all that are ready unless the
same reason as before holds them all.
"""

from __future__ import annotations

from gangsaw.core.conditions import Condition
from gangsaw.core.phases import Phase
from gangsaw.core.policy.admission import Hold, HoldKind, hold_for, hold_for_all
from gangsaw.core.policy.remedy import waits_for_a_person
from gangsaw.core.state import Attempt, State, is_live

PERSON = "person"
PARKED = "parked"
GAVE_WAY = "gave_way"
"""Stopped for the machine's sake, and waiting for room."""
UNPAID = "unpaid"
NEXT_TURN = "next_turn"
LANDING_QUEUE = "landing_queue"
_OF_LIVE = {
    Phase.REVIEWING: PERSON,
    Phase.RETURNED: NEXT_TURN,
    Phase.VERIFIED: NEXT_TURN,
    Phase.QUEUED: LANDING_QUEUE,
}
OF_LIVE = (PERSON, PARKED, GAVE_WAY, UNPAID, NEXT_TURN, LANDING_QUEUE)
"""Reasons of attempts that are live; all others keep a task from being started."""


def waits_for(state: State, name: str, at: float) -> tuple[str | None, Hold | None]:
    """What the task waits for now, as reports name it, and the scheduler's own answer where it
    cannot be started; `None` where it waits for nothing, or is over."""
    known = state.task_states[name]
    attempt = state.attempt_of(name)
    if known.closed or state.end is not None:
        return None, None
    if attempt is not None and is_live(attempt):
        return _of_live(attempt), None
    hold = hold_for(state, name, at)
    return (hold.kind.value, hold) if hold is not None else (None, None)


def _of_live(attempt: Attempt) -> str | None:
    if attempt.phase is not Phase.PARKED:
        return _OF_LIVE.get(attempt.phase)
    if attempt.unpaid:
        return UNPAID
    if attempt.in_hand or waits_for_a_person(attempt):
        return PERSON
    return GAVE_WAY if attempt.parked is Condition.MEMORY else PARKED


class Waits:
    """`seconds` by task and reason; `last` is what a task waited for last before it was started,
    with the tasks that stood in its way where the reason names them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._now: dict[str, tuple[str, float]] = {}
        self._for_all: HoldKind | None = None
        self._over = False
        self.seconds: dict[tuple[str, str], float] = {}
        self.last: dict[str, Hold] = {}
        self.before: dict[str, Hold] = {}
        """Attempt → what its task waited for last before it."""

    def look(self, at: float) -> None:
        """Ask again, now that everything of this moment is known."""
        state = self._state
        for_all = hold_for_all(state)
        kind = for_all.kind if for_all is not None else None
        names = state.touched | state.backing_off.keys()
        state.touched = set()
        if kind is None or kind is not self._for_all:
            names |= {name for _, name in state.ready}
        if (over := state.end is not None) is not self._over:
            names |= state.tasks.keys()
        self._for_all, self._over = kind, over
        for name in names:
            self._ask(name, at)

    def _ask(self, name: str, at: float) -> None:
        reason = self._reason(name, at)
        before = self._now.get(name)
        if before is not None:
            if before[0] == reason:
                return
            self._add(name, before, at)
        if reason is None:
            self._now.pop(name, None)
        else:
            self._now[name] = (reason, at)

    def _add(self, name: str, before: tuple[str, float], at: float) -> None:
        reason, since = before
        key = (name, reason)
        self.seconds[key] = self.seconds.get(key, 0.0) + max(0.0, at - since)

    def _reason(self, name: str, at: float) -> str | None:
        reason, hold = waits_for(self._state, name, at)
        attempt = self._state.attempt_of(name)
        if hold is not None:
            self.last[name] = hold
        elif attempt is not None and is_live(attempt) and name in self.last:
            self.before[attempt.id] = self.last.pop(name)
        return reason

    def totals(self, until: float) -> dict[tuple[str, str], float]:
        """Seconds by task and reason, what goes on counted up to `until` (epoch seconds)."""
        found = dict(self.seconds)
        for name, (reason, since) in self._now.items():
            found[name, reason] = found.get((name, reason), 0.0) + max(0.0, until - since)
        return found
