"""Levels with hysteresis, one victim at a time, the parallel limit: as tables and as properties."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core.machine import (
    AfterStop,
    Bounds,
    Deed,
    Governed,
    Level,
    Load,
    MachineReading,
    Want,
)
from gangsaw.core.policy.pressure import EASE_S, RELIEF, govern, level_of, shortages
from gangsaw.core.policy.victims import HELPS_PCT, SETTLE_S, after_stop

BOUNDS = Bounds()
TOTAL_MB = 10_000.0
MOST = 4


def reading(available_pct: float, **more: float) -> MachineReading:
    return MachineReading(TOTAL_MB, TOTAL_MB * available_pct / 100, **more)


FINE, SOFT, HARD = reading(60.0), reading(9.0), reading(3.0)
SMALL, LARGE, OLD = (
    Load("small.1", 500.0, 10.0),
    Load("large.1", 3000.0, 600.0),
    Load("old.1", 2000.0, 3000.0),
)


def judge(
    known: Governed, seen: MachineReading, *loads: Load, now: float = 1000.0, most: int = MOST
) -> tuple[Governed, Want | None]:
    return govern(known, seen, loads, BOUNDS, most, now)


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        (reading(20.0), Level.NONE, ""),
        (reading(19.9), Level.WARN, "19.9 % of memory available (1990 of 10000 MB), under 20 %"),
        (reading(11.9), Level.SOFT, "under 12 %"),
        (reading(4.9), Level.HARD, "under 5 %"),
        (reading(50.0, some_pct=10.1), Level.WARN, "some wait for memory 10.1 % of the time"),
        (reading(50.0, some_pct=10.0), Level.NONE, ""),
        (reading(50.0, full_pct=5.1), Level.SOFT, "all wait for memory 5.1 %"),
        (reading(4.0, full_pct=90.0), Level.HARD, "4.0 % of memory"),
        (reading(50.0, disk_free_mb=511.0), Level.SOFT, "511 MB of disk free, under 512 MB"),
        (reading(50.0, disk_free_mb=512.0), Level.NONE, ""),
        (reading(50.0, disk_used_pct=100.0), Level.NONE, ""),
        (reading(15.0, disk_free_mb=511.0), Level.SOFT, "511 MB of disk free"),
        (reading(4.0, disk_free_mb=511.0), Level.HARD, "4.0 % of memory"),
    ],
)
def test_the_level_of_a_reading(seen: MachineReading, level: Level, words: str) -> None:
    found, text = level_of(seen, BOUNDS)
    assert found is level
    assert words in text


def test_a_disk_may_be_full_to_a_share_and_must_be_clearly_emptier_again() -> None:
    bounds = replace(BOUNDS, disk_max_pct=90.0)
    for used_pct, relief, level in (
        (90.0, False, Level.NONE),
        (90.1, False, Level.SOFT),
        (87.6, True, Level.SOFT),
        (87.5, True, Level.NONE),
    ):
        found, text = level_of(reading(50.0, disk_used_pct=used_pct), bounds, relief=relief)
        assert (found, "of disk used, over" in text) == (level, level is Level.SOFT)


def test_all_that_is_short_is_said() -> None:
    seen = reading(9.0, some_pct=20.0, disk_free_mb=1.0)
    assert [text.split(",")[0] for text in shortages(seen, BOUNDS)] == [
        "9.0 % of memory available (900 of 10000 MB)",
        "some wait for memory 20.0 % of the time",
        "1 MB of disk free",
    ]
    assert shortages(FINE, BOUNDS) == ()


def test_a_level_rises_at_once_and_falls_after_a_while() -> None:
    known, _ = judge(Governed(), HARD, now=0.0)
    assert known.level is Level.HARD
    known, _ = judge(known, FINE, now=1.0)
    assert known.level is Level.HARD
    known, _ = judge(known, FINE, now=0.9 + EASE_S)
    assert known.level is Level.HARD
    known, _ = judge(known, FINE, now=1.0 + EASE_S)
    assert (known.level, known.text) == (Level.NONE, "")


def test_a_level_does_not_end_just_beside_where_it_began() -> None:
    known, _ = judge(Governed(), reading(19.0), now=0.0)
    for second in range(200):
        known, _ = judge(known, reading(21.0 + second % 4), now=float(second))
    assert known.level is Level.WARN
    assert "under 25 %" in known.text


def test_a_relapse_begins_the_while_anew() -> None:
    known, _ = judge(Governed(), SOFT, now=0.0)
    known, _ = judge(known, FINE, now=1.0)
    known, _ = judge(known, SOFT, now=8.0)
    known, _ = judge(known, FINE, now=9.0)
    known, _ = judge(known, FINE, now=12.0)
    assert known.level is Level.SOFT


@pytest.mark.parametrize(
    ("seen", "loads", "deed", "victim"),
    [
        (FINE, (SMALL, LARGE), None, ""),
        (reading(15.0), (SMALL, LARGE), None, ""),
        (SOFT, (SMALL, LARGE, OLD), Deed.STOP, "small.1"),
        (SOFT, (LARGE, OLD), Deed.STOP, "large.1"),
        (SOFT, (SMALL, replace(OLD, limit_mb=1900.0)), Deed.STOP, "old.1"),
        (SOFT, (SMALL, replace(OLD, frozen=True)), Deed.STOP, "old.1"),
        (SOFT, (LARGE,), None, ""),
        (SOFT, (replace(LARGE, limit_mb=2900.0),), Deed.STOP, "large.1"),
        (SOFT, (replace(LARGE, frozen=True),), Deed.STOP, "large.1"),
        (SOFT, (), None, ""),
        (replace(SOFT, swap_free_mb=3000.0), (LARGE, OLD), Deed.FREEZE, "large.1"),
        (replace(SOFT, swap_free_mb=2999.0), (LARGE, OLD), Deed.STOP, "large.1"),
        (HARD, (SMALL, LARGE, OLD), Deed.KILL, "large.1"),
        (HARD, (LARGE,), Deed.KILL, "large.1"),
        (replace(HARD, swap_free_mb=9000.0), (LARGE, OLD), Deed.KILL, "large.1"),
        (HARD, (), None, ""),
        (HARD, (Load("tiny.1", HELPS_PCT * TOTAL_MB / 100 - 1, 5.0),), None, ""),
        (HARD, (Load("unknown.1", 0.0, 5.0),), None, ""),
        (reading(60.0, disk_free_mb=9.0), (SMALL, LARGE), None, ""),
        (
            reading(60.0, disk_free_mb=9.0), (LARGE, replace(SMALL, disk_mb=700.0)),
            Deed.STOP, "small.1",
        ),
        (FINE, (LARGE, replace(OLD, frozen=True)), Deed.THAW, "old.1"),
        (reading(15.0), (LARGE, replace(OLD, frozen=True)), None, ""),
        (reading(15.0), (replace(OLD, frozen=True),), Deed.THAW, "old.1"),
    ],
)  # fmt: skip
def test_who_has_to_give_way(
    seen: MachineReading, loads: tuple[Load, ...], deed: Deed | None, victim: str
) -> None:
    known, want = judge(Governed(), seen, *loads)
    assert (want.deed if want else None, want.attempt if want else "") == (deed, victim)
    assert known.victim == victim


def test_a_want_says_its_numbers() -> None:
    _, want = judge(Governed(), SOFT, LARGE, replace(OLD, limit_mb=1500.0))
    assert want is not None
    assert want.text == (
        "9.0 % of memory available (900 of 10000 MB), under 12 %; "
        "old.1 uses 2000 MB after 3000 s, its own limit is 1500 MB"
    )


def test_nobody_else_while_a_victim_is_being_stopped() -> None:
    known, want = judge(Governed(), SOFT, LARGE, OLD, SMALL, now=0.0)
    assert want is not None
    for second in range(1, 500):
        known, want = judge(known, SOFT, LARGE, OLD, SMALL, now=float(second))
        assert want is None


def test_a_stop_that_takes_its_time_is_hurried_once() -> None:
    known, first = judge(Governed(), SOFT, LARGE, OLD, now=0.0)
    known, hurried = judge(known, HARD, LARGE, OLD, now=2.0)
    known, third = judge(known, HARD, LARGE, OLD, now=4.0)
    assert first is not None
    assert hurried is not None
    assert (hurried.deed, hurried.attempt, third) == (Deed.KILL, first.attempt, None)


def test_soft_victims_are_a_minute_apart() -> None:
    known, _ = judge(Governed(), SOFT, LARGE, OLD, SMALL, now=0.0)
    known, want = judge(known, SOFT, LARGE, OLD, now=10.0)
    assert want is None
    known, want = judge(known, SOFT, LARGE, OLD, now=59.9)
    assert want is None
    known, want = judge(known, SOFT, LARGE, OLD, now=60.0)
    assert want is not None


def test_hard_victims_wait_for_what_the_last_one_brings() -> None:
    known, _ = judge(Governed(), HARD, LARGE, OLD, SMALL, now=0.0)
    known, want = judge(known, HARD, OLD, SMALL, now=1.0)
    assert want is None
    known, want = judge(known, FINE, OLD, SMALL, now=1.0 + SETTLE_S)
    assert (known.level, want) == (Level.HARD, None)
    known, want = judge(known, HARD, OLD, SMALL, now=2.0 + SETTLE_S)
    assert want is not None
    assert want.attempt == "old.1"


def test_a_frozen_one_that_did_not_help_is_stopped() -> None:
    swap = replace(SOFT, swap_free_mb=9000.0)
    known, want = judge(Governed(), swap, LARGE, OLD, now=0.0)
    assert want == Want(Deed.FREEZE, "large.1", want.text if want else "")
    frozen = replace(LARGE, frozen=True)
    known, want = judge(known, swap, frozen, OLD, now=30.0)
    assert want is None
    known, want = judge(known, swap, frozen, OLD, now=90.0)
    assert want is not None
    assert (want.deed, want.attempt) == (Deed.STOP, "large.1")


def test_the_parallel_limit_falls_to_what_is_left_and_comes_back_slowly() -> None:
    known, _ = judge(Governed(), SOFT, LARGE, OLD, SMALL, now=0.0)
    assert known.parallel == 2
    known, _ = judge(known, FINE, LARGE, now=1.0)
    reached = {2: 1.0}
    for second in range(2, 400):
        known, _ = judge(known, FINE, LARGE, now=float(second))
        reached.setdefault(known.parallel or MOST, float(second))
    assert known.parallel is None
    step = BOUNDS.raise_after_s
    assert reached[3] == pytest.approx(1.0 + EASE_S + step, abs=1.0)
    assert reached[4] == pytest.approx(reached[3] + step, abs=1.0)


def test_a_busy_machine_keeps_the_limit_low() -> None:
    known = Governed(parallel=2)
    for second in range(0, 4000, 10):
        known, _ = judge(known, reading(35.0), LARGE, now=float(second))
    assert known.parallel == 2


@pytest.mark.parametrize(
    ("stops", "follows"),
    [(1, AfterStop.AGAIN), (2, AfterStop.ALONE), (3, AfterStop.PERSON), (9, AfterStop.PERSON)],
)
def test_what_follows_so_many_stops(stops: int, follows: AfterStop) -> None:
    assert after_stop(stops) is follows


# --- properties ----------------------------------------------------------------------------------

PARTS = st.floats(0.0, 100.0, allow_nan=False)
READINGS = st.builds(
    MachineReading,
    total_mb=st.just(TOTAL_MB),
    available_mb=st.floats(0.0, TOTAL_MB),
    some_pct=PARTS,
    full_pct=PARTS,
    disk_free_mb=st.none() | st.floats(0.0, 4000.0),
    swap_free_mb=st.floats(0.0, 4000.0),
)
STEPS = st.lists(
    st.tuples(READINGS, st.floats(-5.0, 200.0), st.booleans(), st.booleans()), max_size=30
)


@dataclass
class Steps:
    """Plays readings; ends and freezes what is wanted, late where it is told so."""

    loads: list[Load]
    known: Governed = field(default_factory=Governed)
    now: float = 1000.0
    ending: str = ""

    def step(self, seen: MachineReading, span_s: float, done: bool) -> Want | None:
        self.now += span_s
        if done and self.ending:
            self.loads = [load for load in self.loads if load.attempt != self.ending]
            self.ending = ""
        self.known, want = govern(self.known, seen, self.loads, BOUNDS, MOST, self.now)
        if want is not None and want.deed in (Deed.FREEZE, Deed.THAW):
            frozen = want.deed is Deed.FREEZE
            self.loads = [
                replace(load, frozen=frozen) if load.attempt == want.attempt else load
                for load in self.loads
            ]
        return want


LOADS = st.lists(
    st.builds(
        Load,
        attempt=st.sampled_from([f"t{n}.1" for n in range(8)]),
        memory_mb=st.floats(0.0, 4000.0),
        ran_s=st.floats(0.0, 4000.0),
        limit_mb=st.sampled_from([0.0, 1000.0]),
        disk_mb=st.sampled_from([0.0, 300.0]),
        frozen=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda load: load.attempt,
)


@given(loads=LOADS, steps=STEPS)
def test_one_victim_at_a_time_and_only_of_ours(
    loads: list[Load], steps: list[tuple[MachineReading, float, bool, bool]]
) -> None:
    play = Steps(loads)
    for seen, span_s, done, _ in steps:
        want = play.step(seen, span_s, done)
        assert 1 <= (play.known.parallel or MOST) <= MOST
        if want is None:
            continue
        assert want.attempt in {load.attempt for load in play.loads}
        if want.deed in (Deed.STOP, Deed.KILL):
            assert play.ending in ("", want.attempt)
            play.ending = want.attempt
            assert level_of(seen, BOUNDS)[0] in (Level.SOFT, Level.HARD)
        assert want.text


@given(seen=READINGS, loads=LOADS, before=READINGS)
def test_no_flutter_at_a_constant_reading(
    seen: MachineReading, loads: list[Load], before: MachineReading
) -> None:
    """The level changes at most once more, and always to a lower one."""
    known, _ = govern(Governed(), before, (), BOUNDS, MOST, 0.0)
    known, _ = govern(known, seen, (), BOUNDS, MOST, 1.0)
    levels = [known.level]
    for second in range(2, 40):
        known, _ = govern(known, seen, (), BOUNDS, MOST, float(second))
        levels.append(known.level)
    changes = [(a, b) for a, b in pairwise(levels) if a is not b]
    assert len(changes) <= 1
    assert all(b.rank < a.rank for a, b in changes)


@given(known_before=st.sampled_from(list(Level)), parallel=st.none() | st.integers(1, MOST))
def test_a_calm_machine_comes_to_rest(known_before: Level, parallel: int | None) -> None:
    known = Governed(level=known_before, parallel=parallel)
    for second in range(0, 800, 10):
        known, want = judge(known, FINE, LARGE, now=float(second))
        assert want is None
    assert (known.level, known.parallel) == (Level.NONE, None)


@given(loads=LOADS.filter(lambda found: any(load.memory_mb >= 50 for load in found)))
def test_the_hard_level_ends_all_that_helps_one_by_one(loads: list[Load]) -> None:
    play = Steps(loads)
    order = []
    for _ in range(40):
        want = play.step(HARD, SETTLE_S, done=True)
        if want is not None:
            play.ending = want.attempt
            order.append(next(x.memory_mb for x in play.loads if x.attempt == want.attempt))
    assert order == sorted(order, reverse=True)
    assert len(order) == sum(load.memory_mb >= 50 for load in loads)


def test_the_relief_is_more_than_the_threshold() -> None:
    """Else a level would end where it begins."""
    assert RELIEF > 1.0
    for share in (19.9, 11.9, 4.9):
        plain, _ = level_of(reading(share), BOUNDS)
        eased, _ = level_of(reading(share * 1.01), BOUNDS, relief=True)
        assert eased.rank >= plain.rank
