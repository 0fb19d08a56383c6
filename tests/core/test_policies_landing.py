"""Which checks a candidate must pass, what lands next, when the target is moved."""

from __future__ import annotations

import pytest

from gangsaw.core.actions import MoveIntegration
from gangsaw.core.events import TARGET, Landed
from gangsaw.core.model import Check
from gangsaw.core.policy import delivery, landing, stall
from gangsaw.core.state import Landing
from tests.core.core_stage import BEGIN, found, played, state_after, working

TASKS = (
    'gate lint\ntask a checks=["test-a"]\ntask b checks=["test-b", "lint"]\ntask c needs=["a"]\n'
)
PASSED_A = (
    "in ChecksDone a.1 commit=w-a tree=t-a judgement=passed "
    'results={"lint": "passed", "test-a": "passed"}\n'
)
LAND_A = PASSED_A + (
    "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
    "in IntegrationMoved a.1 commit=m1 onto=c0\n"
)


def names(checks: tuple[Check, ...]) -> list[str]:
    return [check.name for check in checks]


def test_gate_of_work_names_each_check_once() -> None:
    state = state_after(TASKS + working("a"))
    assert names(landing.gate_of_work(state, "a")) == ["lint", "test-a"]
    assert names(landing.gate_of_work(state, "b")) == ["lint", "test-b"]


def test_gate_of_a_candidate_takes_in_what_landed_meanwhile() -> None:
    state = state_after(TASKS + found("a", "b") + LAND_A)
    combined = landing.gate_of_landing(state, Landing("b.1", "w-b", "m1"))
    assert names(combined) == ["lint", "test-b", "test-a"]
    later = landing.gate_of_landing(state, Landing("c.1", "w-c", "m1"))
    assert names(later) == ["lint"]
    target = landing.gate_of_landing(state, Landing(TARGET, "u1", "m1"))
    assert names(target) == ["lint", "test-a"]


def test_what_passed_on_the_same_tree_is_not_run_again() -> None:
    state = state_after(TASKS + found("a", "b") + PASSED_A)
    gate = landing.gate_of_work(state, "a")
    assert names(landing.missing_checks(state, "t-a", gate)) == []
    assert names(landing.missing_checks(state, "t-other", gate)) == ["lint", "test-a"]


def test_the_longest_waiting_goes_first_then_by_rank() -> None:
    text = "limits window=2\ntask a\ntask b\ntask c priority=3\n" + BEGIN
    text += "in Asked k1 verb=queue-pause by=me\n" + found("a")
    text += found("b", "c").replace("at 100", "at 105")
    state = state_after(text)
    assert (state.landings, state.queue) == ((), ["a.1", "b.1", "c.1"])
    state = state_after(text + "in Asked k2 verb=queue-resume by=me\n")
    assert [found.about for found in state.landings] == ["a.1", "c.1"]
    assert state.queue == ["b.1"]


def test_the_chain_takes_in_what_the_next_batch_may_hold() -> None:
    state = state_after("limits window=2\ntask a\ntask b\ntask c\n" + found("a", "b", "c"))
    assert [(found.about, found.onto) for found in state.landings] == [("a.1", "c0"), ("b.1", "")]
    assert state.queue == ["c.1"]


IN_CHAIN = "task a\ntask b\n" + found("a", "b")
BOTH_BUILT = (
    IN_CHAIN
    + "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-1\n"
    + "in CandidateMade b.1 work=w-b onto=m1 commit=m2 tree=t-2\n"
)


def test_several_land_with_one_move_to_the_last_of_them() -> None:
    player = played(BOTH_BUILT + "in IntegrationMoved b.1 commit=m2 onto=c0 head=j1\n")
    landed = [(e.task, e.commit, e.head) for e in player.events if isinstance(e, Landed)]
    assert landed == [("a", "m1", "j1"), ("b", "m2", "j1")]
    state = player.state
    assert (state.head, state.checked_head, state.head_link) == ("j1", "j1", "m2")


