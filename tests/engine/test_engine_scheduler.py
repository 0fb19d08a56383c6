"""The scheduler in time of its own: hours pass at once, and clocks jump between any two looks."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pytest

from gangsaw.core import schedule as sc
from gangsaw.core.errors import UserError
from gangsaw.core.rhythm import Rhythm
from gangsaw.core.schedule import Schedule, ScheduleBegun, Seen
from gangsaw.engine.clock import Clock
from gangsaw.engine.scheduler import (
    Begin,
    Bell,
    Book,
    GoOn,
    Nothing,
    Outlook,
    Scheduler,
    decode_fact,
)
from gangsaw.store.schedule_log import (
    ScheduleLog,
    ask_to_close,
    make_schedule_place,
    read_log,
)
from gangsaw.views.schedule import fact_line

BEGIN_AT = 1_000_000.0
HOUR_S = 3600.0
SIX_HOURS = ScheduleBegun("s1", "plan.yaml", "/repo", Rhythm(600.0), 6 * HOUR_S, by="ann")
SHORT = replace(SIX_HOURS, rhythm=Rhythm(100.0), for_s=1000.0)
LOOKS_MAX = 100_000


@dataclass
class Time(Bell):
    """Clocks and the waiting for them. `jump` happens at the reading of that number."""

    wall_s: float = BEGIN_AT
    awake_s: float = 50.0
    through_s: float = 50.0
    readings: int = 0
    looks: int = 0
    jump_at: int = -1
    jump: Callable[[Time], None] = field(default=lambda time: None)
    signals: dict[int, signal.Signals] = field(default_factory=dict)
    """The look at which a signal comes."""

    def clock(self) -> Clock:
        return Clock(
            lambda: self._read().wall_s, lambda: self._read().awake_s,
            lambda: self._read().through_s,
        )  # fmt: skip

    def _read(self) -> Time:
        self.readings += 1
        if self.readings == self.jump_at:
            self.jump(self)
        return self

    def pass_by(self, seconds: float) -> None:
        self.wall_s += seconds
        self.awake_s += seconds
        self.through_s += seconds

    def sleep(self, seconds: float) -> None:
        self.wall_s += seconds
        self.through_s += seconds

    def __enter__(self) -> Bell:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def wait(self, seconds: float) -> list[signal.Signals]:
        self.looks += 1
        assert self.looks < LOOKS_MAX, "it never ends"
        self.pass_by(seconds)
        return [self.signals[self.looks]] if self.looks in self.signals else []


@dataclass
class Imagined:
    """Runs that take `lasts_s` seconds each; `kills` engines are killed after half of that."""

    time: Time
    outlooks: list[Outlook | UserError] = field(default_factory=list)
    lasts_s: float = 100.0
    kills: int = 0
    started: list[tuple[int, float]] = field(default_factory=list)
    interrupts: int = 0
    dead: bool = False

    def outlook(self, state: Schedule) -> Outlook:
        found = self.outlooks.pop(0) if self.outlooks else Begin(f"r{len(self.started)}", 1)
        if isinstance(found, UserError):
            raise found
        return found

    def start(self, state: Schedule) -> None:
        assert state.current is not None
        self.started.append((state.current.tick, self.time.awake_s))
        self.dead = False

    def seen(self, state: Schedule) -> Seen:
        run = f"r{len({tick for tick, _ in self.started})}"
        past_s = self.time.awake_s - self.started[-1][1]
        if self.kills and not self.dead and past_s >= self.lasts_s / 2:
            self.kills, self.dead = self.kills - 1, True
        if self.dead:
            return Seen(child_code=-9, run=run, seq=5, cut=True)
        if past_s < self.lasts_s and not self.interrupts:
            return Seen(child=True)
        return Seen(child_code=0, run=run, seq=9, code=0, words="landed 1 of 1")

    def interrupt(self) -> None:
        self.interrupts += 1


def kept(
    root: Path, time: Time, ground: Imagined, begun: ScheduleBegun | None = SIX_HOURS
) -> tuple[str, list[sc.Fact]]:
    """Keep the schedule, begun first if it is given: why the scheduler ended, and its facts."""
    place = make_schedule_place(root / "gangsaw")
    with ScheduleLog(place) as log:
        book = Book(place, log, time.clock(), lambda state, row: None)
        if begun is not None:
            book.write(begun)
        reason = Scheduler(book, ground, lambda: None, time).run()
    return reason, facts_of(root)


def facts_of(root: Path) -> list[sc.Fact]:
    return [decode_fact(row) for row in read_log(root / "gangsaw" / "schedule" / "log.jsonl")]


F = TypeVar("F")


def of(facts: list[sc.Fact], cls: type[F]) -> list[F]:
    return [fact for fact in facts if isinstance(fact, cls)]


def test_every_ten_minutes_for_six_hours(tmp_path: Path) -> None:
    time = Time()
    ground = Imagined(time)
    reason, facts = kept(tmp_path, time, ground)
    assert reason == ""
    begun = of(facts, sc.TickBegun)
    assert [each.due - BEGIN_AT for each in begun] == [600.0 * n for n in range(36)]
    assert len(of(facts, sc.TickEnded)) == len(ground.started) == 36
    assert of(facts, sc.ScheduleEnded) == [sc.ScheduleEnded("its last tick is done")]


def test_a_run_longer_than_the_interval_has_ticks_skipped(tmp_path: Path) -> None:
    time = Time()
    ground = Imagined(time, lasts_s=1500.0)
    _, facts = kept(tmp_path, time, ground)
    ran = [each.tick for each in of(facts, sc.TickBegun)]
    assert ran == list(range(1, 37, 3))
    skipped = of(facts, sc.TickSkipped)
    assert [each.tick for each in skipped] == [n for n in range(1, 37) if n not in ran]
    assert {each.text for each in skipped[:2]} == {"tick 1 still goes on"}


def test_nothing_to_do_costs_no_run(tmp_path: Path) -> None:
    time = Time()
    nothing = Nothing("nothing new to do: 2 tasks have landed")
    ground = Imagined(time, [Begin("", 0), *[nothing] * 34, UserError("cannot read the plan")])
    _, facts = kept(tmp_path, time, ground)
    assert len(ground.started) == 1
    skipped = of(facts, sc.TickSkipped)
    assert len(skipped) == 35
    assert (skipped[-1].text, skipped[-1].code) == ("cannot read the plan", 2)


def test_a_killed_engine_is_started_again_with_pauses(tmp_path: Path) -> None:
    time = Time()
    ground = Imagined(time, [GoOn("r1", 3)], kills=3)
    _, facts = kept(tmp_path, time, ground, replace(SIX_HOURS, for_s=600.0))
    assert len(of(facts, sc.TickResumed)) == 3
    moments = [at for _, at in ground.started]
    pauses = [b - a - 50 for a, b in itertools.pairwise(moments)]
    assert pauses == [pytest.approx(0, abs=1.1), pytest.approx(2, abs=1.1),
                      pytest.approx(4, abs=1.1)]  # fmt: skip
    assert [each.code for each in of(facts, sc.TickEnded)] == [0]


STARTED_AT = 5
"""Until so many readings of the clock there is no scheduler that could notice anything."""
READINGS = range(STARTED_AT + 1, STARTED_AT + 25)


@pytest.mark.parametrize("at", READINGS)
def test_a_sleep_between_any_two_looks_is_told_with_its_cause(tmp_path: Path, at: int) -> None:
    """Three intervals and a bit, wherever in its turn the scheduler is."""
    time = Time(jump_at=at, jump=lambda time: time.sleep(330.0))
    _, facts = kept(tmp_path, time, Imagined(time, lasts_s=20.0), SHORT)
    (missed,) = of(facts, sc.TicksMissed)
    assert missed.text == "the machine was suspended for 5 min"
    numbers = [each.tick for each in facts if isinstance(each, sc.TickBegun | sc.TickSkipped)]
    numbers += range(missed.first, missed.last + 1)
    assert sorted(numbers) == list(range(1, 11))


@pytest.mark.parametrize("seconds", [9e7, -9e7])
@pytest.mark.parametrize("at", READINGS)
def test_a_clock_set_between_any_two_looks_moves_no_tick(
    tmp_path: Path, at: int, seconds: float
) -> None:
    def jump(time: Time) -> None:
        time.wall_s += seconds

    time = Time(jump_at=at, jump=jump)
    ground = Imagined(time, lasts_s=20.0)
    _, facts = kept(tmp_path, time, ground, SHORT)
    assert of(facts, sc.TicksMissed) == []
    assert [tick for tick, _ in ground.started] == list(range(1, 11))
    moments = [moment - 50.0 for _, moment in ground.started]
    assert moments == pytest.approx([100.0 * n for n in range(10)], abs=2.5)


def test_a_request_for_the_end_lets_the_tick_end(tmp_path: Path) -> None:
    time = Time(jump_at=300)
    place = make_schedule_place(tmp_path / "gangsaw")
    time.jump = lambda time: ask_to_close(place, "ann")
    _, facts = kept(tmp_path, time, Imagined(time, lasts_s=900.0))
    assert of(facts, sc.ClosingAsked) == [sc.ClosingAsked("ann")]
    assert len(of(facts, sc.TickBegun)) == 1
    assert facts[-2:] == [
        sc.TickEnded(1, "r1", 0, "landed 1 of 1"), sc.ScheduleEnded("ended by ann")
    ]  # fmt: skip
    assert not place.closing.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_run_and_schedule_to_the_next(
    tmp_path: Path, number: signal.Signals
) -> None:
    time = Time(signals={20: number})
    ground = Imagined(time)
    reason, facts = kept(tmp_path, time, ground, SHORT)
    assert reason == number.name
    assert facts[-1] == sc.SchedulerEnded(number.name)
    assert ground.interrupts == 0
    time.signals.clear()
    reason, facts = kept(tmp_path, time, ground, None)
    assert reason == ""
    assert len(of(facts, sc.TickBegun)) == 10


def test_interrupts_are_passed_on_until_the_third(tmp_path: Path) -> None:
    time = Time(signals={20: signal.SIGINT})
    ground = Imagined(time)
    reason, facts = kept(tmp_path, time, ground)
    assert (reason, ground.interrupts) == ("SIGINT", 1)
    assert isinstance(facts[-2], sc.TickEnded)
    time = Time(signals=dict.fromkeys((20, 21, 22), signal.SIGINT))
    stubborn, other = Stubborn(time), tmp_path / "other"
    other.mkdir()
    reason, facts = kept(other, time, stubborn)
    assert (reason, stubborn.interrupts) == ("SIGINT", 3)
    assert of(facts, sc.TickEnded) == []


class Stubborn(Imagined):
    """Its engine does not end for anything."""

    def seen(self, state: Schedule) -> Seen:
        return Seen(child=True)


def test_every_fact_of_a_log_has_a_line(tmp_path: Path) -> None:
    time = Time(jump_at=500, jump=lambda time: time.sleep(2000.0), signals={900: signal.SIGTERM})
    ground = Imagined(time, [GoOn("r0", 3), Nothing("nothing new to do", 1)], kills=1)
    kept(tmp_path, time, ground)
    time.wall_s -= 5000.0
    time.signals.clear()
    ground.kills = 0
    place = make_schedule_place(tmp_path / "gangsaw")
    time.jump_at, time.jump = time.readings + 99, lambda time: ask_to_close(place, "ann")
    kept(tmp_path, time, ground, None)
    rows = read_log(place.log)
    assert {row.kind for row in rows} == set(sc.FACTS)
    lines = [fact_line(decode_fact(row), row.at) for row in rows]
    assert len(set(lines)) == len(lines)
    text = "\n".join(lines)
    for words in ("tick 1 goes on with r0 (due ", "the clock was set back by 83 min",
                  "not kept any more (SIGTERM)", "ann asked for the end: no further tick",
                  "· exit 1", "over: ended by ann"):  # fmt: skip
        assert words in text, text
