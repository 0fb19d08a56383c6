"""Named lanes: threads in which effects run, and their results.

Git metadata operations of one repository go through one lane, since git itself fails when they run
in parallel. An action is in flight from its hand-over until its report has been taken by the loop.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from gangsaw.core.actions import Action, name_of
from gangsaw.core.errors import UserError
from gangsaw.core.observations import EffectRaised, Observation
from gangsaw.engine.room import Room, lacks_room
from gangsaw.engine.world import Job

TELL_AFTER_S = 1.0
TEXT_MAX = 2000
TRACE_LINES = 6


@dataclass(slots=True)
class InFlight:
    """A handed-over action; `unwanted` is set when the core no longer wants it."""

    action: Action
    unwanted: threading.Event = field(default_factory=threading.Event)
    reported: bool = False
    work: Future[None] | None = None


class Lanes:
    """`git`: worktrees and refs of attempts. `land`: the integration branch and delivery. `push`:
    what may have to wait for a network. `procs`: launches and stops. `after`: checks of what
    landed. `source`: the task file that the plan came from. One thread each. `gate`, checks of
    candidates, and `checks`, those of work, have as many as there are slots for them."""

    def __init__(self, checks: int, gate: int, wake: Callable[[], None], room: Room) -> None:
        self._pools = {
            "git": ThreadPoolExecutor(1, "git"),
            "land": ThreadPoolExecutor(1, "land"),
            "procs": ThreadPoolExecutor(1, "procs"),
            "gate": ThreadPoolExecutor(gate, "gate"),
            "push": ThreadPoolExecutor(1, "push"),
            "after": ThreadPoolExecutor(1, "after"),
            "source": ThreadPoolExecutor(1, "source"),
            "checks": ThreadPoolExecutor(checks, "checks"),
        }
        self._done: queue.SimpleQueue[tuple[InFlight, list[Observation]]] = queue.SimpleQueue()
        self._wake, self._room = wake, room
        self.in_flight: dict[Action, InFlight] = {}

    def hand_over(self, lane: str, action: Action, job: Job) -> None:
        """Carry the action out in the lane, unless it is in flight already."""
        flight = InFlight(action)
        self.in_flight[action] = flight
        flight.work = self._pools[lane].submit(self._carry_out, flight, job)

    def _carry_out(self, flight: InFlight, job: Job) -> None:
        try:
            found = [] if flight.unwanted.is_set() else job(flight.unwanted)
        except Exception as error:  # an effect's border: trouble becomes an event
            about, name = flight.action.about, name_of(flight.action)
            text = _text(error)
            full = lacks_room(error) or self._room.is_to_blame(text)
            found = [EffectRaised(about, name, text, full)]
        self._done.put((flight, found))
        self._wake()

    def collect(self) -> list[tuple[InFlight, list[Observation]]]:
        """What has been reported since the last call."""
        found = []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def release(self, flight: InFlight, *, keep: bool) -> None:
        """The report was taken. `keep`: the action stays in flight while it is wanted, since it
        goes on by itself (a launched turn)."""
        if keep:
            flight.reported = True
        else:
            self.in_flight.pop(flight.action, None)

    def drop_unwanted(self, wanted: set[Action]) -> None:
        """Tell what is in flight and no longer wanted; forget what has already reported."""
        for action, flight in list(self.in_flight.items()):
            if action in wanted:
                continue
            flight.unwanted.set()
            if flight.reported:
                del self.in_flight[action]

    def close(self, tell: Callable[[str], None]) -> None:
        """Let nothing new begin, and wait for what is under way; where that takes longer than a
        moment, `tell` is called with what it is."""
        for flight in self.in_flight.values():
            flight.unwanted.set()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        left = self._under_way()
        if left and wait(left, TELL_AFTER_S).not_done:
            names = {_named(flight.action) for work, flight in left.items() if not work.done()}
            tell(f"waiting for what cannot be cut short: {', '.join(sorted(names))}")
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def _under_way(self) -> dict[Future[None], InFlight]:
        flights = {flight.work: flight for flight in self.in_flight.values() if flight.work}
        return {work: flight for work, flight in flights.items() if not work.done()}


_WORDS = {
    "Deliver": "moving the target",
    "Push": "pushing the target",
    "PrepareWorkspace": "making the worktree of",
    "CloseWorkspace": "removing the worktree of",
    "RunChecks": "ending the checks of",
    "InspectWork": "looking at the work of",
    "BuildCandidate": "building the candidate of",
    "MoveIntegration": "landing",
    "WriteStanding": "writing the task file about",
}


def _named(action: Action) -> str:
    name = name_of(action)
    return f"{_WORDS.get(name, name)} {action.about}".strip()


def _text(error: Exception) -> str:
    if isinstance(error, UserError):
        return error.text
    last = traceback.format_exception(error)[-TRACE_LINES:]
    return "".join(last)[-TEXT_MAX:].strip() if not str(error) else f"{error}"[:TEXT_MAX]
