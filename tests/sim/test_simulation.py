"""The core in a simulated world: promises kept in every schedule, planted faults found in some."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gangsaw.testing.mutants import MUTANTS, SEEDS_MAX
from gangsaw.testing.sim import figures_text, find_all, main, run_all
from gangsaw.testing.simulation import Mode, Schedule, run_seed

LONG = bool(os.environ.get("GANGSAW_LONG"))
SEEDS = 100_000 if LONG else 20_000
MUTANTS_MIN = 30

Note = Callable[[str, object], None]


def test_schedules(record_property: Note) -> None:
    """Even seeds: faults never stop. Odd seeds: they stop, and the run must come to its end."""
    figures, failures = run_all(0, SEEDS)
    record_property("figure", f"simulation: {figures_text(figures, 0, SEEDS)}")
    assert failures == []
    assert figures.schedules == SEEDS
    assert min(figures.crashes, figures.landed, figures.whys) > SEEDS / 2


def test_mutants(record_property: Note) -> None:
    """Each planted fault of the core is found; a later one than usual says the net has a hole."""
    found = dict(find_all(0))
    latest = max(one.schedules for one in found.values() if one is not None)
    record_property("figure", f"mutants: {len(found)} of {len(MUTANTS)}, latest after {latest}")
    assert [name for name, one in found.items() if one is None] == []
    assert len(found) >= MUTANTS_MIN
    assert latest <= SEEDS_MAX


@pytest.mark.parametrize("seed", [5, 44, 123])
@pytest.mark.guarantee("G17")
def test_the_same_seed_is_the_same_schedule(seed: int) -> None:
    one, other = Schedule(seed, remember=True), Schedule(seed, remember=True)
    one.run()
    other.run()
    assert one.history == other.history
    assert one.log == other.log


def test_a_seed_can_be_run_in_either_mode() -> None:
    assert run_seed(10, Mode.LIVENESS).schedules == 1
    assert run_seed(11, Mode.SAFETY).schedules == 1


def test_a_schedule_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--trace", "7"]) == 0
    assert "out RunFinished" in capsys.readouterr().out
    assert main(["--scenario", "7"]) == 0
    assert "out run.finished" in capsys.readouterr().out
