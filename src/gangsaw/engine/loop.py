"""The loop: survey, turn, append, carry out.

Events before effects: if the append fails, the engine ends, since memory that the log does not have
must not act. After a restart nothing is in flight, so every outstanding action is carried out again
and finds what already exists; recovery has no code of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

from gangsaw.core import observations as ob
from gangsaw.core.actions import Action, RunTurn, StopTurn, WriteStanding
from gangsaw.core.events import Event
from gangsaw.core.evolve import evolve
from gangsaw.core.policy.delivery import pause_s
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import at_rest, next_wakeup, turn
from gangsaw.engine.clock import Clock, Pace
from gangsaw.engine.effects import carry_out
from gangsaw.engine.gauge import Gauge
from gangsaw.engine.lanes import Lanes
from gangsaw.engine.machine import MachineWatch
from gangsaw.engine.pen import Pen
from gangsaw.engine.project import Projector
from gangsaw.engine.radar import RadarWatch
from gangsaw.engine.requests import Inbox
from gangsaw.engine.warnings import Warnings
from gangsaw.engine.watching import SourceWatch
from gangsaw.engine.world import World
from gangsaw.git import checkout_mb
from gangsaw.procs import Watch
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.store.lock import Held

IDLE_WAIT_S = 30.0
"""Longest sleep of the loop; the bell, the lanes and the launches wake it before."""
SHOW_EVERY_S = 1.0
RINGS_READ_MAX = 4096

Listener = Callable[[State, Sequence[Event], float, Mapping[str, str]], None]
"""Told after each turn: the state, the turn's events, when (epoch seconds), and what each live
attempt is doing in its own words."""

InterruptAnswer = Callable[[State, str], list[ob.Observation] | str]
"""Asked on SIGINT or SIGTERM (named): observations to go on with, or a reason to leave at once."""

Teller = Callable[[str], None]
"""Puts a sentence before the person who watches, which is in no event (yet)."""


@dataclass(slots=True)
class Interrupt:
    """What SIGINT and SIGTERM leave for the loop to find: their numbers, a byte each, in a pipe
    that the loop sleeps on.

    A signal is handled in the middle of whatever the loop's thread is doing, so its handler takes
    no lock and changes nothing that the loop might be changing.
    """

    bell_r: int
    bell_w: int
    previous: dict[int, object] = field(default_factory=dict)


class Engine:
    """One run's engine; it holds the writer's lock for as long as it lives."""

    def __init__(
        self,
        journal: Journal,
        lock: Held,
        seq: int,
        world: World,
        watch: Watch,
        inbox: Inbox,
        listener: Listener,
        on_interrupt: InterruptAnswer,
        tell: Teller,
        clock: Clock,
    ) -> None:
        self._seq = seq
        self._world, self._state = world, world.state
        self._watch, self._inbox = watch, inbox
        self._listener, self._on_interrupt, self._tell = listener, on_interrupt, tell
        self._clock, self._pace, self._planned_s = clock, Pace(clock), 0.0
        self._lanes = Lanes(world.slots.count, world.gate_slots.count, watch.wake, world.room)
        self._projector = Projector(world.state)
        control = Control(world.layout.control)
        self._machine = MachineWatch(
            world.room,
            control.reserve,
            Gauge(world.layout.attempts, world.state, checkout_mb(world.repo)),
        )
        self._radar = RadarWatch(world.repo, world.state, watch.wake)
        self._source = SourceWatch(world, clock, watch.wake)
        self._warnings = Warnings(world.layout.warnings)
        self._pen = Pen(journal, lock, control, clock, self._sleep, self._wants_to_leave, tell)
        self._interrupt = Interrupt(*_open_bell())
        self._shown_at = -SHOW_EVERY_S
        self._outdated = False
        self._quiet_until: dict[Action, float] = {}
        self._leave = ""

    def run(self, first: list[ob.Observation]) -> str:
        """Run until there is nothing more to do; returns why it ended."""
        self._catch_signals()
        try:
            try:
                reason = self._loop(first)
            finally:
                self._lanes.close(self._tell)
                self._radar.close()
                self._source.close()
            self._finish(reason)
        finally:
            self._restore_signals()
        return reason

    def _loop(self, observations: list[ob.Observation]) -> str:
        state = self._state
        self._source.begin()
        read = [self._world.secrets.out_of(seen) for seen in self._source.news()]
        observations = [*observations, *read, *self._read_machine()]
        while True:
            now = self._clock.wall()
            events, actions = turn(state, now, observations)
            self._append(events, now)
            self._source.taken()
            self._warnings.show(state)
            self._inbox.discard_answered(state)
            self._listener(state, events, now, self._world.launches.activities)
            # What is being written in a task file may not be wanted any more: who leaves before it
            # is reported leaves a file behind that says something else than what is known of it.
            reason = self._leave or (None if self._writes() else at_rest(state, now))
            if reason:
                return reason
            self._pen.require_place()
            self._carry_out(actions)
            # Nothing that was seen goes further, into the state or the log, with a secret in it.
            observations = [self._world.secrets.out_of(seen) for seen in self._survey()]

    def _append(self, events: Sequence[Event], now: float) -> None:
        """Put the turn's events and what they mean for readers into the log, as one."""
        awake_s = self._clock.awake()
        show = awake_s - self._shown_at >= SHOW_EVERY_S
        if not events and not show:
            return
        if show:
            self._shown_at = awake_s
        # Of tasks without an event of their own, the rows are as old as the last refresh.
        self._outdated = not show
        activities = self._world.launches.activities
        tasks = self._projector.task_rows(now, activities, refresh=show)
        run_row = self._projector.run_row(now)
        if not (events or tasks or run_row):
            return
        rows = [(now, event.kind, event.subject, encode(event)) for event in events]
        self._seq = self._pen.write(self._state.run, rows, self._seq, tasks, run_row)

    def _carry_out(self, actions: list[Action]) -> None:
        self._lanes.drop_unwanted(set(actions))
        awake_s = self._clock.awake()
        for action in actions:
            quiet = self._quiet_until.get(action, 0.0) > awake_s
            if action not in self._lanes.in_flight and not quiet:
                lane, job = carry_out(action, self._world)
                self._lanes.hand_over(lane, action, job)

    def _writes(self) -> bool:
        return any(isinstance(action, WriteStanding) for action in self._lanes.in_flight)

    def _survey(self) -> list[ob.Observation]:
        """Sleep until something may have changed, and what has."""
        # While the pen waited, others may have been woken in our place.
        self._planned_s = 0.0 if self._pen.held_up else self._sleep_s()
        changed = self._watch.wait(self._planned_s)
        found: list[ob.Observation] = [*self._pace.jumps(self._planned_s), *self._interrupted()]
        found += self._held_up()
        for flight, observations in self._lanes.collect():
            raised = any(isinstance(seen, ob.EffectRaised) for seen in observations)
            self._lanes.release(
                flight, keep=isinstance(flight.action, RunTurn | StopTurn) and not raised
            )
            found += observations
            self._quieten(flight.action, observations)
        found += self._world.launches.survey(changed)
        found += self._inbox.read()
        found += self._read_machine()
        self._radar.notice(found)
        found += self._radar.read(self._clock.awake())
        found += self._source.news()
        return found

    def _read_machine(self) -> list[ob.Observation]:
        """What the meters say, and how the watchdog fares."""
        awake_s, keeper = self._clock.awake(), self._world.keeper
        gone = keeper.look(awake_s) if keeper is not None else []
        return [*gone, *self._machine.read(awake_s, self._state)]

    def _quieten(self, action: Action, found: Sequence[ob.Observation]) -> None:
        """A target that cannot be moved is looked at again after a while, although the same reason
        once more is no event."""
        awake_s = self._clock.awake()
        pause = pause_s(action, list(found))
        rest = {other: moment for other, moment in self._quiet_until.items() if moment > awake_s}
        self._quiet_until = {**rest, action: awake_s + pause}

    def _held_up(self) -> list[ob.JournalHeldUp]:
        found, self._pen.held_up = self._pen.held_up, []
        if found:
            self._machine.look_anew()
        return found

    def _sleep_s(self) -> float:
        now, awake_s = self._clock.wall(), self._clock.awake()
        waits = [IDLE_WAIT_S]
        waits += [moment - awake_s for moment in self._quiet_until.values() if moment > awake_s]
        moment = next_wakeup(self._state, now)
        if moment is not None:
            waits.append(max(0.0, moment - now))
        look = self._world.launches.look_again_s()
        if look is not None:
            waits.append(look)
        radar = self._radar.look_again_s(awake_s)
        if radar is not None:
            waits.append(radar)
        if self._state.ready or look is not None:
            waits.append(self._machine.look_again_s(awake_s, self._state))
        if self._outdated:
            waits.append(max(0.0, self._shown_at + SHOW_EVERY_S - awake_s))
        return min(waits)

    def _sleep(self, seconds: float) -> None:
        """Wait for something other than what the watch is for; signals cut it short."""
        self._watch.wait(seconds)
        self._planned_s += seconds

    # --- ends ------------------------------------------------------------------------------------

    def _catch_signals(self) -> None:
        self._watch.add_fd(self._interrupt.bell_r)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # started with nohup
            self._interrupt.previous[number] = signal.signal(number, self._on_signal)

    def _restore_signals(self) -> None:
        for number, previous in self._interrupt.previous.items():
            signal.signal(number, previous)  # type: ignore[arg-type]
        os.close(self._interrupt.bell_w)
        os.close(self._interrupt.bell_r)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(self._interrupt.bell_w, bytes([number]))

    def _interrupted(self) -> list[ob.Observation]:
        try:
            rung = os.read(self._interrupt.bell_r, RINGS_READ_MAX)
        except BlockingIOError:
            return []
        found: list[ob.Observation] = []
        for number in rung:
            answer = self._on_interrupt(self._state, signal.Signals(number).name)
            if isinstance(answer, str):
                self._leave = answer
                break
            found += answer
        return found

    def _wants_to_leave(self) -> str:
        """Why to end although what has happened cannot be recorded: a person asks for it."""
        try:
            rung = os.read(self._interrupt.bell_r, RINGS_READ_MAX)
        except BlockingIOError:
            rung = b""
        if rung:
            return signal.Signals(rung[0]).name
        ends = [
            asked
            for asked in self._inbox.peek()
            if asked.verb in ("stop", "kill") and not (asked.refused or asked.attempt)
        ]
        return f"{ends[0].verb} by {ends[0].by}" if ends else ""

    def _finish(self, reason: str) -> None:
        """The engine's last word in the log."""
        now = self._clock.wall()
        self._shown_at = -SHOW_EVERY_S  # nobody will refresh it after us
        events, _ = turn(self._state, now, [ob.EngineDown(reason)])
        self._append(events, now)
        self._inbox.discard_answered(self._state)
        self._listener(self._state, events, now, {})


def _open_bell() -> tuple[int, int]:
    ends = os.pipe()
    for fd in ends:
        os.set_blocking(fd, False)
    return ends


def fold(journal: Journal, run: str) -> tuple[State, int]:
    """The state of a run from its log, and the log's last seq."""
    state, seq = State(), 0
    for row in journal.read(run):
        evolve(state, decode_event(row.kind, row.body), row.at)
        seq = row.seq
    return state, seq
