"""Whether there is room for one more, with the numbers in the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core.machine import Bounds, Candidate, Governed, Level, Load, MachineReading
from gangsaw.core.policy.projection import (
    PEAKS_LOOKED_AT,
    UNKNOWN_MB,
    expected_mb,
    projected_mb,
    shortage,
)

BOUNDS = Bounds()
TOTAL_MB = 10_000.0
HALF = MachineReading(TOTAL_MB, 5000.0, disk_free_mb=9000.0)
ONE = Load("one.1", 1000.0, 60.0, expected_mb=1000.0)
NEXT = Candidate(1000.0, worktree_mb=200.0)


@pytest.mark.parametrize(
    ("candidate", "loads", "reading", "known", "words"),
    [
        (NEXT, (ONE,), HALF, Governed(), None),
        (replace(NEXT, expected_mb=1999.0), (ONE,), HALF, Governed(), None),
        (
            replace(NEXT, expected_mb=2000.0), (ONE,), HALF, Governed(),
            "70 % of memory would be used (7000 of 10000 MB, 2000 MB for this one), not below 70 %",
        ),
        (NEXT, (replace(ONE, expected_mb=2000.0),), HALF, Governed(), "70 % of memory would"),
        (NEXT, (replace(ONE, expected_mb=0.0),), HALF, Governed(), None),
        (replace(NEXT, expected_mb=9000.0), (), HALF, Governed(), None),
        (NEXT, (ONE,), HALF, Governed(Level.WARN, "short"), "short"),
        (NEXT, (), HALF, Governed(Level.WARN, "short"), "short"),
        (NEXT, (), HALF, Governed(Level.SOFT, "short"), "short"),
        (NEXT, (), HALF, Governed(Level.HARD, "short"), "short"),
        (NEXT, (ONE,), HALF, Governed(parallel=1), "1 run, of 1 since memory was short"),
        (NEXT, (ONE,), HALF, Governed(parallel=2), None),
        (NEXT, (), HALF, Governed(parallel=1), None),
        (NEXT, (replace(ONE, alone=True),), HALF, Governed(), "one.1 runs alone"),
        (replace(NEXT, alone=True), (ONE,), HALF, Governed(), "runs alone, after it was stopped"),
        (replace(NEXT, alone=True), (), HALF, Governed(), None),
        (
            NEXT, (), replace(HALF, disk_free_mb=711.0), Governed(),
            "511 MB of disk would be left, floor 512 MB (200 MB for the worktree)",
        ),
        (NEXT, (), replace(HALF, disk_free_mb=712.0), Governed(), None),
        (NEXT, (), replace(HALF, disk_free_mb=None), Governed(), None),
    ],
)  # fmt: skip
def test_room_for_one_more(
    candidate: Candidate,
    loads: tuple[Load, ...],
    reading: MachineReading,
    known: Governed,
    words: str | None,
) -> None:
    found = shortage(candidate, loads, reading, known, BOUNDS, 100.0)
    assert (found is None) == (words is None)
    assert words is None or (found is not None and words in found.text)


def test_one_start_at_a_time() -> None:
    def at(now: float) -> float | None:
        found = shortage(NEXT, (ONE,), HALF, Governed(), BOUNDS, now, started_at=100.0)
        return found.until if found else None

    assert at(100.0) == at(102.9) == 103.0
    assert at(103.0) is None
    assert at(50.0) is None, "the clock was set back"


def test_worktrees_in_the_making_count() -> None:
    tight = replace(HALF, disk_free_mb=800.0)
    assert shortage(NEXT, (), tight, Governed(), BOUNDS, 0.0) is None
    held = shortage(NEXT, (), tight, Governed(), BOUNDS, 0.0, preparing_mb=100.0)
    assert held is not None


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        ({}, UNKNOWN_MB),
        ({("a", "m", "work"): [300.0]}, 300.0),
        ({("a", "m", "work"): [100.0, 200.0, 300.0, 400.0, 9000.0]}, 400.0),
        ({("a", "m", "work"): [], ("a", "m", ""): [700.0]}, 700.0),
        ({("a", "x", "work"): [50.0], ("a", "", ""): [800.0]}, 800.0),
        ({("a", "m", "work"): [0.0]}, UNKNOWN_MB),
        ({("a", "m", "work"): [9000.0] * 5 + [100.0] * PEAKS_LOOKED_AT}, 100.0),
    ],
)
def test_the_peak_to_expect(
    peaks: dict[tuple[str, str, str], list[float]], expected: float
) -> None:
    assert expected_mb(peaks, ("a", "m", "work")) == expected


@given(
    used=st.lists(st.tuples(st.floats(0, 3000), st.floats(0, 3000)), max_size=6),
    available=st.floats(0, TOTAL_MB),
    wanted=st.floats(0, 5000),
)
def test_what_is_started_stays_below_the_bound(
    used: list[tuple[float, float]], available: float, wanted: float
) -> None:
    """Or nothing else runs; and what has room for more has room for less."""
    loads = [Load(f"t{at}.1", now, 60.0, expected_mb=peak) for at, (now, peak) in enumerate(used)]
    reading = MachineReading(TOTAL_MB, available)
    found = shortage(Candidate(wanted), loads, reading, Governed(), BOUNDS, 0.0)
    fits = projected_mb(loads, reading) + wanted < BOUNDS.start_pct * TOTAL_MB / 100
    assert (found is None) == (fits or not loads)
    if found is None:
        less = Candidate(wanted / 2)
        assert shortage(less, loads, reading, Governed(), BOUNDS, 0.0) is None
