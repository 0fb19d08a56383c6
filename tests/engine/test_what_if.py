"""Imagined runs: what they take, against what it must be; what is learned from logs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gangsaw.core.events import AttemptAdmitted, Event, RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.expected import WORK_DEFAULT_S
from gangsaw.core.foreseen import Foreseen
from gangsaw.core.learning import SAMPLES_MAX, Learned, Source, learn
from gangsaw.core.model import AgentSlots, Check, Limits, Plan, Review, Stage, Task, TurnKind
from gangsaw.core.observations import IntegrationAt
from gangsaw.core.state import State
from gangsaw.core.work import turn
from gangsaw.engine.dry import rehearse
from gangsaw.engine.imagined import imagine
from gangsaw.engine.what_if import foresee
from gangsaw.testing.workstreams import durations, graph, list_schedule_s

NONE = Learned()
CHECK = Check("unit", ("unit",), estimate_s=4.0)


def plan_of(*tasks: Task) -> Plan:
    return Plan("", tasks)


def task(name: str, seconds: float | None = 10.0, **more: Any) -> Task:
    return Task(name, name, "", estimate_s=seconds, **more)


def takes(plan: Plan, *counts: int, gate: tuple[Check, ...] = ()) -> list[float]:
    found = foresee(plan, Limits(window=1), gate, NONE, counts)
    return [each.makespan_s for each in found.outcomes]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Up to nine tasks with needs, some of them in tracks or with scopes, for two agents."""
    count = draw(st.integers(1, 9))
    tasks = []
    for n in range(count):
        needs = draw(st.sets(st.integers(0, n - 1), max_size=2)) if n else set[int]()
        tasks.append(
            Task(
                f"t{n}", f"t{n}", "", tuple(f"t{each}" for each in sorted(needs)),
                track=draw(st.sampled_from([None, None, "one"])),
                scope=draw(st.sampled_from([(), (), ("src/",), ("src/a.txt",)])),
                priority=draw(st.sampled_from([0, 0, 5])),
                agent=draw(st.sampled_from([None, "other"])),
                estimate_s=float(draw(st.integers(1, 30))),
            )
        )  # fmt: skip
    return plan_of(*tasks)


def limits_of(agents: int, others: int | None = None) -> Limits:
    slots = (AgentSlots("one"), AgentSlots("other", slots=others))
    return Limits(max_agents=agents, agents=slots, default_agent="one")


@given(plans(), st.integers(1, 4), st.sampled_from([None, 1]))
@settings(max_examples=60)
def test_a_dry_run_begins_as_the_core_does(plan: Plan, agents: int, others: int | None) -> None:
    limits = limits_of(agents, others)
    state = State()
    evolve(state, RunStarted("r1", plan, limits, "main", "i", "base"), 0.0)
    events, _ = turn(state, 1.0, [IntegrationAt("base")])
    first = [(e.task, e.agent) for e in events if isinstance(e, AttemptAdmitted)]
    steps = rehearse(plan, limits, ()).steps
    assert [(start.task, start.agent) for start in steps[0].starts] == first
    assert sorted(name for step in steps for name in step.started) == sorted(
        each.id for each in plan.tasks
    )


def test_a_dry_run_and_a_what_if_know_what_is_spent_when() -> None:
    plan = plan_of(task("a"), task("b"), task("c"), task("d"))
    bounded = replace(limits_of(1), budget_usd=2.0)
    learned = Learned(costs_usd={("one", ""): [0.9]})
    found = rehearse(plan, bounded, (), learned=learned)
    # A third one is let begin with what is left, and spends more: nobody can know before.
    names = [name for step in found.steps for name in step.started]
    assert names == ["a", "b"]
    never = dict(found.never)
    assert list(never) == ["c", "d"]
    assert "the budget has no room for it" in never["c"]
    assert rehearse(plan, limits_of(1), (), learned=learned).never == ()
    (outcome,) = foresee(plan, bounded, (), learned, (1,)).outcomes
    assert outcome.landed == 2


@given(plans(), st.integers(1, 4))
@settings(max_examples=60)
def test_no_run_is_shorter_than_it_can_be(plan: Plan, agents: int) -> None:
    found = foresee(plan, limits_of(agents), (), NONE, (1, agents))
    alone, together = found.outcomes
    assert alone.landed == together.landed == len(plan.tasks)
    total_s = sum(each.estimate_s or 0.0 for each in plan.tasks)
    assert alone.makespan_s == pytest.approx(total_s)
    assert together.least_s <= together.makespan_s + 1e-9
    if all(each.track is None and not each.scope for each in plan.tasks):
        # A slot is never idle while a task is ready.
        assert together.makespan_s <= (2 - 1 / agents) * together.least_s + 1e-6


def test_slots_tracks_and_landings_cost_their_time() -> None:
    four = plan_of(*(task(f"t{n}") for n in range(4)))
    assert takes(four, 1, 2, 3, 4, 9) == [40.0, 20.0, 20.0, 10.0, 10.0]
    assert takes(plan_of(task("a", track="x"), task("b", track="x")), 2) == [20.0]
    assert takes(plan_of(task("a", scope=("s/",)), task("b", scope=("s/b",))), 2) == [20.0]
    chain = plan_of(task("a"), task("b", needs=("a",)))
    # The check of the work holds for its landing too, where nothing landed meanwhile.
    assert takes(chain, 5, gate=(CHECK,))[0] >= 28.0


