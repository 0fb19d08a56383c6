"""Keeps a schedule: looks at the clock, begins ticks, follows their engines, writes it all down.

A fact is in the log before it is acted upon. The engine of a tick is a process of its own, which
outlives us; the next scheduler finds it by the lock it holds and by the runs in the journal, never
by what we remember. Killed at any moment, the schedule goes on where its log stops.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from types import FrameType, TracebackType
from typing import Protocol

from gangsaw.core import schedule as sc
from gangsaw.core.errors import UserError
from gangsaw.core.events import Jump
from gangsaw.core.rhythm import Dues
from gangsaw.core.schedule import Fact, Schedule, Seen
from gangsaw.core.spans import span
from gangsaw.core.wire import decoder_of, encode
from gangsaw.engine.clock import Clock, Pace
from gangsaw.engine.zones import zone_of
from gangsaw.store.schedule_log import (
    LogRow,
    ScheduleLog,
    SchedulePlace,
    answer_closing,
    closing_asked,
    prune_outputs,
    read_log,
)

LOOK_MAX_S = 1.0
"""Longest time between two looks at the clock, the engine and the requests."""
INTERRUPTS_MAX = 3
"""So many interrupts make us leave whatever is still going on."""
RINGS_READ_MAX = 64


@dataclass(frozen=True, slots=True)
class GoOn:
    """There is an unfinished run."""

    run: str
    seq: int


@dataclass(frozen=True, slots=True)
class Begin:
    """There is something to do in a new run, after `after` (empty: there was none)."""

    after: str
    seq: int


@dataclass(frozen=True, slots=True)
class Nothing:
    """No run is to be begun now, and why; the exit code says what of it."""

    text: str
    code: int = 0


Outlook = GoOn | Begin | Nothing


class Ground(Protocol):
    """What a scheduler works on."""

    def outlook(self, state: Schedule) -> Outlook:
        """What a tick would find now. `UserError` where a run could not be begun."""
        ...

    def start(self, state: Schedule) -> None:
        """Start the engine of the current tick."""
        ...

    def seen(self, state: Schedule) -> Seen:
        """What there is of the current tick."""
        ...

    def interrupt(self) -> None:
        """Pass an interrupt on to the engine of the tick."""
        ...


Told = Callable[[Schedule, LogRow], None]


def fold_log(rows: list[LogRow]) -> Schedule:
    """The last schedule of the log. A fact of a newer release is passed over."""
    state = Schedule()
    for row in rows:
        if row.kind in sc.FACTS:
            state = sc.evolve(state, decode_fact(row), row.at)
    return state


def decode_fact(row: LogRow) -> Fact:
    """The fact of a row."""
    fact: Fact = decoder_of(sc.FACTS[row.kind])(row.body)
    return fact


class Book:
    """The log and what it comes to, in the hands of who holds the lock."""

    def __init__(self, place: SchedulePlace, log: ScheduleLog, clock: Clock, told: Told) -> None:
        self.place, self.clock = place, clock
        self._log, self._told = log, told
        self.state = fold_log(read_log(place.log))

    def write(self, fact: Fact) -> None:
        """Put it down, then believe it."""
        row = LogRow(self.clock.wall(), sc.NAMES[type(fact)], encode(fact))
        self._log.append(*row)
        self.state = sc.evolve(self.state, fact, row.at)
        self._told(self.state, row)


class Scheduler:
    """Keeps the open schedule of a book until it is over, or until somebody ends this process."""

    def __init__(
        self, book: Book, ground: Ground, relay: Callable[[], None], bell: Bell | None = None
    ) -> None:
        self._book, self._ground, self._relay = book, ground, relay
        self._bell = bell or Bell()
        self._clock = book.clock
        self._pace = Pace(book.clock)
        self._planned_s = 0.0
        self._slept_s: dict[Jump, float] = {}
        self._slept_now_s: dict[Jump, float] = {}
        self._fresh = True
        self._resume_at: float | None = None
        self._interrupts = 0
        self._leave = ""
        begun = book.state.begun
        self._zone_name = "" if begun is None else begun.rhythm.zone

    @property
    def _zone(self) -> tzinfo:
        return zone_of(self._zone_name, self._clock.wall())

    def run(self) -> str:
        """Keep it; why this process ends: empty if the schedule is over."""
        book = self._book
        if (back := sc.set_back(book.state, self._pace.wall_s)) is not None:
            book.write(back)
        book.write(sc.SchedulerStarted(os.getpid()))
        prune_outputs(book.place)
        with self._bell as bell:
            while True:
                now = self._turn()
                reason = "" if now is None else sc.over(book.state, now, self._zone)
                if reason:
                    book.write(sc.ScheduleEnded(reason))
                    return ""
                if self._leave and (book.state.current is None or self._leave_now):
                    book.write(sc.SchedulerEnded(self._leave))
                    return self._leave
                self._planned_s = 0.0 if now is None else self._sleep_s()
                self._hear(bell.wait(self._planned_s))

    @property
    def _leave_now(self) -> bool:
        """Whether the engine of the tick is left behind: it goes on by itself."""
        return self._leave != signal.SIGINT.name or self._interrupts >= INTERRUPTS_MAX

    def _turn(self) -> float | None:
        """Do what is to be done at this moment, which is returned; `None` if the clock was set just
        now, so that it was another."""
        # Read before the jumps are: what happens in between is told by the next turn, with its
        # cause, and never the other way round.
        now = self._clock.wall()
        was_set = self._note_jumps()
        self._read_request()
        self._settle(now)
        self._relay()
        if was_set:
            return None
        if not self._leave:
            self._take_due(now)
        self._fresh = False
        return now

    # --- the clock -------------------------------------------------------------------------------

    def _note_jumps(self) -> bool:
        """Remember what was slept through; whether the clock was set."""
        was_set = False
        self._slept_now_s = {}
        for jump in self._pace.jumps(self._planned_s):
            if jump.why is Jump.SET:
                was_set = True
                self._book.write(sc.ClockSet(jump.seconds))
            else:
                self._slept_now_s[jump.why] = jump.seconds
                self._slept_s[jump.why] = self._slept_s.get(jump.why, 0.0) + jump.seconds
        return was_set

    def _cause(self) -> str:
        """Why ticks may have been missed since the last one that was dealt with."""
        if Jump.SUSPENDED in self._slept_s:
            return f"the machine was suspended for {span(self._slept_s[Jump.SUSPENDED])}"
        if self._fresh:
            return "no scheduler was running"
        if Jump.STANDSTILL in self._slept_s:
            return f"gangsaw stood still for {span(self._slept_s[Jump.STANDSTILL])}"
        return "the scheduler was held up"

    def _sleep_s(self) -> float:
        state, now = self._book.state, self._clock.wall()
        found: Dues = sc.look(state, now, self._zone)
        waits = [LOOK_MAX_S]
        waits += [] if found.next is None else [found.next - now]
        waits += [] if state.end_at is None or now >= state.end_at else [state.end_at - now]
        if self._resume_at is not None:
            waits.append(self._resume_at - self._clock.awake())
        return max(0.0, min(waits))

    # --- ticks -----------------------------------------------------------------------------------

    def _take_due(self, now: float) -> None:
        book = self._book
        missed, due = sc.take_due(book.state, now, self._zone, self._cause())
        if missed is not None:
            book.write(missed)
        if due is None:
            return
        # What was slept through just now may have been after `now`, and show in the next turn.
        self._slept_s = {} if missed is not None else dict(self._slept_now_s)
        if book.state.current is not None:
            text = f"tick {book.state.current.tick} still goes on"
            book.write(sc.TickSkipped(due.tick, due.due, text))
            return
        try:
            outlook = self._ground.outlook(book.state)
        except UserError as error:
            outlook = Nothing(error.text, error.exit_code)
        match outlook:
            case Nothing(text, code):
                book.write(sc.TickSkipped(due.tick, due.due, text, code))
            case GoOn(run, seq):
                book.write(sc.TickBegun(due.tick, due.due, run, run, seq))
                self._ground.start(book.state)
            case Begin(after, seq):
                book.write(sc.TickBegun(due.tick, due.due, after, "", seq))
                self._ground.start(book.state)

    def _settle(self, now: float) -> None:
        """Say what became of the current tick; start its engine again if that was killed."""
        book = self._book
        if book.state.current is None:
            return
        found = sc.settle(book.state, self._ground.seen(book.state), now)
        if not isinstance(found, sc.TickResumed):
            self._resume_at = None
            if found is not None:
                self._relay()
                book.write(found)
            return
        if self._leave:
            return
        awake_s = self._clock.awake()
        if self._resume_at is None:
            self._resume_at = awake_s + sc.resume_pause_s(book.state)
        if awake_s >= self._resume_at:
            self._resume_at = None
            book.write(found)
            self._ground.start(book.state)

    # --- people ----------------------------------------------------------------------------------

    def _read_request(self) -> None:
        book = self._book
        by = closing_asked(book.place)
        if by:
            if not book.state.closing:
                book.write(sc.ClosingAsked(by))
            answer_closing(book.place)

    def _hear(self, signals: list[signal.Signals]) -> None:
        for number in signals:
            self._interrupts += 1
            self._leave = number.name
            if number is signal.SIGINT and self._book.state.current is not None:
                self._ground.interrupt()


class Bell:
    """Signals as something to wait for."""

    def __enter__(self) -> Bell:
        self._r, self._w = os.pipe()
        for fd in (self._r, self._w):
            os.set_blocking(fd, False)
        self._former: dict[int, object] = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started with nohup
            self._former[number] = signal.signal(number, self._ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]
        os.close(self._r)
        os.close(self._w)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(self._w, bytes([number]))

    def wait(self, seconds: float) -> list[signal.Signals]:
        """The signals that came, waited for at most so long."""
        select.select([self._r], [], [], seconds)
        try:
            return [signal.Signals(byte) for byte in os.read(self._r, RINGS_READ_MAX)]
        except BlockingIOError:
            return []
