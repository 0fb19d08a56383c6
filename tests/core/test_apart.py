"""Tasks that run alone: nothing beside them, whose turn it is, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gangsaw.core import actions as ac
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.conditions import Condition
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.learning import Learned
from gangsaw.core.model import Limits, Plan, Task, TurnKind
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.work import turn
from gangsaw.engine.imagined import imagine
from gangsaw.engine.what_if import foresee


def task(name: str, seconds: float = 10.0, **more: Any) -> Task:
    return Task(name, name, "", estimate_s=seconds, **more)


def starts(plan: Plan, agents: int = 4) -> list[tuple[float, str]]:
    """When each task starts in an imagined run where turns take what the plan says."""

    def lasts(state: State, action: ac.Action) -> float:
        if isinstance(action, ac.RunTurn):
            return state.tasks[state.attempts[action.about].task].estimate_s or 0.0
        return 1.0 if isinstance(action, ac.MoveIntegration) else 0.0

    turns = imagine(plan, Limits(max_agents=agents), (), "base", lasts)
    return [
        (turned.at, event.task)
        for turned in turns
        for event in turned.events
        if isinstance(event, ev.AttemptAdmitted)
    ]


def test_it_starts_when_all_others_have_landed_and_nothing_starts_until_it_has() -> None:
    plan = Plan(
        "",
        (task("a", 30.0), task("b", 20.0), task("x", 5.0, alone=True, priority=1), task("c", 4.0)),
    )
    # Of the best rank: it starts first, and the others with its landing.
    assert starts(plan) == [(0.0, "x"), (6.0, "a"), (6.0, "b"), (6.0, "c")]
    later = Plan("", (task("a", 30.0), task("x", 25.0, alone=True), task("b", 20.0)))
    # a goes before it; b does not, and waits although a slot is free.
    assert starts(later) == [(0.0, "a"), (31.0, "x"), (57.0, "b")]


def test_what_goes_before_it_may_overtake_it_and_nothing_else() -> None:
    plan = Plan(
        "",
        (
            task("a", 30.0),
            task("x", 25.0, alone=True),
            task("child", 40.0, needs=("short",)),
            task("short", 3.0),
            task("late", 2.0),
        ),
    )
    # short has the longest chain with its child, which is ready while x waits for a.
    assert starts(plan) == [
        (0.0, "short"), (0.0, "a"), (4.0, "child"), (45.0, "x"), (71.0, "late")
    ]  # fmt: skip


def test_two_that_run_alone_run_one_after_the_other() -> None:
    plan = Plan("", (task("x", 5.0, alone=True), task("y", 9.0, alone=True), task("a", 7.0)))
    assert starts(plan) == [(0.0, "y"), (10.0, "a"), (18.0, "x")]


def test_one_that_cannot_start_yet_holds_nobody_up() -> None:
    plan = Plan("", (task("a"), task("b", 5.0), task("x", 50.0, alone=True, needs=("a",))))
    assert starts(plan) == [(0.0, "a"), (0.0, "b"), (11.0, "x")]


def test_a_simulation_counts_what_running_alone_costs() -> None:
    tasks = [task(f"t{n}") for n in range(4)]
    beside, alone = Plan("", tuple(tasks)), Plan("", (*tasks[:3], task("t3", alone=True)))
    found = [foresee(plan, Limits(), (), Learned(), (4,)).outcomes[0] for plan in (beside, alone)]
    assert [each.makespan_s for each in found] == [10.0, 20.0]


@pytest.fixture
def state() -> State:
    plan = Plan("", (task("a", 30.0), task("x", 25.0, alone=True), task("b", 20.0)))
    state = State()
    evolve(state, ev.RunStarted("r1", plan, Limits(), "main", "i", "base"), 0.0)
    turn(state, 1.0, [ob.IntegrationAt("base")])
    return state


def test_why_says_who_runs_alone(state: State) -> None:
    assert list(state.attempts) == ["a.1"]
    held = hold_for(state, "x", 1.0)
    assert held is not None
    assert (held.kind, held.tasks) == (HoldKind.ALONE, ("a",))
    assert view(state, "x", 1.0).reason == "runs alone, as the plan says: for a"
    assert view(state, "b", 1.0).reason == "for x, which runs alone and is next"


def test_what_rests_holds_nobody_up_and_waits_when_it_comes_back(state: State) -> None:
    """An attempt that a person took in hand is no company; what it goes on with waits."""
    for event in (
        ev.WorkspacePrepared("a.1", "/w"),
        ev.TurnWanted("a.1", 1, 1, TurnKind.WORK, None),
        ev.TurnStarted("a.1", 1, 1, ""),
        ev.TurnExited("a.1", 1, OutcomeKind.DONE, 0, None),
        ev.AttemptParked("a.1", Condition.QUOTA, "limit", 100.0),
    ):
        evolve(state, event, 2.0)
    events, _ = turn(state, 3.0, [])
    assert [json.dumps(event.subject) for event in events if event.kind == "attempt.admitted"] == [
        '"x.1"'
    ]
    assert view(state, "b", 3.0).reason == "for x, which runs alone"
    events, _ = turn(state, 200.0, [])
    assert events == []
    assert "x runs alone, as the plan says" in view(state, "a", 200.0).reason
