"""Undo and retry from a turn: who is told what, what may be started from, what goes first."""

from __future__ import annotations

import pytest

from gangsaw.core.events import TARGET
from gangsaw.core.policy.delivery import all_landed_that_can
from gangsaw.core.policy.undo import Toll, kept_turns, toll_of, toll_text
from gangsaw.core.reopening import turn_names
from gangsaw.core.status import exit_code, view
from gangsaw.core.trouble import TROUBLES_MAX
from gangsaw.core.work import at_rest
from gangsaw.views.facts import landed_count
from tests.core.core_stage import found, played, state_after, working

TASKS = 'task a\ntask b needs=["a"]\ntask c needs=["b"]\ntask d needs=["a"]\n'
LAND = (
    "in CandidateMade {0} work={1} onto={2} commit={3} tree=t-{3}\n"
    "in IntegrationMoved {0} commit={3} onto={2}\n"
)
LANDED = TASKS + found("a") + LAND.format("a.1", "w-a", "c0", "m1")
ASK = "in Asked {0} verb=undo task={1} by=me\n"
WANTED = LANDED + ASK.format("k", "a")
UNDONE = WANTED + LAND.format("@undo/a", "m1", "m1", "u1")


def answer_to(text: str, verb: str, task: str, turn: str = "") -> tuple[bool, str]:
    state = state_after(f'{text}in Asked last verb={verb} task={task} by=me text="{turn}"\n')
    return state.answers["last"]


def test_the_toll_has_everybody_who_needs_it_directly() -> None:
    assert toll_of(state_after(LANDED), "a") == Toll(waiting=(), live=("b", "d"), landed=())
    assert toll_of(state_after(LANDED), "b") == Toll(waiting=("c",), live=(), landed=())
    assert toll_of(state_after(TASKS + found("a")), "a").waiting == ("b", "d")
    assert toll_text(Toll((), (), ())) == ""
    many = toll_text(Toll(tuple(f"t{n}" for n in range(8)), ("x",), ()))
    assert many.startswith("; x will be stopped")
    assert "t4, t5 and 2 more will wait until it has landed again" in many


@pytest.mark.parametrize(
    ("text", "verb", "task", "said"),
    [
        (TASKS, "undo", "a", "a has not landed; to give it up"),
        ("task a workspace=none\n", "undo", "a", "a has not landed"),
        (WANTED, "undo", "a", "a is being undone already"),
        (WANTED, "cancel", "a", "a has landed; nothing to cancel"),
        (WANTED, "retry", "a", "a is being undone; when that is done: gangsaw retry a"),
        (LANDED, "retry", "a", "a has landed; nothing to retry"),
        (UNDONE, "undo", "a", "a is undone already; to bring it back: gangsaw retry a (anew)"),
        (UNDONE, "cancel", "a", "a is undone; nothing of it will be started"),
        (TASKS, "retry", "a", "a has not failed"),
    ],
)
def test_what_is_refused(text: str, verb: str, task: str, said: str) -> None:
    ok, words = answer_to(text, verb, task)
    assert not ok
    assert words.startswith(said)


def test_what_a_kill_left_needs_an_engine_first() -> None:
    text = "task a\n" + working("a") + "in Asked k verb=kill by=me\n"
    text += "in LaunchExited a.1 launch=1 outcome=crashed signal=9\n"
    for verb, turn in (("retry", "last"), ("retry", "1")):
        ok, words = answer_to(text, verb, "a", turn)
        assert not ok
        assert words.startswith("the work of a.1 is put away by the next gangsaw run")
        assert "try gangsaw cancel a, gangsaw run, and then gangsaw undo a" in words


def test_nothing_of_a_plain_task_landed() -> None:
    text = "task a workspace=none\nat 100\nin IntegrationAt c0\n"
    text += "in LaunchStarted a.1 launch=1\nin LaunchExited a.1 launch=1 outcome=done code=0\n"
    ok, words = answer_to(text, "undo", "a")
    assert (ok, words) == (False, "a changes no files of the repository: nothing of it landed")


