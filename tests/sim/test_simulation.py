"""The core in a simulated world: promises kept in every schedule, planted faults found in some."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from gangsaw.core.state import Delivery
from gangsaw.testing.mutants import MUTANTS, SEEDS_MAX
from gangsaw.testing.sim import SEEDS, SEEDS_LONG, figures_text, find_all, main, run_all
from gangsaw.testing.simulation import Mode, Schedule, run_seed

LONG = bool(os.environ.get("GANGSAW_LONG"))
WANTED = SEEDS_LONG if LONG else SEEDS
MUTANTS_MIN = 40

Note = Callable[[str, object], None]


@pytest.mark.serial
@pytest.mark.guarantee("G7", "G15")
def test_schedules(record_property: Note) -> None:
    """Even seeds: faults never stop. Odd seeds: they stop, and the run must come to its end."""
    began = time.monotonic()
    figures, failures = run_all(0, WANTED)
    took_s = time.monotonic() - began
    text = f"{figures_text(figures, 0, WANTED)}, in {took_s:.0f} s"
    record_property("figure", f"simulation: {text}")
    assert failures == []
    assert figures.schedules == WANTED
    assert min(figures.crashes, figures.landed, figures.looks, figures.whys) > WANTED / 2
    assert min(figures.jumps, figures.reboots, figures.folded) > WANTED / 50


@pytest.mark.serial
def test_mutants(record_property: Note) -> None:
    """Each planted fault of the core is found; a later one than usual says the net has a hole."""
    found = dict(find_all(0))
    for name, one in found.items():
        record_property("figure", f"mutant: {one.schedules if one else 'NOT FOUND'}: {name}")
    latest = max(one.schedules for one in found.values() if one is not None)
    record_property("figure", f"mutants: {len(found)} of {len(MUTANTS)}, latest after {latest}")
    assert [name for name, one in found.items() if one is None] == []
    assert len(found) >= MUTANTS_MIN
    assert latest <= SEEDS_MAX


def test_people_merge_as_git_does() -> None:
    """What was undone since their branch had it does not come back with their merge."""
    schedule = Schedule(0)
    trees = schedule.world.trees
    work = trees.commit(trees.change("a", trees.commits["c0"].tree, frozenset()), "c0")
    landed = trees.candidate("c0", work)
    assert landed is not None
    trees.integration = trees.undo(landed, landed)
    mine = trees.change("@user", trees.commits[landed].tree, frozenset())
    trees.target = trees.commit(mine, landed)
    schedule.state.delivery = Delivery(merge_failed=trees.target)
    schedule.people.settle(schedule.state)
    merged = trees.commits[trees.target]
    assert {landed, trees.integration} <= merged.above
    assert merged.tree == mine - trees.commits[work].tree | trees.commits["c0"].tree


@pytest.mark.parametrize("seed", [5, 44, 123])
@pytest.mark.guarantee("G17")
def test_the_same_seed_is_the_same_schedule(seed: int) -> None:
    one, other = Schedule(seed, remember=True), Schedule(seed, remember=True)
    one.run()
    other.run()
    assert one.history == other.history
    assert one.log == other.log


LOGS = """
from gangsaw.testing.simulation import Schedule
for seed in range({start}, {start} + {seeds}):
    schedule = Schedule(seed)
    schedule.run()
    print(schedule.log)
"""


@pytest.mark.guarantee("G17")
def test_the_same_seed_is_the_same_schedule_in_another_process() -> None:
    """Nothing depends on the order of sets, on the clock, or on what ran before."""
    digests = set()
    for salt, start in (("1", 20), ("2", 20), ("3", 10)):
        program = LOGS.format(start=start, seeds=60 - start)
        found = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
        )
        lines = found.stdout.splitlines()[20 - start :]
        assert len(lines) == 40
        digests.add(hashlib.sha256(b"\n".join(lines)).hexdigest())
    assert len(digests) == 1


def test_a_seed_can_be_run_in_either_mode() -> None:
    assert run_seed(10, Mode.LIVENESS).schedules == 1
    assert run_seed(11, Mode.SAFETY).schedules == 1


def test_a_schedule_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--trace", "7"]) == 0
    assert "out RunFinished" in capsys.readouterr().out
    assert main(["--scenario", "7"]) == 0
    assert "out run.finished" in capsys.readouterr().out
