"""Writes the turns into the journal, and makes sure that it is still ours to write.

Without room for a turn nothing goes on: the reserve is given up, then the pen waits until there is
room, and says so where a full disk cannot keep it from it. If the journal or the lock is not where
it was, somebody else may be at work: nothing is written any more, and the engine ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gangsaw.core.errors import UserError
from gangsaw.core.observations import JournalHeldUp
from gangsaw.engine.clock import Clock
from gangsaw.store.control import Control
from gangsaw.store.errors import DiskFull, StaleWriter
from gangsaw.store.journal import Journal
from gangsaw.store.lock import Held
from gangsaw.store.reserve import release_reserve
from gangsaw.store.rows import NewEvent, RunRow, TaskRow

ROOM_POLL_S = 0.5
ROOM_WAIT_MAX_S = 24 * 3600.0
"""How long room for the journal is waited for before the engine ends."""
RESCUED = "journal.rescued.db"


class Displaced(UserError):
    """The journal or the lock is not where it was."""

    def __init__(self, text: str) -> None:
        super().__init__(text, exit_code=1)


class Pen:
    """Holds the journal and the lock of one run's engine. `pause` sleeps for so many seconds;
    `leave` gives a reason to end although there is still no room, or nothing; `tell` puts a
    sentence before the person who watches."""

    def __init__(
        self,
        journal: Journal,
        lock: Held,
        control: Control,
        clock: Clock,
        pause: Callable[[float], None],
        leave: Callable[[], str],
        tell: Callable[[str], None],
    ) -> None:
        self._journal, self._lock, self._control, self._clock = journal, lock, control, clock
        self._pause, self._leave, self._tell = pause, leave, tell
        self.held_up: list[JournalHeldUp] = []
        """How long the last turns had to wait, until somebody takes it into the log."""

    def write(
        self,
        run: str,
        events: Sequence[NewEvent],
        after: int,
        tasks: Sequence[TaskRow],
        run_row: RunRow | None,
    ) -> int:
        """The new last seq, once everything is on disk. `DiskFull` when the wait for room is given
        up, `Displaced` when it is no longer ours to write."""
        began: float | None = None
        while True:
            self.require_place()
            try:
                seq = self._journal.append(run, events, after=after, tasks=tasks, run_row=run_row)
            except DiskFull as full:
                # The reserve is there for this moment: what has happened must be recorded.
                if began is None and release_reserve(self._control.reserve):
                    continue
                began = self._wait(full, began)
            except StaleWriter as stale:
                raise Displaced(
                    f"cannot go on: another gangsaw has written to the journal ({stale}); "
                    "this one ends and touches nothing more; try: gangsaw status"
                ) from stale
            else:
                if began is not None:
                    self._has_room(self._clock.awake() - began)
                return seq

    def require_place(self) -> None:
        """`Displaced` if the lock or the journal was removed or replaced."""
        if not self._lock.is_in_place():
            raise Displaced(
                f"cannot go on: {self._control.lock} was removed or replaced, so another gangsaw "
                "may be running this repository; this one ends and touches nothing more; "
                "try: gangsaw status, gangsaw run"
            )
        if not self._journal.is_in_place():
            raise Displaced(
                f"cannot go on: {self._journal.path} was removed or replaced while gangsaw ran; "
                f"nothing more is written{self._rescued()}. Agents go on by themselves; "
                "to end them: gangsaw kill"
            )

    def _rescued(self) -> str:
        copy = self._control.root / RESCUED
        if self._journal.copy_to(copy):
            return f"; what it held is in {copy}; try: mv {copy} {self._journal.path}"
        return ""

    def _wait(self, full: DiskFull, began: float | None) -> float:
        now = self._clock.awake()
        if began is None:
            began = now
            self._lock.say("no room to write the journal")
            self._tell(f"{full.text}; waiting for room, nothing new is begun")
        why = self._leave()
        if why or now - began > ROOM_WAIT_MAX_S:
            raise DiskFull(
                f"{full.text}; ended ({why or 'waited too long'}) without writing what came last. "
                "Nothing is lost: agents go on and record their ends; afterwards: gangsaw run"
            ) from full
        self._pause(ROOM_POLL_S)
        return began

    def _has_room(self, seconds: float) -> None:
        self._lock.say("")
        self._tell(f"there is room for the journal again, after {seconds:.0f} s; going on")
        self.held_up.append(JournalHeldUp(round(seconds, 3), "no room to write the journal"))