def test_a_failed_task_is_not_undone() -> None:
    text = "limits attempts_max=1\ntask a\nat 1\nin IntegrationAt c0\nin WorkspaceAt a.1 /w\n"
    text += "in LaunchExited a.1 launch=1 outcome=failed code=1\n"
    assert answer_to(text, "undo", "a") == (
        False,
        "a has not landed; to try it again: gangsaw retry a",
    )


def test_undone_is_not_landed_and_not_started() -> None:
    state = state_after(UNDONE)
    assert state.task_states["a"].closed
    assert not state.task_states["a"].finished
    assert landed_count(state) == 0
    assert state.head == state.checked_head == "u1"
    assert [name for _, name in state.ready] == []
    assert all(state.task_states[name].unmet for name in "bcd")


def test_the_rows_of_all_that_wait_are_written_again() -> None:
    state = state_after(WANTED)
    state.touched.clear()
    player = played(UNDONE)
    assert player.state.touched >= set("abcd")
    assert view(player.state, "c", 100).reason == "b did not land"


def test_after_an_undo_the_run_has_not_landed() -> None:
    text = UNDONE + "in AttemptClosed a.1\nin AttemptClosed b.1\nin AttemptClosed d.1\n"
    text += "in TargetAtIntegration u1\n"
    state = state_after(text)
    assert (state.end, exit_code(state, 100)) == ("failed", 1)
    assert at_rest(state, 100) == "finished"


def test_undos_go_one_at_a_time_before_the_queue() -> None:
    text = "limits window=1\ntask a\ntask b\ntask c\n" + found("a", "b", "c")
    text += LAND.format("a.1", "w-a", "c0", "m1") + LAND.format("b.1", "w-b", "m1", "m2")
    text += ASK.format("k1", "a") + ASK.format("k2", "b")
    state = state_after(text)
    assert list(state.undos) == ["a", "b"]
    text += 'in CandidateClashed c.1 work=w-c onto=m2 paths=["f"]\n'
    state = state_after(text)
    assert [one.about for one in state.landings] == ["@undo/a"]
    assert not all_landed_that_can(state)
    assert at_rest(state, 100) is None
    state = state_after(text + LAND.format("@undo/a", "m1", "m2", "u1"))
    assert [(one.about, one.work, one.onto) for one in state.landings] == [("@undo/b", "m2", "u1")]


def test_a_moved_target_goes_before_an_undo() -> None:
    state = state_after(LANDED + "in TargetElsewhere x1\n" + ASK.format("k", "a"))
    assert [one.about for one in state.landings] == [TARGET]
    state = state_after(
        LANDED
        + "in TargetElsewhere x1\n"
        + ASK.format("k", "a")
        + LAND.format(TARGET, "x1", "m1", "m2")
    )
    assert [(one.about, one.onto) for one in state.landings] == [("@undo/a", "m2")]


def test_a_blocked_delivery_does_not_hold_an_undo_up() -> None:
    text = LANDED + 'in TargetNotMovable m1 "uncommitted changes"\n' + ASK.format("k", "a")
    state = state_after(text)
    assert [one.about for one in state.landings] == ["@undo/a"]
    state = state_after(text + LAND.format("@undo/a", "m1", "m1", "u1"))
    assert (state.delivery.wanted, state.delivery.blocked) == ("u1", "")


def test_an_undo_in_trouble_is_given_up_unless_it_may_have_moved() -> None:
    trouble = 'in EffectRaised @undo/a BuildCandidate "no such commit"\n' * TROUBLES_MAX
    state = state_after(WANTED + trouble)
    assert state.undos == {}
    assert state.task_states["a"].undo_failed == "no such commit"
    text = WANTED + "in CandidateMade @undo/a work=m1 onto=m1 commit=u1 tree=t-u\n"
    moving = 'in EffectRaised @undo/a MoveIntegration "locked"\n' * TROUBLES_MAX
    state = state_after(text + moving)
    assert state.landings[0].wanted
    assert "in trouble, trying again: locked" in view(state, "a", 100).reason


