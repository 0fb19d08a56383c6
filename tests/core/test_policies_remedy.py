"""What follows each condition that ends a turn: the next event, and whether it counts as a try."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.conditions import Condition
from gangsaw.core.events import AttemptFailed, AttemptParked, TurnWanted
from gangsaw.core.launch import OutcomeKind, SessionNoted, TurnOutcome, UsageNoted
from gangsaw.core.model import AgentSlots
from gangsaw.core.phases import Phase
from gangsaw.core.policy.accounts import RESET_SPREAD_S, is_limited
from gangsaw.core.policy.remedy import goes_on_at
from gangsaw.core.state import LaunchUsage, State
from gangsaw.core.status import exit_code
from gangsaw.core.usage import used_by_launch
from gangsaw.core.work import at_rest, next_wakeup, turn
from tests.core.core_stage import state_after, working

AT = 100.0
RESET_AT = 5_000.0


def begun(fallback: str = "", *, busy: bool = False) -> State:
    """An agent at work, whose sessions can be taken up again."""
    state = state_after("limits default_agent=own\ntask a\n" + working("a"))
    name = state.attempts["a.1"].agent
    agents = (AgentSlots(name, None, resumes=True, fallback=fallback), AgentSlots("other", 1))
    state.limits = replace(state.limits, agents=agents)
    if busy:
        state.busy["other"] = 1
    turn(state, AT, [ob.Noted("a.1", 1, SessionNoted("s1"))])
    return state


def end(state: State, condition: Condition, *, launch: int = 1, at: float = AT) -> list[object]:
    """The events of the turn in which the launch ends by the condition."""
    outcome = TurnOutcome(OutcomeKind.FAILED, "words", RESET_AT, condition)
    events, _ = turn(state, at, [ob.LaunchExited("a.1", launch, outcome, 1, None)])
    exited = next(n for n, event in enumerate(events) if event.kind == "turn.exited")
    return list(events[exited + 1 :])


NEXT = {
    Condition.STALLED: "same session",
    Condition.PERMISSION: "person",
    Condition.ANSWER: "person",
    Condition.TRUST: "failed",
    Condition.LOGIN_MISSING: "failed",
    Condition.LOGIN_EXPIRED: "failed",
    Condition.MODEL_UNKNOWN: "failed",
    Condition.CONTEXT_FULL: "fresh session",
    Condition.TURN_LIMIT: "same session",
    Condition.MONEY_LIMIT: "failed",
    Condition.QUOTA: "waits",
    Condition.THROTTLED: "waits",
    Condition.OVERLOADED: "waits",
    Condition.NETWORK: "waits",
    Condition.MALFORMED: "same session",
    Condition.CUT: "same session",
    Condition.CRASHED: "same session",
    Condition.FALSE_SUCCESS: "same session",
    Condition.LATE_FAILURE: "looked at",
    Condition.SESSION_LOST: "fresh session",
    Condition.MEMORY: "waits",
}


def outcome_of(events: list[object]) -> str:
    first = events[0]
    if isinstance(first, TurnWanted):
        return "fresh session" if first.fresh else "same session"
    if isinstance(first, AttemptParked):
        return "person" if first.until is None else "waits"
    return "failed" if isinstance(first, AttemptFailed) else "looked at"


@pytest.mark.parametrize("condition", list(Condition))
def test_what_follows_a_condition(condition: Condition) -> None:
    state = begun()
    assert outcome_of(end(state, condition)) == NEXT[condition]
    known = state.task_states["a"]
    assert known.tries == int(NEXT[condition] == "failed")
    assert bool(known.given_up) is (NEXT[condition] == "failed")


ELSEWHERE = ("login_missing", "login_expired", "model_unknown", "quota")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_another_agent_goes_on_in_a_session_of_its_own(name: str) -> None:
    state = begun("other")
    wanted = end(state, Condition(name))[0]
    assert isinstance(wanted, TurnWanted)
    assert (wanted.agent, wanted.fresh) == ("other", True)
    assert (state.attempts["a.1"].agent, state.attempts["a.1"].session) == ("other", None)
    assert state.task_states["a"].tries == 0


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_fallback_without_a_slot_is_waited_for(name: str) -> None:
    state = begun("other", busy=True)
    assert outcome_of(end(state, Condition(name))) == "waits"
    assert turn(state, AT + 1, [])[0] == []
    state.busy["other"] = 0
    events, _ = turn(state, AT + 2, [])
    assert [getattr(event, "agent", "") for event in events] == ["other"]


def test_a_limit_waits_until_the_moment_that_was_told() -> None:
    state = begun()
    end(state, Condition.QUOTA)
    assert next_wakeup(state, AT) == RESET_AT
    assert turn(state, RESET_AT - 1, [])[0] == []
    assert at_rest(state, RESET_AT - 1) is None
    moment = goes_on_at(state, state.attempts["a.1"])
    assert moment is not None
    assert RESET_AT <= moment <= RESET_AT + RESET_SPREAD_S
    assert next_wakeup(state, RESET_AT) in (None, moment)
    (wanted,), _ = turn(state, moment, [])
    assert isinstance(wanted, TurnWanted)
    assert state.attempts["a.1"].session == "s1"
    assert (state.attempts["a.1"].continues, state.attempts["a.1"].waits) == (0, 1)


def test_a_person_may_say_that_a_limit_is_over() -> None:
    state = begun()
    end(state, Condition.QUOTA)
    assert state.account_limits
    events, _ = turn(state, AT + 1, [ob.Asked("k1", "retry", "a", "me")])
    assert any(isinstance(event, TurnWanted) for event in events)
    assert not state.account_limits


def test_parked_for_a_person_the_engine_rests() -> None:
    state = begun()
    end(state, Condition.ANSWER)
    assert next_wakeup(state, AT) is None
    assert at_rest(state, AT) == "waiting for a person or a limit"
    assert exit_code(state, AT) == 3
    assert turn(state, AT + 1e6, [])[0] == []


def test_a_cancelled_task_that_was_parked_ends() -> None:
    state = begun()
    end(state, Condition.QUOTA)
    events, _ = turn(state, AT + 1, [ob.Asked("k1", "cancel", "a", "me")])
    assert any(isinstance(event, AttemptFailed) for event in events)
    assert state.task_states["a"].cancelled


def test_a_turn_that_is_interrupted_again_and_again_is_given_up() -> None:
    state, at = begun(), AT
    for launch in (1, 2, 3):
        assert outcome_of(end(state, Condition.CUT, launch=launch, at=at)) == "same session"
    assert outcome_of(end(state, Condition.CUT, launch=4, at=at)) == "failed"


@pytest.mark.parametrize("kind", [OutcomeKind.CRASHED, OutcomeKind.FAILED])
def test_an_interrupted_turn_waits_for_a_person_once_its_money_is_spent(kind: OutcomeKind) -> None:
    state = begun()
    state.tasks["a"] = replace(state.tasks["a"], budget_usd=1.0)
    turn(state, AT, [ob.Noted("a.1", 1, UsageNoted(1, 1, cost_usd=2.0))])
    condition = Condition.CRASHED if kind is OutcomeKind.CRASHED else Condition.CUT
    outcome = TurnOutcome(kind, "words", None, condition)
    events, _ = turn(state, AT, [ob.LaunchExited("a.1", 1, outcome, 1, None)])
    parked = events[-1]
    assert isinstance(parked, AttemptParked)
    assert parked.until is None
    assert "the budget is spent" in parked.text


def test_agents_take_over_from_each_other_so_often_only() -> None:
    state = begun("other")
    own = state.attempts["a.1"].agent
    both = (AgentSlots(own, None, fallback="other"), AgentSlots("other", None, fallback=own))
    state.limits = replace(state.limits, agents=both)
    for launch, other in ((1, "other"), (2, own), (3, "other")):
        wanted = end(state, Condition.LOGIN_MISSING, launch=launch)[0]
        assert isinstance(wanted, TurnWanted)
        assert wanted.agent == other
    assert outcome_of(end(state, Condition.LOGIN_MISSING, launch=4)) == "failed"


# --- reviewers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("fallback", "seats"), [("other", ["critic", "other"]), ("", ["critic"])])
def test_a_reviewer_that_is_refused_is_not_asked_again(fallback: str, seats: list[str]) -> None:
    """Its fallback is, and after that a person."""
    stages = '["work", "review"]'
    state = state_after(f"task a stages={stages} reviewer=critic\n" + working("a"))
    agents = (AgentSlots("critic", None, fallback=fallback), AgentSlots("other", None))
    state.limits = replace(state.limits, agents=agents)
    turn(state, AT, [ob.LaunchExited("a.1", 1, TurnOutcome(OutcomeKind.DONE), 0, None)])
    turn(state, AT, [ob.WorkInspected("a.1", 1, "w", "t", 1, 1, 1)])
    refused = TurnOutcome(OutcomeKind.REFUSED, "no key", None, Condition.LOGIN_MISSING)
    for launch, seat in enumerate(seats, start=2):
        attempt = state.attempts["a.1"]
        assert (attempt.launch, attempt.seat) == (launch, seat)
        turn(state, AT, [ob.LaunchExited("a.1", launch, refused, 1, None)])
    attempt = state.attempts["a.1"]
    assert attempt.phase is Phase.REVIEWING
    assert attempt.review_text == f"the reviewer {seats[-1]} ended without a verdict: no key"


# --- usage --------------------------------------------------------------------------------------


def spent(state: State, tokens: int, cost: float | None = None) -> LaunchUsage:
    return LaunchUsage(1, tokens, 0, 0, cost, "s1")


@pytest.mark.parametrize(
    ("told_first", "then", "own"),
    [(0, 2_200, 2_200), (500, 2_200, 1_700), (500, 500, 0), (500, 300, 300)],
)
def test_tokens_of_a_session_count_once(told_first: int, then: int, own: int) -> None:
    """A killed launch that told nothing is in what the next one of its session tells."""
    state = begun()
    attempt = replace(state.attempts["a.1"], launch=2, session="s1")
    if told_first:
        attempt = replace(attempt, usage=(spent(state, told_first),))
    noted = UsageNoted(then, 0, of_session=True)
    assert used_by_launch(attempt, 2, noted).input_tokens == own


@pytest.mark.parametrize(("first", "then", "own"), [(0.5, 0.75, 0.25), (None, 0.75, 0.75)])
def test_money_of_a_session_counts_once(first: float | None, then: float, own: float) -> None:
    state = begun()
    attempt = replace(state.attempts["a.1"], launch=2, usage=(spent(state, 10, first),))
    noted = UsageNoted(20, 0, cost_usd=then, cost_of_session=True)
    used = used_by_launch(attempt, 2, noted)
    assert (used.input_tokens, used.cost_usd) == (20, own)


def test_a_late_report_of_a_launch_is_of_the_session_it_had() -> None:
    state = begun()
    first = spent(state, 500, 0.5)
    second = LaunchUsage(2, 1_700, 0, 0, 0.25, "s1")
    attempt = replace(state.attempts["a.1"], launch=3, session=None, usage=(first, second))
    noted = UsageNoted(2_200, 0, cost_usd=0.75, of_session=True)
    assert used_by_launch(attempt, 2, noted) == second


ACCOUNTS = {"one": ("team", "team"), "two": ("team", "other"), "own": ("", "")}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_a_usage_limit_holds_back_all_agents_of_its_account(name: str) -> None:
    first, second = ACCOUNTS[name]
    state = begun()
    mine = state.attempts["a.1"].agent
    agents = (
        AgentSlots(mine, None, resumes=True, fallback="other", account=first),
        AgentSlots("other", None, account=second),
    )
    state.limits = replace(state.limits, agents=agents)
    followed = outcome_of(end(state, Condition.QUOTA))
    shared = name == "one"
    # An agent of the same account is no way out.
    assert followed == ("waits" if shared else "fresh session")
    assert is_limited(state, "other", AT) == shared
    assert is_limited(state, mine, AT)
    assert not is_limited(state, mine, RESET_AT)


def test_those_that_waited_for_one_limit_go_on_one_after_another() -> None:
    moments = set()
    for number in range(1, 6):
        state = begun()
        end(state, Condition.QUOTA)
        waiting = replace(state.attempts["a.1"], id=f"a.{number}")
        moments.add(goes_on_at(state, waiting))
    assert len(moments) == 5
