"""What is told of a check that is red after landing: what may be to blame, and what to undo."""

from __future__ import annotations

import pytest

from gangsaw.core.policy.after import red_text
from gangsaw.testing.scenario import Rehearsal
from tests.core.core_stage import BEGIN

WORK = (
    "in WorkspaceAt {0} /w\nin LaunchStarted {0} launch=1\n"
    "in LaunchExited {0} launch=1 outcome=done code=0\n"
    "in WorkInspected {0} launch=1 commit=w-{0} tree=t-{0}\n"
)
LAND = (
    "in CandidateMade {0} work={1} onto={2} commit={3} tree=t-{3}\n"
    "in IntegrationMoved {0} commit={3} onto={2}\n"
)
CLOSED = "in AttemptClosed {0}\n"
ASK = "in Asked {0} verb={1} task={2} by=me\n"


def landed(attempt: str, onto: str, commit: str) -> str:
    return WORK.format(attempt) + LAND.format(attempt, f"w-{attempt}", onto, commit)


def undone(task: str, was: str, onto: str, commit: str) -> str:
    return ASK.format(f"undo-{was}", "undo", task) + LAND.format(f"@undo/{task}", was, onto, commit)


def again(task: str, number: int, onto: str, commit: str) -> str:
    asked = ASK.format(f"retry-{task}", "retry", task)
    return CLOSED.format(f"{task}.{number - 1}") + asked + landed(f"{task}.{number}", onto, commit)


def judged(commit: str, judgement: str) -> str:
    results = f'{{"slow": "{judgement}"}}'
    return f"in ChecksDone @after {commit} {commit} judgement={judgement} results={results}\n"


def told(tasks: str, text: str) -> str:
    player = Rehearsal()
    player.gate = [{"name": "slow", "argv": ["slow"], "when": "after"}]
    player.play("limits max_agents=1\n" + tasks + BEGIN + text)
    return red_text(player.state)


ONE, TWO = "task a\n", "task a\ntask b\n"
A_IS_RED = landed("a.1", "c0", "m1") + judged("m1", "failed")
A_IS_TAKEN_BACK = A_IS_RED + undone("a", "m1", "m1", "u1")
B_ON_GREEN_A = landed("a.1", "c0", "m1") + judged("m1", "passed") + landed("b.1", "m1", "m2")


@pytest.mark.parametrize(
    ("tasks", "text", "wanted"),
    [
        (ONE, landed("a.1", "c0", "m1") + judged("m1", "passed"), ""),
        (ONE, A_IS_RED, "m1 · landed since it was green: a · gangsaw undo a"),
        (TWO, B_ON_GREEN_A + judged("m2", "failed"), "m2 · landed since it was green: b · {}"),
        (ONE, A_IS_TAKEN_BACK, "m1"),
        (ONE, A_IS_TAKEN_BACK + judged("u1", "failed"), "u1"),
    ],
)
def test_what_landed_since_it_was_green_may_be_to_blame(tasks: str, text: str, wanted: str) -> None:
    found = told(tasks, text)
    expected = f"check failed: slow on {wanted.format('gangsaw undo b')}" if wanted else ""
    assert found == expected


def test_what_has_landed_again_since_is_not_in_what_is_red() -> None:
    text = A_IS_TAKEN_BACK + judged("u1", "failed") + again("a", 2, "u1", "m2")
    assert told(ONE, text) == "check failed: slow on u1"
    named = "check failed: slow on m2 · landed since it was green: a · gangsaw undo a"
    assert told(ONE, text + judged("m2", "failed")) == named


def test_what_was_undone_since_it_was_green_is_to_blame_as_it_landed_again() -> None:
    green = landed("a.1", "c0", "m1") + judged("m1", "passed")
    text = green + undone("a", "m1", "m1", "u1") + judged("u1", "passed")
    text += again("a", 2, "u1", "m2") + judged("m2", "failed")
    named = "check failed: slow on m2 · landed since it was green: a · gangsaw undo a"
    assert told(ONE, text) == named


def test_an_undo_names_no_work_that_came_back_in_another_shape() -> None:
    both = landed("a.1", "c0", "m1") + judged("m1", "passed")
    both += landed("b.1", "m1", "m2") + judged("m2", "failed")
    text = both + undone("b", "m2", "m2", "u1") + judged("u1", "failed") + again("b", 2, "u1", "m3")
    assert told(TWO, text) == "check failed: slow on u1"
