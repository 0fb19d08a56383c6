"""The chain under reports that come late, heads that others have moved, and two batches at once."""

from __future__ import annotations

import json

import pytest

from gangsaw.core import chain
from gangsaw.core.events import WorkReturned
from gangsaw.core.model import Check, When
from gangsaw.core.policy import batches, landing
from gangsaw.core.policy.slots import CheckCost
from gangsaw.core.terms import Judgement
from gangsaw.core.wire import encode
from gangsaw.testing.scenario import Player, Rehearsal
from tests.core.core_stage import found, played

LINT = '{"lint": "passed"}'
RED = '{"lint": "failed"}'
BUILT_A = "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-1\n"
BUILT_B = "in CandidateMade b.1 work=w-b onto=m1 commit=m2 tree=t-2\n"


def green_alone(*names: str) -> str:
    return "".join(
        f"in ChecksDone {name}.1 commit=w-{name} tree=t-{name} judgement=passed results={LINT}\n"
        for name in names
    )


def side_by_side(tasks: str = "task a\ntask b\n", limits: str = "") -> Player:
    """Two batches of one change each, both being checked."""
    text = f"gate lint\nlimits window=1 check_slots=2 cores=4 {limits}\n{tasks}"
    player = played(text + found("a", "b"))
    player.state.costs = (CheckCost(10.0, 1.0),) * 3
    player.play(green_alone("a", "b") + BUILT_A + BUILT_B)
    return player


def judged(name: str, commit: str, tree: int, judgement: str, before: int) -> str:
    results = LINT if judgement == "passed" else RED
    return (
        f"in ChecksDone {name}.1 commit={commit} tree=t-{tree} judgement={judgement} "
        f"round={before} results={results}\n"
    )


def test_two_batches_are_checked_side_by_side() -> None:
    state = side_by_side().state
    assert [link.about for link in batches.to_check(state)] == ["a.1", "b.1"]


def test_a_late_red_report_blames_nothing_that_is_being_landed() -> None:
    player = side_by_side()
    player.play(judged("a", "m1", 1, "failed", 0))
    player.play(judged("b", "m2", 2, "passed", 0))
    assert chain.is_moving(player.state, "a.1")
    player.play(judged("a", "m1", 1, "failed", 1))
    assert not [event for event in player.events if isinstance(event, WorkReturned)]
    assert [link.about for link in player.state.landings] == ["a.1", "b.1"]
    player.play("in IntegrationMoved b.1 commit=m2 onto=c0 head=j1\n")
    assert player.state.landed == ["a", "b"]


@pytest.mark.parametrize(("judgement", "rounds"), [("failed", 1), ("inconclusive", 2)])
def test_a_green_tree_behind_it_outdoes_what_is_told_in_the_same_moment(
    judgement: str, rounds: int
) -> None:
    player = side_by_side()
    for number in range(rounds):
        player.play(judged("a", "m1", 1, judgement, number))
    last = judged("a", "m1", 1, judgement, rounds)
    player.play(last + judged("b", "m2", 2, "passed", 0).replace("in ", "and ", 1))
    assert [link.about for link in player.state.landings if link.wanted] == ["b.1"]
    player.play("in IntegrationMoved b.1 commit=m2 onto=c0 head=j1\n")
    assert player.state.landed == ["a", "b"]


def test_a_change_red_twice_by_itself_goes_back() -> None:
    player = side_by_side()
    player.play(judged("a", "m1", 1, "failed", 0) + judged("a", "m1", 1, "failed", 1))
    returned = [event.attempt for event in player.events if isinstance(event, WorkReturned)]
    assert returned == ["a.1"]


BY_PATH = (Check("all", ("all",)), Check("docs", ("docs",), paths=("docs",)))


def on_landing(player: Player, name: str) -> list[str]:
    state = player.state
    link = state.landings[chain.index_of(state, f"{name}.1")]
    return [check.name for check in landing.gate_of_landing(state, link)]


