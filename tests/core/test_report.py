"""What holds for the report of any run: its times fit together, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from gangsaw.core import events as ev
from gangsaw.core.events_agents import AgentAdded, AgentRemoved, AgentScaled
from gangsaw.core.learning import Learned
from gangsaw.core.model import AgentSlots, Limits, Plan, Task
from gangsaw.core.policy.admission import HoldKind
from gangsaw.core.report import RunReport, report_of
from gangsaw.core.report.critical import FIRST
from gangsaw.core.report.machine_values import AttemptPeak, Footprint, Machine
from gangsaw.core.report.values import Doing, Link
from gangsaw.core.report.waits import OF_LIVE
from gangsaw.engine.what_if import foresee
from gangsaw.testing.simulation import Schedule
from gangsaw.views.report.machine import machine_sections
from gangsaw.views.report.words import REASONS

SEEDS = range(9_000, 9_060)


def simulated(seed: int) -> RunReport:
    schedule = Schedule(seed)
    schedule.run()
    return report_of(schedule.log)


@pytest.fixture(scope="module")
def reports() -> list[RunReport]:
    return [simulated(seed) for seed in SEEDS]


def is_chain(chain: tuple[Link, ...]) -> bool:
    """Whether the links leave no gap and do not overlap, from the beginning on."""
    ordered = all(link.since_s < link.until_s for link in chain)
    return ordered and all(a.until_s == b.since_s for a, b in pairwise(chain))


def test_the_critical_chain_has_no_gap(reports: list[RunReport]) -> None:
    chains = [report.chain for report in reports if report.chain]
    assert len(chains) > len(SEEDS) / 2
    assert all(is_chain(chain) and chain[0].since_s == 0.0 for chain in chains)
    assert any(link.freed for chain in chains for link in chain)
    assert {link.doing for chain in chains for link in chain} >= set(Doing) - {Doing.REVIEW}


def test_a_gap_is_noticed() -> None:
    link = Link("a", "a.1", Doing.WORK, "", 0.0, 1.0)
    assert is_chain((link, Link("a", "a.1", Doing.CHECK, "", 1.0, 2.0)))
    assert not is_chain((link, Link("a", "a.1", Doing.CHECK, "", 1.5, 2.0)))


def test_no_slot_is_taken_twice_and_no_attempt_is_at_two_things(reports: list[RunReport]) -> None:
    shared = 0
    for report in reports:
        if report.totals.clock_jumps:
            continue  # then moments are no order
        slots: dict[int, list[tuple[float, float]]] = {}
        for line in report.timeline:
            assert all(a.until_s <= b.since_s for a, b in pairwise(line.stretches))
            for each in line.stretches:
                if each.slot is not None:
                    slots.setdefault(each.slot, []).append((each.since_s, each.until_s))
        for taken in slots.values():
            shared += len(taken) > 1
            assert all(a[1] <= b[0] for a, b in pairwise(sorted(taken)))
    assert shared


def test_the_parts_are_the_whole(reports: list[RunReport]) -> None:
    for report in reports:
        totals = report.totals
        assert sum(agent.turns for agent in report.agents) == totals.turns
        assert sum(task.attempts for task in report.tasks) == totals.attempts
        worked = sum(task.times.work_s + task.times.review_s for task in report.tasks)
        assert worked == pytest.approx(totals.busy_s)
        assert sum(slot.held_s for slot in report.slots) == pytest.approx(totals.held_s)
        tokens = sum(task.money.tokens for task in report.tasks)
        assert tokens == report.spent.money.tokens == sum(a.money.tokens for a in report.agents)


def test_a_run_that_goes_on_is_measured_up_to_now() -> None:
    """Work that has begun counts, and so does a wait that is not over."""
    schedule = Schedule(9_003)
    schedule.run()
    started = next(n for n, (_, event) in enumerate(schedule.log) if event.kind == "turn.started")
    log = schedule.log[: started + 1]
    at = log[-1][0]
    before, after = report_of(log), report_of(log, at + 100.0)
    assert before.as_of == at
    assert before.ended_at is None
    assert after.totals.times.work_s == pytest.approx(before.totals.times.work_s + 100.0)


def test_a_log_without_a_run_has_no_report() -> None:
    with pytest.raises(ValueError, match="no run"):
        report_of([])


def test_the_slots_of_an_agent_are_counted_as_it_was_scaled() -> None:
    limits = Limits(max_agents=4, agents=(AgentSlots("one", 3),), default_agent="one")
    plan = Plan("a goal", (Task("a", "Task a", "Do a."),))
    begun = ev.AttemptAdmitted("a.1", "a", 1, "c0", "one", None, "b")
    log: list[tuple[float, ev.Event]] = [
        (0.0, ev.RunStarted("r1", plan, limits, "main", "i", "c0")),
        (0.0, ev.IntegrationReady("c0")),
        (10.0, begun),
        (20.0, AgentScaled("one", 1, "me")),
        (50.0, AgentRemoved("one", "me")),
        (60.0, AgentAdded(AgentSlots("one", 2), "me")),
        (70.0, AgentScaled("one", None, "me")),
        (100.0, ev.EngineStopped("stopped")),
    ]
    (one,) = (each for each in report_of(log).agents if each.agent == "one")
    assert one.slots_s == 3 * 20 + 1 * 30 + 0 * 10 + 1 * 10 + 2 * 30


def test_every_hold_has_words_in_reports() -> None:
    assert {kind.value for kind in HoldKind} <= REASONS.keys()
    assert {*OF_LIVE, FIRST} <= REASONS.keys()


@pytest.mark.parametrize(("batched", "alone"), [(True, False), (False, True)])
def test_the_chain_goes_on_before_a_wave_and_a_task_that_runs_alone(
    batched: bool, alone: bool
) -> None:
    tasks = tuple(
        Task(name, name, "do it", alone=alone and name == "last") for name in ("a", "b", "last")
    )
    limits = Limits(max_agents=2, batched=batched)
    found = foresee(Plan("", tasks), limits, (), Learned(), [2 if batched else 3]).outcomes[0]
    assert len({link.task for link in found.chain}) == 2
    assert {link.doing for link in found.chain if link.since_s > 0} == {Doing.WORK}


def test_a_report_without_peaks_says_since_when_they_are_kept(reports: list[RunReport]) -> None:
    machine = Machine(1.0, 20.0, "a.1", 0, 0.0, 0, None, None, (AttemptPeak("a.1", "one", 30),),
                      (Footprint("one", 1, 30.0, 30),), ())  # fmt: skip
    whole, attempts = machine_sections(replace(reports[0], machine=machine))
    assert "from 10 s after the run began, while an agent is at work" in whole.lines[0]
    assert attempts.rows == (("a.1", "one", "30 MB"),), "what the governor noted is there"