def test_the_branch_is_moved_once_and_joins_what_is_between() -> None:
    player = played(BOTH_BUILT)
    moves = [one for one in player.actions if isinstance(one, MoveIntegration)]
    assert [(one.about, one.commit, one.onto, one.title) for one in moves] == [
        ("b.1", "m2", "c0", "Land a, b")
    ]
    linear = played('limits history="linear"\n' + BOTH_BUILT)
    moves = [one for one in linear.actions if isinstance(one, MoveIntegration)]
    assert [(one.commit, one.title) for one in moves] == [("m2", "")]


def test_a_candidate_on_an_older_head_is_built_anew() -> None:
    player = played(BOTH_BUILT + "in IntegrationElsewhere b.1 commit=m2 onto=c0 found=x1\n")
    kinds = [event.kind for event in player.events]
    assert kinds == ["landing.missed", "candidate.wanted", "candidate.wanted"]
    assert [(one.candidate, one.onto) for one in player.state.landings] == [("", "x1"), ("", "")]


def test_the_branch_is_moved_for_one_candidate_at_a_time() -> None:
    """A candidate on a head whose last landing has not been heard of would miss its checks."""
    text = "limits window=1\n" + BOTH_BUILT
    state = state_after(text)
    assert {found.about: found.wanted for found in state.landings} == {"a.1": True, "b.1": False}


@pytest.mark.parametrize(
    ("deliver", "more", "wanted"),
    [
        ("each", "", True),
        ("end", "", False),
        ("end", "in AttemptClosed a.1\nin Asked k verb=cancel task=b by=me\n", True),
        ("never", "in AttemptClosed a.1\nin Asked k verb=cancel task=b by=me\n", False),
    ],
)
def test_when_the_target_is_moved(deliver: str, more: str, wanted: bool) -> None:
    text = f"limits deliver={deliver}\ntask a\ntask b\n" + found("a")
    text += "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
    text += "in IntegrationMoved a.1 commit=m1 onto=c0\n"
    state = state_after(text + more + ("in AttemptClosed b.1\n" if more else ""))
    assert delivery.is_wanted(state) is wanted


def test_nothing_is_delivered_before_something_landed() -> None:
    assert not delivery.is_wanted(state_after("task a\n" + found("a")))


@pytest.mark.parametrize(("at", "cause"), [(149, None), (150, "stalled"), (180, "timeout")])
def test_overdue(at: float, cause: str | None) -> None:
    state = state_after("limits stall_s=50.0 timeout_s=80.0\ntask a\n" + working("a"))
    assert stall.overdue(state, state.attempts["a.1"], at) == cause
    assert stall.deadline(state, state.attempts["a.1"]) == 150.0


def test_a_launch_that_has_not_begun_is_not_overdue() -> None:
    state = state_after("limits stall_s=50.0\ntask a\nat 100\nin IntegrationAt c0\n")
    assert stall.overdue(state, state.attempts["a.1"], 1e9) is None


def test_what_people_put_first_goes_before_what_waits_in_the_chain() -> None:
    """`gangsaw land` of a change behind others that are in no batch yet: they go back."""
    text = "gate lint\ntask a\ntask b\n" + found("a", "b")
    for name in "ab":
        text += f"in ChecksDone {name}.1 commit=w-{name} tree=t-{name} judgement=passed "
        text += 'results={"lint": "passed"}\n'
    before = state_after(text)
    assert [one.about for one in before.landings] == ["a.1", "b.1"]
    player = played(text + "in Asked k verb=land task=b by=me\n")
    assert [one.about for one in player.state.landings] == ["b.1", "a.1"]
    again = state_after(
        text + "in Asked k verb=land task=b by=me\nin Asked l verb=land task=a by=me\n"
    )
    assert [one.about for one in again.landings] == ["b.1", "a.1"]
