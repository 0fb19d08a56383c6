"""How tasks stand in the file that their plan came from: what is wanted of it, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events_sources import StandingRefused, StandingWritten
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, Task
from gangsaw.core.record import record
from gangsaw.core.standing import (
    REFUSED_MAX,
    Entry,
    Standing,
    TaskFile,
    due,
    is_owed,
    next_moment,
    note,
    standing_of,
)
from gangsaw.core.state import State, TaskState

NOW = 1_000.0


@pytest.fixture
def begun() -> State:
    """A run of two tasks from a task file; `b` was in progress there."""
    tasks = tuple(Task(name, name, "do it") for name in ("a", "b"))
    entries = (Entry("a", "T001"), Entry("b", "T002", standing=Standing.RUNNING))
    started = ev.RunStarted(
        "r1", Plan("", tasks), Limits(), "main", "gangsaw/run/r1", "c0",
        task_file=TaskFile("speckit", ("/x/tasks.md",), ("tasks.md",), entries),
    )  # fmt: skip
    return evolve(State(), started, NOW)


def change(state: State, task: str, **fields: object) -> None:
    state.task_states[task] = replace(state.task_states[task], **fields)  # type: ignore[arg-type]
    note(state, task)


def test_nothing_is_written_before_anything_happens(begun: State) -> None:
    assert list(due(begun, NOW)) == []
    assert not is_owed(begun)


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        ({"attempts": 1}, (Standing.RUNNING, "")),
        ({"attempts": 1, "landed_commit": "c1"}, (Standing.DONE, "c1")),
        ({"attempts": 1, "done": True}, (Standing.DONE, "")),
        ({"attempts": 3, "given_up": "no more tries"}, (Standing.OPEN, "")),
        ({"cancelled": True}, (Standing.OPEN, "")),
        ({"attempts": 1, "undone": "c2"}, (Standing.OPEN, "")),
        ({}, (Standing.OPEN, "")),
    ],
)
def test_where_a_task_stands(
    begun: State, known: dict[str, object], standing: tuple[Standing, str]
) -> None:
    begun.task_states["a"] = replace(TaskState(unmet=0), **known)  # type: ignore[arg-type]
    assert standing_of(begun, "a") == standing


def test_what_was_written_is_not_wanted_again(begun: State) -> None:
    change(begun, "a", attempts=1)
    assert list(due(begun, NOW)) == ["a"]
    assert is_owed(begun)
    evolve(begun, StandingWritten("a", Standing.RUNNING), NOW)
    assert list(due(begun, NOW)) == []
    change(begun, "a", landed_commit="c1")
    assert list(due(begun, NOW)) == ["a"]


def test_a_refusal_is_tried_again_with_pauses_and_then_left(begun: State) -> None:
    change(begun, "a", attempts=1, landed_commit="c1")
    now, pauses = NOW, []
    for _ in range(REFUSED_MAX):
        assert list(due(begun, now)) == ["a"]
        refused = ob.StandingNotSaid("a", Standing.DONE, "c1", "read-only")
        (event,) = record(refused, begun, now)
        evolve(begun, event, now)
        moment = next_moment(begun, now)
        if moment is not None:
            assert list(due(begun, now)) == []
            pauses.append(moment - now)
            now = moment
    assert pauses == sorted(pauses)
    assert len(pauses) == REFUSED_MAX - 1
    assert list(due(begun, now + 1_000)) == []
    assert record(ob.StandingNotSaid("a", Standing.DONE, "c1", "late"), begun, now) == []


def test_another_standing_or_another_engine_is_tried_anew(begun: State) -> None:
    change(begun, "a", attempts=1)
    for _ in range(REFUSED_MAX):
        evolve(begun, StandingRefused("a", Standing.RUNNING, "", "read-only"), NOW)
    assert not is_owed(begun)
    change(begun, "a", landed_commit="c1")
    assert list(due(begun, NOW + 1_000)) == ["a"]
    for _ in range(REFUSED_MAX):
        evolve(begun, StandingRefused("a", Standing.DONE, "c1", "read-only"), NOW)
    assert list(due(begun, NOW + 1_000)) == []
    evolve(begun, ev.EngineStarted(1, "x", "boot", "group"), NOW)
    assert list(due(begun, NOW)) == ["a"]


def test_an_engine_waits_for_a_refusing_file_only_at_the_end_of_the_run(begun: State) -> None:
    change(begun, "a", attempts=1, landed_commit="c1")
    assert is_owed(begun)
    evolve(begun, StandingRefused("a", Standing.DONE, "c1", "read-only"), NOW)
    assert not is_owed(begun)
    begun.end = ev.RunEnd.LANDED
    assert is_owed(begun)


def test_an_effect_that_raises_is_a_refusal(begun: State) -> None:
    change(begun, "a", attempts=1)
    raised = ob.EffectRaised("a", "WriteStanding", "a bug")
    assert record(raised, begun, NOW) == [StandingRefused("a", Standing.RUNNING, "", "a bug")]
