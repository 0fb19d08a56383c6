"""What is reserved before a launch, what stops one, and what is said of it."""

from __future__ import annotations

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.launch import UsageNoted
from gangsaw.core.phases import Phase
from gangsaw.core.policy import money
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.state import State
from gangsaw.core.status import exit_code, view
from gangsaw.core.work import at_rest, turn
from tests.core.core_stage import played, state_after

AT = 200.0

SPENT = """in Noted {attempt} launch={launch} \
note={{"UsageNoted": {{"input_tokens": 1, "output_tokens": 0, "cost_usd": {cost}}}}}
"""

RUNNING = """limits max_agents=4 {bounds}
task a {own}
task b {own}
task c {own}
at 100
in IntegrationAt c0
in WorkspaceAt a.1 /w/a
in LaunchStarted a.1 launch=1
"""


def spent(cost: float, attempt: str = "a.1", launch: int = 1) -> str:
    """The line of a scenario in which a launch tells what it has used."""
    return SPENT.format(attempt=attempt, launch=launch, cost=cost)


def running(bounds: str, own: str = "") -> State:
    """Three tasks, as far admitted as the money reaches; a.1 runs."""
    return state_after(RUNNING.format(bounds=bounds, own=own))


def used(state: State, cost: float | None, tokens: int = 10) -> list[str]:
    events, _ = turn(state, AT, [ob.Noted("a.1", 1, UsageNoted(tokens, 0, cost_usd=cost))])
    return [event.kind for event in events]


ADMITTED = {
    # bounds of the run → how many launches of three are reserved for
    "": 3,
    "budget_usd=10.0 reserve_usd=3.0": 3,
    "budget_usd=10.0 reserve_usd=0.0": 3,
    "budget_usd=1.0 reserve_usd=3.0": 3,
    "budget_usd=1.0 reserve_usd=0.25": 3,
    "budget_usd=0.0": 0,
    "budget_tokens=100": 3,
    "budget_tokens=500000": 3,
    "budget_tokens=0": 0,
}


@pytest.mark.parametrize("bounds", ADMITTED)
def test_what_is_reserved_before_anything_is_known(bounds: str) -> None:
    text = f"limits max_agents=9 {bounds}\n" + "".join(f"task {name}\n" for name in "abc")
    state = state_after(text + "in IntegrationAt c0\n")
    assert len(state.live) == ADMITTED[bounds]


def test_a_fifth_launch_waits_for_a_quarter_of_a_small_bound() -> None:
    text = "limits max_agents=9 budget_usd=1.0\n" + "".join(f"task {name}\n" for name in "abcde")
    state = state_after(text + "in IntegrationAt c0\n")
    assert list(state.live) == ["a.1", "b.1", "c.1", "d.1"]
    hold = hold_for(state, "e", AT)
    assert hold is not None
    assert hold.kind is HoldKind.BUDGET
    assert hold.text == (
        "the budget has no room for it: "
        "$0.00 of $1.00, up to $1.00 more for 4 at work; this launch may use $0.25"
    )


def test_the_dearest_launch_says_what_the_next_one_may_use() -> None:
    state = running("budget_usd=2.0", own='agent="one"')
    used(state, 0.9)
    assert money.lacking(state, "b", "one", alone=True) == ""
    used(state, 1.2)
    # What has used more than was reserved for it reserves nothing more.
    words = "$1.20 of $2.00; this launch may use $1.20"
    assert money.lacking(state, "b", "one", alone=True) == words
    assert money.lacking(state, "b", "two", alone=True) == ""


@pytest.mark.parametrize(("cost", "stopped"), [(0.99, False), (1.0, False), (1.01, True)])
def test_what_has_overshot_is_stopped(cost: float, stopped: bool) -> None:
    state = running("", own="budget_usd=1.0")
    assert ("stop.wanted" in used(state, cost)) == stopped


def test_tokens_are_bounded_like_money() -> None:
    state = running("budget_tokens=1000")
    assert "stop.wanted" not in used(state, None, 1000)
    assert "stop.wanted" in used(state, None, 1001)
    hold = hold_for(state, "b", AT) or hold_for(state, "c", AT)
    assert hold is None or hold.kind is HoldKind.BUDGET


