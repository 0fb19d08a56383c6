"""What a changed task file means for a run that goes on: as a table of versions and outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.decide import decide
from gangsaw.core.edits import Mark, Record
from gangsaw.core.events_watching import EditTaken, SourceRefused, SourceTaken
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, Task, Workspace
from gangsaw.core.phases import Phase
from gangsaw.core.record import record
from gangsaw.core.standing import Entry, Standing, TaskFile, due
from gangsaw.core.state import State
from gangsaw.core.status import Status, view
from gangsaw.views.live import summary
from gangsaw.views.watched import taken_text

NOW = 1_000.0
A, B = Task("a", "a", "do a"), Task("b", "b", "do b", needs=("a",))


@pytest.fixture
def watched() -> State:
    """A run of two tasks of a watched file."""
    entries = tuple(Entry(task.id, f"key {task.id}") for task in (A, B))
    started = ev.RunStarted(
        "r1", Plan("", (A, B)), Limits(), "main", "gangsaw/run/r1", "c0",
        task_file=TaskFile("speckit", ("/t.md",), ("t.md",), entries, watched=True),
    )  # fmt: skip
    state = evolve(State(), started, NOW)
    return evolve(state, ev.IntegrationReady("c0"), NOW)


def version(state: State, *tasks: Task, **standings: Standing) -> ob.SourceSeen:
    """A reading of these tasks; those that are called dropped or on hold are none."""
    gone = (Standing.DROPPED, Standing.LATER)
    records = []
    for task in tasks:
        said = standings.get(task.id, Standing.OPEN)
        entry = Entry(task.id, f"key {task.id}", standing=said)
        records.append(Record(entry, None if said in gone else task))
    return ob.SourceSeen(state.source.changes, tuple(records))


def take(state: State, seen: ob.SourceSeen | ob.SourceUnread) -> list[ev.Event]:
    facts = record(seen, state, NOW)
    for fact in facts:
        evolve(state, fact, NOW)
    return facts


def begin(state: State, task: str) -> None:
    admitted = ev.AttemptAdmitted(f"{task}.1", task, 1, "c0", "one", None, f"gangsaw/{task}.1")
    evolve(state, admitted, NOW)


def fail(state: State, task: str) -> None:
    failed = ev.AttemptFailed(f"{task}.1", ev.Cause.CRASHED, "it fell over", False, 0.0)
    evolve(state, failed, NOW)


def test_the_same_version_is_no_news(watched: State) -> None:
    assert take(watched, version(watched, A, B)) == []


def test_a_version_is_taken_once(watched: State) -> None:
    seen = version(watched, A, B, Task("c", "c", "do c", needs=("b",)))
    assert len(take(watched, seen)) == 1
    assert take(watched, seen) == []
    assert take(watched, replace(seen, change=watched.source.changes)) == []
    assert view(watched, "c", NOW).reason == "for b"


def test_an_older_reading_gives_nothing(watched: State) -> None:
    older = version(watched, replace(A, prompt="an older text"), B)
    take(watched, version(watched, replace(A, prompt="a newer text"), B))
    assert take(watched, older) == []
    assert watched.tasks["a"].prompt == "a newer text"


def test_two_tasks_change_their_order_in_one_version(watched: State) -> None:
    take(watched, version(watched, replace(A, needs=("b",)), replace(B, needs=())))
    assert [name for _, name in watched.ready] == ["b"]
    assert watched.dependants == {"a": (), "b": ("a",)}


def test_an_edit_of_a_task_that_is_worked_on_waits(watched: State) -> None:
    begin(watched, "a")
    other = replace(A, prompt="do it otherwise")
    take(watched, version(watched, other, B))
    assert watched.tasks["a"] == A
    assert "edited in its file" in view(watched, "a", NOW).reason
    fail(watched, "a")
    evolve(watched, EditTaken("a"), NOW)
    assert watched.tasks["a"] == other
    assert watched.source.later == {}


def test_an_edit_that_is_taken_back_leaves_nothing(watched: State) -> None:
    begin(watched, "a")
    take(watched, version(watched, replace(A, prompt="do it otherwise"), B))
    take(watched, version(watched, A, B))
    assert watched.source.later == {}


@pytest.mark.parametrize(
    ("standing", "status", "b_is_ready"),
    [
        (Standing.DONE, Status.DONE, True),
        (Standing.DROPPED, Status.CANCELLED, False),
        (Standing.LATER, Status.CANCELLED, False),
    ],
)
def test_a_task_is_closed_by_its_file(
    watched: State, standing: Standing, status: Status, b_is_ready: bool
) -> None:
    take(watched, version(watched, A, B, a=standing))
    assert view(watched, "a", NOW).status is status
    assert ("b" in [name for _, name in watched.ready]) is b_is_ready
    assert list(due(watched, NOW)) == []  # the file says so already


def test_a_task_that_is_dropped_no_more_is_open_again(watched: State) -> None:
    take(watched, version(watched, A, B, b=Standing.DROPPED))
    assert take(watched, version(watched, A, B)) == [SourceTaken(opened=("b",))]
    assert view(watched, "b", NOW).reason == "for a"


def test_a_mark_on_a_task_that_is_worked_on_waits(watched: State) -> None:
    begin(watched, "a")
    take(watched, version(watched, B))
    assert watched.source.marks == {"a": Mark(Standing.DROPPED, missing=True)}
    assert view(watched, "a", NOW).status is Status.WORKING
    fail(watched, "a")
    evolve(watched, EditTaken("a"), NOW)
    assert view(watched, "a", NOW).status is Status.CANCELLED


def test_a_fault_is_told_once_and_mended_by_the_next_version(watched: State) -> None:
    broken = ob.SourceUnread(0, "t.md:3: a circle")
    assert take(watched, broken) == [SourceRefused("t.md:3: a circle")]
    assert take(watched, replace(broken, change=1)) == []
    assert take(watched, version(watched, A, B)) == [SourceTaken()]
    assert watched.source.fault == ""


def test_what_could_not_be_read_is_told_once_and_with_every_version(watched: State) -> None:
    lost = replace(version(watched, A, B), unread=("t.md:3:1: no id",), notes=("t.md:4:1: odd",))
    assert take(watched, lost) == []  # as it was read before
    (taken,) = take(watched, replace(lost, fresh=True))
    assert taken == SourceTaken(unread=lost.unread, notes=lost.notes)
    assert isinstance(taken, SourceTaken)
    assert taken_text(taken, watched) == (
        "· t.md was changed: not read: t.md:3:1: no id · noted: t.md:4:1: odd"
    )
    many = SourceTaken(unread=tuple(f"t.md:{n}:1: no id" for n in range(1, 8)))
    assert "t.md:4:1: no id; and 3 more, see gangsaw plan check" in taken_text(many, watched)
    assert take(watched, replace(lost, change=1)) == []
    (taken,) = take(
        watched, replace(version(watched, A, B, b=Standing.DROPPED), unread=lost.unread)
    )
    assert isinstance(taken, SourceTaken)
    assert taken.unread == lost.unread
    assert [each.task for each in taken.marked] == ["b"]


def test_a_need_that_nobody_knows_refuses_the_version(watched: State) -> None:
    (refused,) = take(watched, version(watched, replace(A, needs=("x",)), B))
    assert refused == SourceRefused("a needs x, which is no part of this run")


def test_where_a_task_works_stays_what_it_was(watched: State) -> None:
    assert take(watched, version(watched, replace(A, workspace=Workspace.NONE), B)) == []


def test_a_run_that_does_not_watch_hears_nothing(watched: State) -> None:
    assert watched.task_file is not None
    watched.task_file = replace(watched.task_file, watched=False)
    assert take(watched, version(watched, replace(A, prompt="another"), B)) == []


def done(state: State, task: str) -> None:
    """We have done the task, and its file says so."""
    begin(state, task)
    attempt = state.attempts[f"{task}.1"]
    state.attempts[attempt.id] = replace(attempt, phase=Phase.VERIFIED)
    evolve(state, ev.TaskDone(attempt.id, task), NOW)
    for fact in record(ob.StandingSaid(task, Standing.DONE, ""), state, NOW):
        evolve(state, fact, NOW)


def read_now(seen: ob.SourceSeen, state: State) -> ob.SourceSeen:
    """The reading, begun when all was known that is."""
    return replace(seen, change=state.source.changes, writes=state.source.writes)


def test_a_tick_of_ours_that_is_gone_is_written_once_more_and_only_once(watched: State) -> None:
    done(watched, "a")
    older = version(watched, A, B)
    (taken,) = take(watched, read_now(older, watched))
    assert taken == SourceTaken(restored=("a",))
    assert list(due(watched, NOW)) == ["a"]
    assert take(watched, read_now(older, watched)) == []  # it is being written
    for fact in record(ob.StandingSaid("a", Standing.DONE, ""), watched, NOW):
        evolve(watched, fact, NOW)
    assert take(watched, read_now(version(watched, A, B, a=Standing.DONE), watched)) == []
    (taken,) = take(watched, read_now(older, watched))
    assert taken == SourceTaken(left=("a",))
    assert list(due(watched, NOW)) == []
    assert take(watched, read_now(older, watched)) == []  # told once
    assert view(watched, "a", NOW).status is Status.DONE


def test_a_tick_of_ours_that_a_reading_is_too_old_to_know_is_not_gone(watched: State) -> None:
    older = version(watched, A, B)
    done(watched, "a")
    assert take(watched, older) == []


def test_a_landed_task_that_is_opened_as_another_one_is_left(watched: State) -> None:
    done(watched, "a")
    other = version(watched, replace(A, prompt="do more than that"), B)
    (taken,) = take(watched, read_now(other, watched))
    assert isinstance(taken, SourceTaken)
    assert (taken.restored, taken.left) == ((), ("a",))
    assert taken_text(taken, watched) == (
        "· t.md was changed: a edited, but done: stays as it was · a landed, but opened there "
        "again: left so"
    )


def claimed(seen: ob.SourceSeen, name: str, holder: str) -> ob.SourceSeen:
    """The reading, in which somebody has the record in hand."""
    records = [
        replace(each, entry=replace(each.entry, standing=Standing.RUNNING), holder=holder)
        if each.entry.task == name
        else each
        for each in seen.records
    ]
    return replace(seen, records=tuple(records))


def test_a_record_that_somebody_else_claims_is_held_until_it_is_given_back(watched: State) -> None:
    take(watched, claimed(version(watched, A, B), "a", "alice"))
    assert watched.source.marks == {"a": Mark(Standing.RUNNING, holder="alice")}
    assert view(watched, "a", NOW).reason == "in progress by alice in its file"
    assert list(watched.ready) == []
    assert list(due(watched, NOW)) == []  # the claim is not written over
    assert take(watched, claimed(version(watched, A, B), "a", "alice")) == []
    assert take(watched, version(watched, A, B)) == [SourceTaken(opened=("a",))]
    assert [name for _, name in watched.ready] == ["a"]


def test_our_own_claim_and_one_that_comes_too_late_hold_nothing(watched: State) -> None:
    assert take(watched, claimed(version(watched, A, B), "a", "gangsaw")) == []
    begin(watched, "a")
    assert take(watched, claimed(version(watched, A, B), "a", "alice")) == []


def test_a_record_that_was_in_progress_from_the_start_is_taken_up(watched: State) -> None:
    entry = replace(watched.entries["a"], standing=Standing.RUNNING)
    watched.entries = {**watched.entries, "a": entry}
    assert take(watched, claimed(version(watched, A, B), "a", "alice")) == []


def test_a_record_that_comes_with_a_claim_is_held_from_the_start(watched: State) -> None:
    c = Task("c", "c", "do c")
    (taken,) = take(watched, claimed(version(watched, A, B, c), "c", "alice"))
    assert isinstance(taken, SourceTaken)
    assert taken_text(taken, watched) == (
        "· t.md was changed: c added · c in progress by alice there"
    )
    assert view(watched, "c", NOW).status is Status.CANCELLED
    assert take(watched, claimed(version(watched, A, B, c), "c", "alice")) == []
    take(watched, version(watched, A, B, c))
    assert view(watched, "c", NOW).status is not Status.CANCELLED


@pytest.mark.parametrize(
    ("standing", "words"), [(Standing.DROPPED, "dropped"), (Standing.LATER, "on hold")]
)
def test_a_run_has_all_where_the_file_closed_the_rest(
    watched: State, standing: Standing, words: str
) -> None:
    take(watched, version(watched, A, B, b=standing))
    done(watched, "a")
    assert ev.RunFinished(ev.RunEnd.LANDED) in decide(watched, NOW)
    assert f" · 1 {words} in its file" in summary(watched, NOW)


def test_what_a_person_cancels_is_lacking(watched: State) -> None:
    evolve(watched, ev.TaskCancelled("b", "somebody"), NOW)
    done(watched, "a")
    assert ev.RunFinished(ev.RunEnd.FAILED) in decide(watched, NOW)