def changed(text: str, *paths: str) -> str:
    """The work changes these paths."""
    listed = json.dumps(paths).replace(" ", "")
    return text.replace("tree=t-a\n", f"tree=t-a files={len(paths)} paths={listed}\n")


def begun(more: str = "") -> Player:
    text = 'task a\ntask b checks=["of-b"]\n' + more + changed(found("a"), "src/x")
    player = Rehearsal()
    player.gate = [encode(check) for check in BY_PATH]
    player.play(text)
    return player


GREEN_A = 'in ChecksDone a.1 commit=w-a tree=t-a judgement=passed results={"all": "passed"}\n'


def test_a_check_of_other_paths_is_not_asked() -> None:
    player = begun()
    player.play(GREEN_A + BUILT_A)
    assert on_landing(player, "a") == ["all"]


def test_what_git_puts_elsewhere_is_checked_there() -> None:
    player = begun()
    player.play(GREEN_A + BUILT_A.replace("t-1", 't-1 files=1 paths=["docs/x"]'))
    assert on_landing(player, "a") == ["all", "docs"]
    unknown = begun()
    unknown.play(GREEN_A + BUILT_A.replace("t-1", "t-1 files=2000"))
    assert on_landing(unknown, "a") == ["all", "docs"]


def test_on_commits_of_others_everything_is_checked() -> None:
    player = begun()
    passed = '{"all": "passed"}'
    player.play(
        GREEN_A
        + BUILT_A
        + f"in ChecksDone a.1 commit=m1 tree=t-1 judgement=passed results={passed}\n"
        + "in IntegrationElsewhere a.1 commit=m1 onto=c0 found=x1\n"
        + "in CandidateMade a.1 work=w-a onto=x1 commit=m2 tree=t-2\n"
    )
    assert player.state.head == "x1"
    assert on_landing(player, "a") == ["all", "docs"]


@pytest.mark.parametrize("environment", ["e1", "e2"])
def test_verdicts_of_a_candidate_hold_in_their_own_surroundings_only(environment: str) -> None:
    player = side_by_side()
    player.play("in EngineUp 1 version=1 environment=e1\n")
    player.play("in Asked k verb=queue-freeze by=me\n" + judged("a", "m1", 1, "passed", 0))
    assert player.state.landings[0].judgement is Judgement.PASSED
    player.play(f"in EngineUp 2 version=1 environment={environment}\n")
    player.play("in Asked l verb=queue-resume by=me\n")
    assert chain.is_moving(player.state, "a.1") is (environment == "e1")


def test_a_barrier_is_not_checked_on_top_of_a_batch_that_is() -> None:
    text = "gate lint\nlimits window=1 check_slots=2 cores=4\ntask a\ntask b\n"
    player = played(text + found("a", "b").replace("tree=t-b\n", 'tree=t-b barrier=["b.lock"]\n'))
    player.state.costs = (CheckCost(10.0, 1.0),) * 3
    player.play(green_alone("a", "b") + BUILT_A + BUILT_B)
    assert [link.about for link in batches.to_check(player.state)] == ["a.1"]


@pytest.mark.parametrize("when", ["always", "landing"])
def test_only_what_was_green_alone_is_said_to_be(when: str) -> None:
    player = Rehearsal()
    player.gate = [encode(Check("lint", ("lint",), when=When(when)))]
    alone = green_alone("a", "b") if when == "always" else ""
    landed = judged("a", "m1", 1, "passed", 0) + "in IntegrationMoved a.1 commit=m1 onto=c0\n"
    player.play("limits window=1\ntask a\ntask b\n" + found("a", "b") + alone + BUILT_A + landed)
    player.play(BUILT_B + judged("b", "m2", 2, "failed", 0) + judged("b", "m2", 2, "failed", 1))
    (text,) = [event.text for event in player.events if isinstance(event, WorkReturned)]
    alone = "green alone" if when == "always" else "never run on it alone"
    assert f"{alone}, red with a" in text