def test_work_that_was_ready_before_it_could_be_stopped_is_looked_at() -> None:
    text = RUNNING.format(bounds="budget_usd=1.0", own="")
    text += spent(1.5, "a.1")
    done = played(text + "in LaunchExited a.1 launch=1 outcome=done code=0\n")
    assert "inspection.wanted" in [event.kind for event in done.events]


def test_one_that_was_stopped_waits_for_more_money() -> None:
    text = "limits max_agents=1 budget_usd=1.0\ntask a\nat 100\nin IntegrationAt c0\n"
    text += "in WorkspaceAt a.1 /w/a\nin LaunchStarted a.1 launch=1\n"
    text += spent(1.5, "a.1")
    text += "in LaunchExited a.1 launch=1 outcome=crashed signal=15\n"
    state = state_after(text)
    attempt = state.attempts["a.1"]
    assert (attempt.phase, attempt.unpaid, attempt.failed) == (Phase.PARKED, True, None)
    assert "$1.50 of $1.00 spent, $0.50 too much" in view(state, "a", AT).reason
    assert at_rest(state, AT) == "waiting for a person or a limit"
    assert exit_code(state, AT) == 4
    richer = state_after(text + 'in EngineUp limits={"max_agents": 1, "budget_usd": 5.0}\n')
    assert richer.attempts["a.1"].phase is Phase.STARTING
    assert richer.task_states["a"].tries == 0


@pytest.mark.parametrize(("bounds", "own", "flag"), [
    ("budget_usd=1.0", "", True),
    ("budget_usd=9.0", "budget_usd=1.0", False),
])  # fmt: skip
def test_more_money_for_the_run_is_named_only_where_it_helps(
    bounds: str, own: str, flag: bool
) -> None:
    text = f"limits max_agents=1 {bounds}\ntask a {own}\nat 100\nin IntegrationAt c0\n"
    text += "in WorkspaceAt a.1 /w/a\nin LaunchStarted a.1 launch=1\n"
    text += spent(1.5) + "in LaunchExited a.1 launch=1 outcome=crashed signal=15\n"
    reason = view(state_after(text), "a", AT).reason
    assert "to go on: gangsaw retry a" in reason
    assert ("gangsaw run --budget N" in reason) is flag


def test_a_person_lets_it_go_on_all_the_same() -> None:
    text = "limits max_agents=1 budget_usd=1.0\ntask a\nat 100\nin IntegrationAt c0\n"
    text += "in WorkspaceAt a.1 /w/a\nin LaunchStarted a.1 launch=1\n"
    text += spent(1.5) + "in LaunchExited a.1 launch=1 outcome=crashed signal=15\n"
    text += "in Asked r verb=retry task=a by=me\nin LaunchStarted a.1 launch=2\n"
    state = state_after(text + spent(1.5, launch=2))
    assert state.usage.cost_usd == 3.0
    assert state.attempts["a.1"].phase is Phase.RUNNING


def test_a_turn_waits_while_the_money_is_reserved_for_others() -> None:
    text = "limits max_agents=2 budget_usd=1.0 default_agent=one turns_max=3\n"
    text += "task a\ntask b\nat 100\nin IntegrationAt c0\n"
    text += "in WorkspaceAt a.1 /w/a\nin LaunchStarted a.1 launch=1\n"
    text += "in WorkspaceAt b.1 /w/b\nin LaunchStarted b.1 launch=1\n"
    text += spent(0.4, "a.1")
    text += "in LaunchExited a.1 launch=1 outcome=done code=0\n"
    text += "in WorkUnsound a.1 launch=1 cause=empty text=nothing\n"
    waiting = played(text)
    # 0.40 spent, 0.40 reserved for b.1, 0.40 for another turn of a.1: more than 1.00.
    assert waiting.state.attempts["a.1"].phase is Phase.RETURNED
    assert view(waiting.state, "a", AT).reason
    text += spent(0.1, "b.1")
    text += "in LaunchExited b.1 launch=1 outcome=done code=0\n"
    assert state_after(text).attempts["a.1"].phase is Phase.STARTING
