"""A failing seed becomes a scenario file: red with the fault in the core, green without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.core.state import IllegalEvent
from gangsaw.testing.mutants import MUTANTS, find, planted
from gangsaw.testing.regression import failure_of, shortest
from gangsaw.testing.scenario import Mismatch, Player
from gangsaw.testing.sim import main

QUICK = [
    "a dependant starts when what it needs is only queued",
    "overlapping scopes are not seen",
    "why forgets the track",
    "the attempt fails before its agent has ended",
    "the next turn is launched while the last one still runs",
    "cost of a launch is added at each report",
    "a missed compare-and-swap is taken for a landing",
    "an unchecked commit is delivered",
    "a request told twice is done twice",
    "the wrong change is sent back",
    "an event loses a field in the log",
]
"""One for each way in which a file can say what is wrong."""


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.guarantee("G17")
def test_a_failing_seed_becomes_a_scenario(name: str, tmp_path: Path) -> None:
    file = tmp_path / "found.txt"
    mutant = MUTANTS[name]
    found = find(mutant)
    assert found is not None
    seed = found.schedules - 1
    with planted(mutant):
        assert main(["--scenario", str(seed), "--to", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert text.startswith(f"# Seed {seed}, ")

    with planted(mutant), pytest.raises((Mismatch, IllegalEvent)):
        Player().play(text)
    Player().play(text)


def test_what_is_not_needed_is_left_out() -> None:
    mutant = MUTANTS["pressure does not hold admission"]
    found = find(mutant)
    assert found is not None
    with planted(mutant):
        failure = failure_of(found.schedules - 1, None)
        assert failure is not None
        short = shortest(failure)
    assert short.place == failure.place
    assert short.length < failure.length
    tasks, turns = short.length
    assert tasks <= 3
    assert turns < failure.length[1]


def test_a_seed_that_passes_has_no_failure() -> None:
    assert failure_of(7, None) is None