def test_an_undo_without_a_verdict_is_given_up() -> None:
    text = "gate lint\n" + WANTED.replace(
        "in CandidateMade a.1",
        'in ChecksDone a.1 commit=w-a tree=t-a judgement=passed results={"lint": "passed"}\n'
        "in CandidateMade a.1",
    ).replace("tree=t-m1", "tree=t-a")
    text += "in CandidateMade @undo/a work=m1 onto=m1 commit=u1 tree=t-u\n"
    done = "in ChecksDone @undo/a commit=u1 tree=t-u judgement=inconclusive round={}\n"
    twice = text + done.format(0) + done.format(1)
    assert list(state_after(twice + done.format(1)).undos) == ["a"]
    state = state_after(twice + done.format(2))
    assert state.undos == {}
    assert "3 times without a verdict" in state.task_states["a"].undo_failed


KEPT = 'in AttemptClosed b.1 refs=["r/b.1/work", "r/b.1/turn-2", "r/b.1/turn-10"]\n'
FAILED = (
    "limits attempts_max=2 backoff_base_s=1000.0\n"
    + LANDED
    + "in WorkspaceAt b.1 /w\nin LaunchExited b.1 launch=1 outcome=failed code=1\n"
    + KEPT
)


@pytest.mark.parametrize(
    ("turn", "ok", "said"),
    [
        ("2", True, "trying again from the work after turn 2 of attempt 1"),
        ("1:10", True, "trying again from the work after turn 10 of attempt 1"),
        ("last", True, "trying again from the work after turn 10 of attempt 1"),
        ("3", False, "there is no kept work of b after turn 3; there is: 2, 10"),
        ("2:2", False, "there is no kept work of b after turn 2:2; there is: 2, 10"),
        ("x", False, "there is no kept work of b after turn x; there is: 2, 10"),
    ],
)
def test_which_turn_is_meant(turn: str, ok: bool, said: str) -> None:
    """Also while the task waits for its next attempt by itself."""
    assert answer_to(FAILED, "retry", "b", turn) == (ok, said)


def test_turns_of_older_attempts_are_named_with_their_attempt() -> None:
    text = FAILED + 'in Asked k verb=retry task=b by=me text="2"\nin WorkspaceAt b.2 /w c0\n'
    text += "in LaunchExited b.2 launch=1 outcome=failed code=1\n"
    state = state_after(text + 'in AttemptClosed b.2 refs=["r/b.2/turn-1"]\n')
    names = turn_names(kept_turns(state, "b"), state.task_states["b"])
    assert names == ["1:2", "1:10", "1"]
    assert state.attempts["b.2"].base == "c0"
    assert state.attempts["b.2"].start == "r/b.1/turn-2"


def test_work_on_top_of_what_was_undone_is_not_started_from() -> None:
    text = FAILED + ASK.format("k", "a") + LAND.format("@undo/a", "m1", "m1", "u1")
    assert answer_to(text, "retry", "b", "2") == (
        False,
        "the earlier work of b was built on a, which was undone since",
    )


def test_a_wish_to_start_from_there_ends_with_the_undo() -> None:
    text = FAILED + "in Asked p verb=pause by=me\n"
    text += 'in Asked r verb=retry task=b by=me text="2"\n'
    assert state_after(text).task_states["b"].start == "r/b.1/turn-2"
    text += ASK.format("k", "a") + LAND.format("@undo/a", "m1", "m1", "u1")
    assert state_after(text).task_states["b"].start == ""


def test_nothing_kept_is_said() -> None:
    text = FAILED.replace(KEPT, "in AttemptClosed b.1\n")
    assert answer_to(text, "retry", "b", "1") == (
        False,
        "b has no kept work to start from; try: gangsaw retry b",
    )
