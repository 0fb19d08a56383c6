"""How long a task waits is told, in words, whatever stands before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.conditions import Condition
from gangsaw.core.events import CheckResult, Judgement, TurnWanted
from gangsaw.core.launch import OutcomeKind, SessionNoted, TurnOutcome
from gangsaw.core.model import AgentSlots, Stage, TurnKind
from gangsaw.core.policy.admission import Hold, HoldKind
from gangsaw.core.policy.retry import turns_allowed
from gangsaw.core.spans import span
from gangsaw.core.status import say, view
from gangsaw.core.terms import Cause
from gangsaw.core.work import turn
from gangsaw.views.facts import fact_line
from tests.core.core_stage import found, state_after, working
from tests.core.test_policies_money import spent

AT = 100.0


def test_a_vendors_long_words_do_not_cut_off_how_long_it_waits() -> None:
    state = state_after("limits default_agent=own\ntask a\n" + working("a"))
    agents = (AgentSlots(state.attempts["a.1"].agent, None, resumes=True),)
    state.limits = replace(state.limits, agents=agents)
    turn(state, AT, [ob.Noted("a.1", 1, SessionNoted("s1"))])
    words = "You have hit your usage limit. " * 10
    outcome = TurnOutcome(OutcomeKind.LIMITED, words, AT + 18_000, Condition.QUOTA)
    turn(state, AT, [ob.LaunchExited("a.1", 1, outcome, 1, None)])
    reason = view(state, "a", AT).reason
    assert reason.endswith("… · goes on in 5 h 00 min")
    assert len(reason) <= 200, "so much of a reason is shown"


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (Hold(HoldKind.AGENT_LIMIT, until=AT + 9_000, text="codex"), "again in 2 h 30 min"),
        (Hold(HoldKind.BACKOFF, until=AT + 300, text="it failed"), "again in 5 min after: it fail"),
        (Hold(HoldKind.BACKOFF, until=None, text="it failed"), "again in 0 s after: it failed"),
    ],
)
def test_a_hold_says_when_it_ends(hold: Hold, said: str) -> None:
    assert said in say(hold, AT)


def test_the_screen_names_whose_limit_it_is_and_how_long_it_waits() -> None:
    """Facts are told after all of a turn's events are in the state."""
    state = state_after("limits default_agent=own\ntask a\n" + working("a"))
    own = state.attempts["a.1"].agent
    agents = (AgentSlots(own, None, resumes=True, fallback="other"), AgentSlots("other", 1))
    state.limits = replace(state.limits, agents=agents)
    outcome = TurnOutcome(OutcomeKind.LIMITED, "used up", AT + 600, Condition.QUOTA)
    events, _ = turn(state, AT, [ob.LaunchExited("a.1", 1, outcome, 1, None)])
    lines = [line for event in events if (line := fact_line(state, event, AT))]
    assert any("the agent's usage limit is reached: used up" in line for line in lines), lines
    assert any("a goes on with agent other" in line for line in lines)
    assert not any("other's usage limit" in line for line in lines)
    turn(state, AT, [ob.LaunchStarted("a.1", 2, 7, "group")])
    events, _ = turn(state, AT + 60, [ob.LaunchExited("a.1", 2, outcome, 1, None)])
    lines = [line for event in events if (line := fact_line(state, event, AT))]
    assert any("a waits 9 min: other's usage limit is reached: used up" in line for line in lines)


def test_turns_are_counted_as_they_are_bounded() -> None:
    """A task whose tests come first has one more."""
    state = state_after("task a\n" + working("a"))
    attempt = state.attempts["a.1"]
    assert turns_allowed(state, attempt) == 3
    state.tasks["a"] = replace(state.tasks["a"], stages=(Stage.TEST, Stage.WORK))
    assert turns_allowed(state, attempt) == 4
    returned = replace(attempt, turns_used=3, returned=Cause.CHECKS)
    state.attempts["a.1"] = returned
    wanted = TurnWanted("a.1", 4, 4, TurnKind.FIX)
    line = fact_line(state, wanted, AT) or ""
    assert line.endswith("a goes back to the agent (turn 4 of 4)")


@pytest.mark.parametrize(("checks", "said"), [("", "no checks"), ("c", "all checks green")])
def test_a_review_by_a_person_says_whether_anything_was_checked(checks: str, said: str) -> None:
    wanted = f'task a review=person checks=["{checks}"]\n' if checks else "task a review=person\n"
    passed = CheckResult("c", Judgement.PASSED, 1.0, 0, None, "", "")
    state = state_after(wanted + found("a"))
    if checks:
        done = ob.ChecksDone("a.1", "w-a", "t-a", Judgement.PASSED, (passed,))
        turn(state, AT, [done])
    assert view(state, "a", AT).reason == f"review: 0 files +0 −0, {said}"


def test_spans() -> None:
    assert [span(s) for s in (-1, 119.9, 120, 7_199, 7_200, 11_100)] == [
        "0 s", "119 s", "2 min", "119 min", "2 h 00 min", "3 h 05 min",
    ]  # fmt: skip


@pytest.mark.parametrize(("budget", "stopped"), [("1.0", True), ("9.0", False)])
def test_who_was_stopped_by_us_is_not_said_to_be_killed(budget: str, stopped: bool) -> None:
    text = f"limits max_agents=1 budget_usd={budget}\ntask a\nat 100\nin IntegrationAt c0\n"
    text += "in WorkspaceAt a.1 /w/a\nin LaunchStarted a.1 launch=1\n" + spent(1.5)
    state = state_after(text)
    assert (state.attempts["a.1"].stop_cause is Cause.BUDGET) is stopped
    outcome = TurnOutcome(OutcomeKind.CRASHED, "killed by SIGTERM", condition=Condition.CRASHED)
    events, _ = turn(state, AT, [ob.LaunchExited("a.1", 1, outcome, None, 15)])
    lines = [line for event in events if (line := fact_line(state, event, AT))]
    assert any("killed" in line for line in lines) is not stopped, lines
