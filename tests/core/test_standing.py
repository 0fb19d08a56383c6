"""How tasks stand in the file that their plan came from: what is wanted of it, and how often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events_sources import StandingRefused, StandingWritten
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, Task
from gangsaw.core.phases import ENDED, Phase
from gangsaw.core.record import record
from gangsaw.core.standing import (
    REFUSED_MAX,
    Entry,
    Standing,
    TaskFile,
    due,
    file_of,
    is_owed,
    next_moment,
    note,
    phase_of,
    standing_of,
    was,
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


# --- how far a task at work is -----------------------------------------------------------------


@pytest.fixture
def phased(begun: State) -> State:
    """The same with a file that has words for it; `a` has an attempt."""
    assert begun.task_file is not None
    begun.task_file = replace(begun.task_file, phased=True)
    admitted = ev.AttemptAdmitted("a.1", "a", 1, "c0", "sh", None, "gangsaw/a.1")
    return evolve(begun, admitted, NOW)


FAR = {
    Phase.PREPARING: "spawned", Phase.READY: "spawned", Phase.STARTING: "spawned",
    Phase.RUNNING: "working", Phase.STOPPING: "working", Phase.EXITED: "working",
    Phase.INSPECTING: "working", Phase.RETURNED: "working", Phase.PARKED: "working",
    Phase.VERIFYING: "committed", Phase.VERIFIED: "committed", Phase.REVIEWING: "committed",
    Phase.QUEUED: "committed", Phase.LANDING: "committed",
}  # fmt: skip


@pytest.mark.parametrize("phase", sorted(set(Phase) - ENDED))
def test_how_far_a_task_is(phased: State, phase: Phase) -> None:
    phased.attempts["a.1"] = replace(phased.attempts["a.1"], phase=phase)
    assert phase_of(phased, "a") == FAR[phase]


def test_a_further_turn_is_no_beginning(phased: State) -> None:
    again = replace(phased.attempts["a.1"], phase=Phase.STARTING, ran=1)
    phased.attempts["a.1"] = again
    assert phase_of(phased, "a") == "working"


def test_a_file_without_words_for_it_is_not_told_how_far_a_task_is(phased: State) -> None:
    assert phased.task_file is not None
    phased.task_file = replace(phased.task_file, phased=False)
    assert phase_of(phased, "a") == ""


def test_every_step_is_written_once(phased: State) -> None:
    assert list(due(phased, NOW)) == ["a"]  # and nothing of b, which is in progress there anyway
    said = ob.StandingSaid("a", Standing.RUNNING, phase="spawned")
    (event,) = record(said, phased, NOW)
    evolve(phased, event, NOW)
    assert list(due(phased, NOW)) == []
    phased.attempts["a.1"] = replace(phased.attempts["a.1"], phase=Phase.RUNNING)
    note(phased, "a")
    assert list(due(phased, NOW)) == ["a"]


def test_a_claim_of_somebody_else_is_not_taken_for_ours_later(phased: State) -> None:
    """The file says `running`, as we do: but it was not us who wrote that."""
    evolve(phased, StandingWritten("a", Standing.RUNNING, kept="running", phase="spawned"), NOW)
    assert was(phased, "a") is Standing.OPEN
    evolve(phased, StandingWritten("a", Standing.RUNNING, phase="working"), NOW)
    assert was(phased, "a") is Standing.RUNNING


@pytest.mark.parametrize(
    ("fields", "file"),
    [
        ({"place": "specs/a/tasks.md"}, "specs/a/tasks.md"),
        ({"place": ""}, ""),
        ({"place": "a\nGangsaw-Task: b"}, ""),
        ({"place": " a.md"}, ""),
        ({"place": "work", "folder": "/x/work", "paths": ("/x/work/ws/1.json",)}, "work/ws/1.json"),
        ({"place": ".", "folder": "/x/", "paths": ("/x/plan.md",)}, "plan.md"),
        ({"place": "work", "folder": "/x/work", "paths": ("/elsewhere/1.json",)}, ""),
    ],
)
def test_a_landing_names_the_file_of_its_task(
    begun: State, fields: dict[str, object], file: str
) -> None:
    assert begun.task_file is not None
    begun.task_file = replace(begun.task_file, **fields)  # type: ignore[arg-type]
    assert file_of(begun, "a") == file
    assert file_of(begun, "elsewhere") == ""
