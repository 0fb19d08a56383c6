"""Another turn, another attempt, or nothing more; and how long in between."""

from __future__ import annotations

import pytest

from gangsaw.core.events import AttemptFailed, Cause, TaskGivenUp, TurnWanted
from gangsaw.core.model import Limits
from gangsaw.core.policy.retry import backoff_s
from tests.core.core_stage import BEGIN, found, played, working

LIMITS = Limits(backoff_base_s=10.0, backoff_max_s=300.0)
START = "in WorkspaceAt a.1 /w\n"


@pytest.mark.parametrize(
    ("tries", "plain"), [(0, 10), (1, 10), (2, 20), (3, 40), (6, 300), (90, 300)]
)
def test_backoff_doubles_up_to_its_bound(tries: int, plain: float) -> None:
    for attempt in ("a.1", "b.7", "some-long-name.12"):
        assert 0.75 * plain <= backoff_s(LIMITS, tries, attempt) <= 1.25 * plain
        assert backoff_s(LIMITS, tries, attempt) == backoff_s(LIMITS, tries, attempt)


def test_backoff_is_spread() -> None:
    waits = {backoff_s(LIMITS, 1, f"t{n}.1") for n in range(50)}
    assert len(waits) > 40


DEAF = 'limits agents=[{"name": "one", "told": false}] default_agent=one\n'
EXITS: list[tuple[str, Cause, bool]] = [
    ("outcome=failed code=1", Cause.EXIT, True),
    ("outcome=crashed signal=9", Cause.CRASHED, False),
    ("outcome=limited code=1", Cause.LIMITED, False),
    ("outcome=refused code=1", Cause.REFUSED, True),
]


@pytest.mark.parametrize(("how", "cause", "counts"), EXITS)
def test_what_an_exit_means(how: str, cause: Cause, counts: bool) -> None:
    text = DEAF + "task a\n" + working("a") + f"in LaunchExited a.1 launch=1 {how}\n"
    failed = next(e for e in played(text).events if isinstance(e, AttemptFailed))
    assert (failed.cause, failed.counts) == (cause, counts)


@pytest.mark.parametrize("cause", ["empty", "strayed", "unmerged"])
def test_unsound_work(cause: str) -> None:
    text = (
        "limits turns_max=1\ntask a\n"
        + working("a")
        + (
            "in LaunchExited a.1 launch=1 outcome=done code=0\n"
            f"in WorkUnsound a.1 launch=1 cause={cause} text=why\n"
        )
    )
    events = played(text).events
    assert any(isinstance(event, AttemptFailed) for event in events)
    given_up = [event for event in events if isinstance(event, TaskGivenUp)]
    assert bool(given_up) is (cause == "empty")


@pytest.mark.parametrize(
    ("uncommitted", "kinds"),
    [
        ("commit", ["work.faulty", "attempt.failed", "task.given_up"]),
        ("fail", ["work.faulty", "attempt.failed", "task.given_up"]),
        ("ask", ["work.faulty", "review.opened"]),
    ],
)
def test_uncommitted_work(uncommitted: str, kinds: list[str]) -> None:
    text = (
        f"limits uncommitted={uncommitted}\ntask a\n"
        + working("a")
        + (
            "in LaunchExited a.1 launch=1 outcome=done code=0\n"
            "in WorkUnsound a.1 launch=1 cause=uncommitted text=files\n"
        )
    )
    assert [event.kind for event in played(text).events] == kinds


def test_a_crashed_session_is_taken_up_again_a_few_times() -> None:
    resumes = 'limits agents=[{"name": "one", "resumes": true}] default_agent=one\n'
    text = resumes + "task a\n" + BEGIN + START
    text += "in LaunchStarted a.1 launch=1\n"
    text += 'in Noted a.1 launch=1 note={"SessionNoted": {"session": "s"}}\n'
    for launch in (1, 2, 3):
        text += f"in LaunchExited a.1 launch={launch} outcome=crashed signal=9\n"
        wanted = next(e for e in played(text).events if isinstance(e, TurnWanted))
        assert wanted.why == "continue"
    text += "in LaunchExited a.1 launch=4 outcome=crashed signal=9\n"
    assert [e.kind for e in played(text).events if isinstance(e, AttemptFailed)]


def test_without_a_session_a_crash_is_gone_on_with_in_a_fresh_one_a_few_times() -> None:
    text = "task a\n" + working("a")
    for launch in (1, 2, 3):
        text += f"in LaunchExited a.1 launch={launch} outcome=crashed signal=9\n"
        wanted = next(e for e in played(text).events if isinstance(e, TurnWanted))
        assert (wanted.why, wanted.fresh) == ("continue", True)
    text += "in LaunchExited a.1 launch=4 outcome=crashed signal=9\n"
    assert [e.kind for e in played(text).events if isinstance(e, AttemptFailed)]


def test_an_agent_that_cannot_be_told_of_its_work_gets_a_new_attempt_at_once() -> None:
    text = (
        DEAF + "task a\n" + working("a") + "in LaunchExited a.1 launch=1 outcome=crashed signal=9\n"
    )
    assert [event.kind for event in played(text).events] == [
        "turn.exited",
        "attempt.failed",
        "attempt.admitted",
    ]


def test_attempts_are_bounded() -> None:
    text = "limits attempts_max=2\ntask a attempts=1\n" + working("a")
    events = played(text + "in LaunchExited a.1 launch=1 outcome=failed code=1\n").events
    given_up = next(event for event in events if isinstance(event, TaskGivenUp))
    assert given_up.text.endswith("1 of 1 attempts used")


def test_a_spent_task_is_a_persons_business() -> None:
    usage = '{"UsageNoted": {"input_tokens": 1, "output_tokens": 1, "cost_usd": 2.0}}'
    text = 'task a budget_usd=1.0 checks=["test"]\n' + working("a")
    text += f"in Noted a.1 launch=1 note={usage}\n"
    text += "in LaunchExited a.1 launch=1 outcome=done code=0\n"
    text += "in WorkInspected a.1 launch=1 commit=w tree=t\n"
    text += 'in ChecksDone a.1 commit=w tree=t judgement=failed results={"test": "failed"}\n'
    given_up = next(e for e in played(text).events if isinstance(e, TaskGivenUp))
    assert given_up.person
    assert "its budget is spent ($2.00 of $1.00)" in given_up.text


def test_checks_without_verdict_blame_nobody_and_end() -> None:
    text = 'task a checks=["test"]\n' + found("a")
    again = "in ChecksDone a.1 commit=w-a tree=t-a judgement=inconclusive\n"
    assert [event.kind for event in played(text + again * 2).events] == ["verdict.reached"]
    failed = next(e for e in played(text + again * 3).events if isinstance(e, AttemptFailed))
    assert failed.cause is Cause.INCONCLUSIVE
    assert not failed.counts
