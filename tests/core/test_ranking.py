"""Ranks: by what the plan says, by what earlier runs have taught, and by what the run itself
has."""

from __future__ import annotations

from typing import Any

import pytest

from gangsaw.core import events as ev
from gangsaw.core.durations import CheckTimes, Durations, TurnTimes
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.learning import SAMPLES_MAX, WRITTEN_MAX, Learned, learned_from
from gangsaw.core.model import Check, Limits, Plan, Stage, Task, TurnKind, When, Workspace
from gangsaw.core.ranking import DIFFERS_BY
from gangsaw.core.state import State
from gangsaw.testing.golden import digest

WORK = TurnKind.WORK
TAUGHT = Durations(
    (
        TurnTimes("slow", "", WORK, (900.0, 1000.0, 1100.0)),
        TurnTimes("fast", "", WORK, (50.0,)),
        TurnTimes("fast", "big", WORK, (70.0,)),
        TurnTimes("fast", "", TurnKind.TEST, (500.0,)),
        TurnTimes("fast", "", TurnKind.REVIEW, (40.0,)),
    ),
    (CheckTimes("unit", (30.0,)),),
)
UNIT = Check("unit", ("sh", "-c", "unit"))


def task(name: str, **more: Any) -> Task:
    return Task(name, name, "", **more)


def begun(*tasks: Task, durations: Durations = TAUGHT, gate: tuple[Check, ...] = ()) -> State:
    state = State()
    limits = Limits(max_agents=1, default_agent="fast")
    started = ev.RunStarted("r1", Plan("", tasks), limits, "main", "i", "base", gate)
    evolve(state, ev.RunStarted(**{**_fields(started), "durations": durations}), 0.0)
    return state


def _fields(event: ev.RunStarted) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}


def order(state: State) -> list[str]:
    return sorted(state.rank, key=state.rank.__getitem__)


def weights(state: State) -> dict[str, float]:
    return {name: ms / 1000 for name, ms in state.pace.weights_ms.items()}


def test_the_plan_says_it_first_then_earlier_runs_then_a_default() -> None:
    state = begun(
        task("said", estimate_s=7.0, agent="slow"),
        task("slow", agent="slow"),
        task("fast"),
        task("model", model="big"),
        task("other_model", model="new"),
        task("stranger", agent="new"),
    )
    assert weights(state) == {
        "said": 7.0, "slow": 1000.0, "fast": 50.0, "model": 70.0, "other_model": 60.0,
        "stranger": 900.0,
    }  # fmt: skip
    assert order(state) == ["slow", "stranger", "model", "other_model", "fast", "said"]
    unknown = begun(task("a"), task("b"), durations=Durations())
    assert weights(unknown) == {"a": 600.0, "b": 600.0}
    assert order(unknown) == ["a", "b"]


def test_checks_reviews_and_tests_count() -> None:
    late = Check("late", ("late",), when=When.AFTER, estimate_s=100.0)
    at_work = Check("work", ("work",), when=When.WORK, estimate_s=3.0)
    at_landing = Check("land", ("land",), when=When.LANDING, estimate_s=5.0)
    state = begun(
        task("plain"),
        task("checked", checks=(UNIT, at_work, at_landing, late)),
        task("folder", checks=(at_work, at_landing), workspace=Workspace.NONE),
        task("tdd", stages=(Stage.TEST, Stage.WORK)),
        task("reviewed", stages=(Stage.WORK, Stage.REVIEW)),
        gate=(UNIT,),
    )
    # The same check twice is one; what is checked twice takes twice as long.
    assert weights(state) == {
        "plain": 110.0, "checked": 118.0, "folder": 83.0, "tdd": 610.0, "reviewed": 150.0
    }  # fmt: skip


def test_the_longest_chain_in_time_goes_first_after_priority() -> None:
    state = begun(
        task("three", estimate_s=1.0),
        task("long", estimate_s=100.0),
        task("two", estimate_s=1.0, needs=("three",)),
        task("one", estimate_s=1.0, needs=("two",)),
        task("urgent", estimate_s=0.5, priority=1),
    )
    assert order(state) == ["urgent", "long", "three", "two", "one"]
    assert [name for _, name in state.ready] == ["urgent", "long", "three"]


def _lives(state: State, name: str, agent: str, began: float, seconds: float) -> list[ev.Event]:
    """One attempt from its start to its end; the events, which the state has."""
    about = f"{name}.1"
    events: list[tuple[float, ev.Event]] = [
        (began, ev.AttemptAdmitted(about, name, 1, "base", agent, None, "b")),
        (began, ev.TurnWanted(about, 1, 1, WORK, None)),
        (began, ev.TurnStarted(about, 1, 1, "")),
        (began + seconds, ev.TurnExited(about, 1, OutcomeKind.DONE, 0, None)),
        (began + seconds, ev.VerifyWanted(about)),
        (began + seconds, ev.VerdictReached(about, "", ev.Judgement.PASSED)),
        (began + seconds, ev.TaskDone(about, name)),
    ]
    for at, event in events:
        evolve(state, event, at)
    return [event for _, event in events]


def test_a_run_learns_from_itself_and_looks_again_when_it_has_doubled() -> None:
    kind: dict[str, Any] = {"workspace": Workspace.NONE}
    tasks = [task(f"t{n}", **kind) for n in range(6)]
    state = begun(*tasks, task("slow", agent="slow", **kind), task("said", estimate_s=70.0))
    assert order(state)[:2] == ["slow", "said"]
    _lives(state, "t0", "fast", 10.0, 200.0)
    # 50 and 200: by the first that landed an agent needs 125 s.
    assert weights(state)["t1"] == 125.0
    assert (order(state)[0], order(state)[-1]) == ("slow", "said")
    assert [name for _, name in state.ready] == [name for name in order(state) if name != "t0"]
    _lives(state, "t1", "fast", 300.0, 200.0)
    assert weights(state)["t2"] == 200.0
    _lives(state, "t2", "fast", 600.0, 9000.0)
    assert weights(state)["t3"] == 200.0  # not looked at before there are four
    _lives(state, "t3", "fast", 10000.0, 9000.0)
    assert weights(state)["t4"] == 200.0  # the median of 50, 200, 200, 9000, 9000
    assert state.pace.taught == 4


def test_small_differences_leave_the_ranks_alone() -> None:
    state = begun(task("a", workspace=Workspace.NONE), task("b"))
    before = dict(state.rank)
    _lives(state, "a", "fast", 0.0, 50.0 * (1 + DIFFERS_BY))
    assert (state.rank, weights(state)["b"]) == (before, 50.0)


def test_who_folds_the_log_again_ranks_the_same() -> None:
    tasks = [task(f"t{n}", workspace=Workspace.NONE, agent="fast") for n in range(3)]
    one, other = begun(*tasks), begun(*tasks)
    at = 0.0
    for each in tasks:
        _lives(one, each.id, "fast", at, 77.0)
        _lives(other, each.id, "fast", at, 77.0)
        at += 100.0
    assert digest(one) == digest(other)
    assert one.pace.pupil.attempts == {}


def test_what_is_written_down_is_the_latest_and_enough_to_learn_on() -> None:
    learned = Learned(turns_s={("a", "", WORK): [float(n) for n in range(SAMPLES_MAX)]})
    written = learned.written_down()
    (turns,) = written.turns
    assert turns.seconds == tuple(float(n) for n in range(SAMPLES_MAX - WRITTEN_MAX, SAMPLES_MAX))
    again = learned_from(written).turn_s("a", None, WORK)
    assert again is not None
    assert again.value == pytest.approx(42.0)