def test_reviews_tests_first_and_people_are_gone_through() -> None:
    every = task("a", stages=(Stage.TEST, Stage.WORK, Stage.REVIEW), reviewer="other")
    person = task("b", review=Review.PERSON, needs=("a",))
    found = foresee(plan_of(every, person), limits_of(2), (CHECK,), NONE, (2,))
    (outcome,) = found.outcomes
    assert outcome.landed == 2
    assert 140.0 <= outcome.makespan_s <= 200.0  # 10 + a review of 120 + 10, and checks


def test_39_workstreams_come_near_list_scheduling() -> None:
    needs = graph()
    weight = durations(list(needs), 39, 600.0)
    plan = plan_of(*(task(name, weight[name], needs=tuple(needs[name])) for name in needs))
    found = foresee(plan, Limits(), (), NONE, (1, 3, 6, 12))
    for each in found.outcomes:
        bound_s = list_schedule_s(needs, weight, each.agents)
        assert each.least_s * 0.999 <= each.makespan_s <= 1.15 * bound_s
    assert found.outcomes[0].speedup == pytest.approx(1.0, rel=0.01)
    assert found.suggested in (6, 12)
    assert all(link.task in needs for each in found.outcomes for link in each.chain)


def test_the_same_question_has_the_same_answer() -> None:
    needs = graph()
    plan = plan_of(*(task(name, 5.0, needs=tuple(needs[name])) for name in needs))
    assert foresee(plan, Limits(), (), NONE, (3,)) == foresee(plan, Limits(), (), NONE, (3,))


def log_of(plan: Plan, limits: Limits, seconds: float) -> list[tuple[float, Event]]:
    """The log of an imagined run in which every turn takes so long."""

    def lasts(state: State, action: object) -> float:
        return seconds if type(action).__name__ == "RunTurn" else 1.0

    turns = imagine(plan, limits, (Check("unit", ("unit",)),), "base", lasts, 2.0)
    return [(turn.at, event) for turn in turns for event in turn.events]


def test_what_is_learned_is_what_took_place() -> None:
    plan = plan_of(task("a", stages=(Stage.WORK, Stage.REVIEW), reviewer="other"), task("b"))
    learned = learn([log_of(plan, limits_of(1), 30.0), log_of(plan, limits_of(1), 50.0)])
    assert learned.landed == 4
    known = learned.turn_s("one", None, TurnKind.WORK)
    assert known is not None
    assert (known.value, known.source, known.samples) == (40.0, Source.LEARNED, 4)
    assert learned.turn_s("other", None, TurnKind.REVIEW) is not None
    other = learned.turn_s("one", "a-model", TurnKind.WORK)
    assert other is not None
    assert other.source is Source.OTHER_MODEL
    unknown = learned.turn_s("nobody", None, TurnKind.WORK)
    assert unknown is not None
    assert unknown.source is Source.OTHER_AGENT
    assert learned.check_s("unit") is not None
    assert set(learned.start_s) == {2.0}
    assert set(learned.seal_s) == {1.0}
    assert learned.cost_usd("one", None) is None


def test_learning_keeps_the_latest() -> None:
    plan = plan_of(*(task(f"t{n}") for n in range(SAMPLES_MAX)))
    old, new = (log_of(plan, limits_of(4), seconds) for seconds in (5.0, 7.0))
    known = learn([old, new]).turn_s("one", None, TurnKind.WORK)
    assert known is not None
    assert (known.value, known.samples) == (7.0, SAMPLES_MAX)


def test_the_plan_goes_before_what_was_learned_and_that_before_the_default() -> None:
    learned = learn([log_of(plan_of(task("a")), limits_of(1), 30.0)])
    plan = plan_of(task("said", 12.0), task("learned", None))

    def seconds(found: Foreseen) -> list[tuple[float, Source]]:
        return [(each.seconds.value, each.seconds.source) for each in found.tasks]

    assert seconds(foresee(plan, limits_of(1), (), learned, (1,))) == [
        (12.0, Source.PLAN), (30.0, Source.LEARNED),
    ]  # fmt: skip
    assert seconds(foresee(plan, limits_of(1), (), NONE, (1,)))[1] == (
        WORK_DEFAULT_S, Source.DEFAULT,
    )  # fmt: skip


def test_an_estimate_decides_the_order() -> None:
    """The longest goes first; without estimates, the first of the plan."""
    with_it = plan_of(task("a", 1.0), task("b", 900.0))
    without = plan_of(*(replace(each, estimate_s=None) for each in with_it.tasks))
    limits = limits_of(1)
    assert [step.started for step in rehearse(with_it, limits, ()).steps] == [("b",), ("a",)]
    assert [step.started for step in rehearse(without, limits, ()).steps] == [("a",), ("b",)]
    assert math.isclose(takes(with_it, 1)[0], 901.0)
