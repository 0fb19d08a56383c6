"""The breaker of an account: growing pauses, one launch first, then the others; and days."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.conditions import Condition
from gangsaw.core.days import DAY_S, begins_at, date_of, day_of
from gangsaw.core.events import TurnWanted
from gangsaw.core.launch import ConditionNoted, OutcomeKind, TurnOutcome, UsageNoted
from gangsaw.core.model import AgentSlots
from gangsaw.core.phases import Phase
from gangsaw.core.policy.accounts import PROBE_MAX_S, RESET_SPREAD_S, opens_at
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.work import at_rest, next_wakeup, turn
from tests.core.core_stage import state_after, working

AT = 200.0
TASKS = "task a agent=one\ntask b agent=two\ntask c agent=one\n"
SLOTS = (
    AgentSlots("one", None, account="team"),
    AgentSlots("two", None, account="team"),
    AgentSlots("other", None),
)


def at_work(more: str = "") -> State:
    """Two agents of one account at work, and a third task of it that waits for a slot."""
    state = state_after("limits max_agents=2\n" + TASKS + more + working("a", "b"))
    state.limits = replace(state.limits, agents=SLOTS)
    return state


def refused(state: State, attempt: str, at: float, **told: float) -> None:
    launch = state.attempts[attempt].launch
    outcome = TurnOutcome(OutcomeKind.LIMITED, "429", told.get("retry_at"), Condition.THROTTLED)
    turn(state, at, [ob.LaunchExited(attempt, launch, outcome, 1, None)])


def pause_of(state: State, at: float) -> float:
    return state.breakers["team"].until - at


def launched(state: State, at: float) -> list[str]:
    events, _ = turn(state, at, [])
    return [event.attempt for event in events if isinstance(event, TurnWanted)]


def test_all_that_are_told_in_one_pause_count_once() -> None:
    state = at_work()
    refused(state, "a.1", AT)
    first = state.breakers["team"]
    refused(state, "b.1", AT + 1)
    assert state.breakers["team"] == first
    assert 0.75 * 10 <= pause_of(state, AT) <= 1.25 * 10
    hold = hold_for(state, "c", AT + 1)
    assert hold is not None
    assert hold.kind is HoldKind.AGENT_PAUSED
    assert "vendor asks to send less" in view(state, "c", AT + 1).reason
    assert next_wakeup(state, AT + 1) == first.until


def test_of_a_full_agent_and_a_paused_one_the_pause_is_told() -> None:
    """The other agent has a free slot and a free seat: it is not for want of these."""
    state = state_after("limits max_agents=9\ntask a agent=one\ntask b agent=two\ntask c\n"
                        + working("a", "b"))  # fmt: skip
    slots = AgentSlots("one", 1), AgentSlots("two", None, seats=2)
    state.limits = replace(state.limits, agents=slots, pool=("one", "two"))
    refused(state, "b.1", AT)
    hold = hold_for(state, "c", AT + 1)
    assert hold is not None
    assert (hold.kind, hold.text) == (HoldKind.AGENT_PAUSED, "two")
    assert hold.until is not None
    assert hold.until > AT + 1


def test_one_goes_first_and_the_others_when_it_was_answered() -> None:
    state = at_work()
    refused(state, "a.1", AT)
    refused(state, "b.1", AT + 1)
    due = state.breakers["team"].until
    assert launched(state, due - 0.1) == []
    assert launched(state, due) == ["a.1"]
    assert launched(state, due + 5) == []
    used = ob.Noted("a.1", 2, UsageNoted(10, 5))
    turn(state, due + 6, [ob.LaunchStarted("a.1", 2, 7, "group"), used])
    latest = due + 6 + RESET_SPREAD_S
    assert due + 6 <= opens_at(state, "two", "b.1") <= latest
    assert launched(state, latest) == ["b.1"]
    assert {attempt.turns_used for attempt in state.live_attempts()} <= {1}
    assert all(known.tries == 0 for known in state.task_states.values())


def test_one_that_only_runs_counts_as_answered_in_the_end() -> None:
    state = at_work()
    refused(state, "a.1", AT)
    refused(state, "b.1", AT + 1)
    due = state.breakers["team"].until
    turn(state, due, [])
    turn(state, due + 1, [ob.LaunchStarted("a.1", 2, 7, "group")])
    assert launched(state, due + 1 + PROBE_MAX_S - 1) == []
    assert launched(state, due + 1 + PROBE_MAX_S) == ["b.1"]


def test_pauses_double_up_to_the_longest() -> None:
    state, at, pauses = at_work(), AT, list[float]()
    for _ in range(9):
        refused(state, "a.1", at)
        pauses.append(pause_of(state, at))
        at = state.breakers["team"].until
        assert launched(state, at) == ["a.1"]
        turn(state, at, [ob.LaunchStarted("a.1", state.attempts["a.1"].launch, 7, "group")])
    longest = state.limits.backoff_max_s
    assert [round(pause) for pause in pauses] != [round(pauses[0])] * 9
    for count, pause in enumerate(pauses):
        plain = min(10.0 * 2**count, longest)
        assert 0.75 * plain <= pause <= 1.25 * plain
    assert state.attempts["a.1"].phase is Phase.RUNNING


@pytest.mark.parametrize(
    ("told_s", "least", "most"), [(60.0, 60, 60), (1.0, 7, 13), (1e6, 900, 900)]
)
def test_what_a_vendor_tells_is_kept_within_reason(told_s: float, least: int, most: int) -> None:
    state = at_work()
    refused(state, "a.1", AT, retry_at=AT + told_s)
    assert least <= pause_of(state, AT) <= most


def test_an_agent_that_waits_by_itself_holds_back_the_others() -> None:
    state = at_work()
    turn(state, AT, [ob.Noted("a.1", 1, ConditionNoted(Condition.OVERLOADED, "try 1 of 10"))])
    assert state.attempts["a.1"].phase is Phase.RUNNING
    assert opens_at(state, "two", "x") > AT
    assert opens_at(state, "other", "x") == 0.0


def test_a_person_may_say_that_the_vendor_bears_it() -> None:
    state = at_work()
    refused(state, "a.1", AT)
    events, _ = turn(state, AT + 1, [ob.Asked("k1", "retry", "a", "me")])
    assert any(isinstance(event, TurnWanted) for event in events)
    assert not state.breakers


# --- days ----------------------------------------------------------------------------------------

NOON = 20 * DAY_S + DAY_S / 2


def spending(usd: float, cost: float | None, **more: float) -> State:
    """One agent at work that has told what it used, under a bound by the day."""
    state = state_after("limits max_agents=1\n" + TASKS + working("a"))
    state.limits = replace(
        state.limits, budget_day_usd=usd, agents=SLOTS, stall_s=1e9, timeout_s=1e9
    )
    noted = UsageNoted(10, 10, cost_usd=cost, estimated_usd=more.get("estimated"))
    other = ob.ElsewhereSpent(20, 5, more.get("elsewhere", 0.0))
    turn(state, NOON, [other, ob.Noted("a.1", 1, noted)])
    return state


def test_a_day_counts_all_runs_and_what_was_estimated() -> None:
    state = spending(2.0, None, estimated=0.75, elsewhere=0.5)
    done = TurnOutcome(OutcomeKind.CRASHED, "killed")
    turn(state, NOON + 1, [ob.LaunchExited("a.1", 1, done, None, 9)])
    # 0.50 elsewhere and 0.75 here are spent; a launch may cost 0.75, which is just enough.
    assert state.attempts["a.1"].launch == 2
    assert state.days[20].estimated_usd == 0.75
    assert state.usage.cost_usd == 0.0


def test_what_overshoots_its_day_goes_on_with_the_next() -> None:
    state = spending(1.0, 1.5)
    attempt = state.attempts["a.1"]
    assert attempt.phase is Phase.STOPPING
    stopped = TurnOutcome(OutcomeKind.CRASHED, "killed")
    turn(state, NOON + 2, [ob.LaunchExited("a.1", 1, stopped, None, 15)])
    attempt = state.attempts["a.1"]
    assert (attempt.phase, attempt.parked_until) == (Phase.PARKED, begins_at(21))
    assert "$1.50 of $1.00 today spent, $0.50 too much" in attempt.parked_text
    hold = hold_for(state, "b", NOON + 2)
    assert hold is not None
    assert (hold.kind, hold.until) == (HoldKind.DAY_BUDGET, begins_at(21))
    assert at_rest(state, NOON + 2) is None, "it goes on by itself"
    assert next_wakeup(state, NOON + 2) == begins_at(21)
    # A launch of its agent was seen to cost more than a day has: no day will do. Another may begin.
    events, _ = turn(state, begins_at(21), [])
    assert [event.kind for event in events] == ["day.began", "attempt.parked", "attempt.admitted"]
    assert state.attempts["a.1"].parked_until is None


def test_the_next_day_has_room_again() -> None:
    state = spending(1.0, 0.75)
    crashed = TurnOutcome(OutcomeKind.CRASHED, "killed")
    turn(state, NOON + 2, [ob.LaunchExited("a.1", 1, crashed, None, 9)])
    assert state.attempts["a.1"].phase is Phase.EXITED
    assert "today" in view(state, "a", NOON + 2).reason
    events, _ = turn(state, begins_at(21), [])
    assert [event.kind for event in events] == ["day.began", "turn.wanted"]


def test_a_day_begins_at_midnight_utc() -> None:
    assert day_of(begins_at(20_000)) == 20_000
    assert day_of(begins_at(20_000) - 0.001) == 19_999
    assert date_of(20_000) == "2024-10-04"
