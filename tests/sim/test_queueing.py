"""What the landing queue costs and whom it passes, with the real core in a made-up time."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random
from statistics import mean

import pytest

from gangsaw.core.policy import landing
from gangsaw.testing.planting import with_values
from gangsaw.testing.queueing import (
    Change,
    Gate,
    QueueRun,
    Wrong,
    arrivals,
    makespan,
    orders,
)

LONG = bool(os.environ.get("GANGSAW_LONG"))
ORDERS = 300 if LONG else 60
FLAKY_ORDERS = 1_000 if LONG else 300
ARRIVALS = 300 if LONG else 60
COUNT = 64
FLAKY = 0.03
RUNS_MOST = {0: 7, 1: 13, 2: 19, 4: 31, 8: 52}
"""Bad changes among 64 → how often the gate may run on average (source: simulated policies)."""

RUNS_MOST_NAMED = {0: 7, 1: 8, 2: 9, 4: 11, 5: 11, 8: 12}
"""The same of a gate that names its failed tests and can run only these: one red and one green run
of all of a batch, however many of it are bad."""

WRONG_MOST = 0.02
"""Good changes of 64 that may be sent back on average, where 3 of 100 runs are red for nothing."""

PASSED_MOST = 2
MAKESPAN_MOST = 1.10

Note = Callable[[str, object], None]


@pytest.mark.parametrize("bad", RUNS_MOST)
def test_runs_for_so_many_bad_changes(bad: int, record_property: Note) -> None:
    """And all that is good lands."""
    found = orders(COUNT, bad, range(ORDERS))
    runs = mean(one.runs for one in found)
    text = f"queue, {bad} bad of {COUNT}: {runs:.1f} runs of the gate (at most {RUNS_MOST[bad]})"
    record_property("figure", f"{text}, {ORDERS} orders")
    assert runs <= RUNS_MOST[bad]
    assert max(one.not_landed for one in found) == 0


@pytest.mark.parametrize("bad", RUNS_MOST_NAMED)
def test_runs_where_failed_tests_are_run_alone(bad: int, record_property: Note) -> None:
    found = orders(COUNT, bad, range(ORDERS), named=True)
    runs, parts = mean(one.runs for one in found), mean(one.parts for one in found)
    most = RUNS_MOST_NAMED[bad]
    text = f"queue, {bad} bad of {COUNT}, tests named: {runs:.1f} runs of the gate (at most {most})"
    record_property("figure", f"{text} and {parts:.1f} of some tests, {ORDERS} orders")
    assert runs <= most
    assert max(one.not_landed for one in found) == 0


@pytest.mark.parametrize("named", [False, True], ids=["gate", "tests"])
def test_a_flaky_gate_sends_next_to_nothing_back(named: bool, record_property: Note) -> None:
    found = orders(COUNT, 0, range(FLAKY_ORDERS), flaky=FLAKY, named=named)
    wrong = mean(one.not_landed for one in found)
    runs = mean(one.runs for one in found)
    what = f"runs{' of a gate that names its tests' if named else ''}"
    text = f"queue, {FLAKY:.0%} flaky {what}: {wrong:.3f} of {COUNT} wrongly sent back"
    record_property("figure", f"{text}, {runs:.1f} runs, {FLAKY_ORDERS} orders")
    assert wrong <= WRONG_MOST
    assert runs > mean(one.runs for one in orders(COUNT, 0, range(1))), "nothing was flaky"


@pytest.mark.parametrize("named", [False, True], ids=["gate", "tests"])
def test_the_oldest_is_in_one_of_the_next_two_batches(named: bool, record_property: Note) -> None:
    """Whatever comes later, however urgent."""
    found = [arrivals(seed, named=named) for seed in range(ARRIVALS)]
    passed = max(one.passed for one in found)
    batches = sum(one.batches for one in found)
    waited = max(one.waited for one in found)
    how = " of a gate that names its tests" if named else ""
    text = f"queue, {ARRIVALS} random arrivals{how}, {batches} batches: the oldest in number "
    text += f"{passed}"
    record_property("figure", f"{text} at the latest, any change in number {waited}")
    assert batches > ARRIVALS
    assert 1 <= passed <= PASSED_MOST


def test_time_of_many_tasks_beside_the_least_possible(record_property: Note) -> None:
    """200 tasks, 8 agents, a gate that takes a fifth of a task: batches keep up, single landings
    do not."""
    found, serial = makespan(200, 8, 0.2, 1), makespan(200, 8, 0.2, 1, window=1)
    text = f"queue, 200 tasks with 8 agents: {found.ratio:.2f} of the least time"
    record_property("figure", f"{text}, {found.runs} runs; one by one {serial.ratio:.2f}")
    assert found.ratio <= MAKESPAN_MOST < serial.ratio


def test_a_move_to_what_is_not_green_is_seen() -> None:
    with (
        with_values(landing, missing_checks=lambda state, tree, gate: ()),
        pytest.raises(Wrong, match="not green"),
    ):
        QueueRun([Change(bad=at == 3) for at in range(8)], Gate(), Random(0)).run()
