"""`evolve`: indexes kept with every event, and events that cannot be are refused."""

from __future__ import annotations

import pytest

from gangsaw.core import events as ev
from gangsaw.core.evolve import evolve
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import Phase
from gangsaw.core.state import IllegalEvent, State
from gangsaw.testing.simulation import Schedule
from tests.core.core_stage import BEGIN, found, state_after, working

CHAIN = 'task a\ntask b needs=["a"]\ntask c needs=["a", "b", "a"]\n'


@pytest.mark.parametrize(
    "event",
    [
        ev.Landed("a.1", "a", "m", "c0", "t"),
        ev.TurnWanted("a.1", 2, 2, TurnKind.FIX),
        ev.AttemptFailed("a.1", ev.Cause.EXIT, "", True, 0.0),
        ev.WorkFound("a.1", "w", "t", 1, 1, 1),
        ev.CandidateBuilt("a.1", "c0", "m", "t"),
        ev.ReviewApproved("a.1", "me"),
        ev.WorkspacePrepared("a.1", "/w"),
    ],
)
def test_what_cannot_happen_to_a_running_attempt(event: ev.Event) -> None:
    with pytest.raises(IllegalEvent):
        evolve(state_after("task a\n" + working("a")), event, 101.0)


def test_an_unknown_event_is_a_bug() -> None:
    with pytest.raises(IllegalEvent):
        evolve(State(), "rain", 1.0)  # type: ignore[arg-type]


def test_needs_are_counted_once_each() -> None:
    state = state_after(CHAIN + BEGIN)
    assert [state.task_states[name].unmet for name in "abc"] == [0, 1, 2]
    assert state.dependants == {"a": ("b", "c"), "b": ("c",), "c": ()}


def test_a_landing_releases_dependants_and_the_slot() -> None:
    text = CHAIN + found("a") + "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
    before = state_after(text)
    assert (before.busy[""], before.open_tasks, before.landed) == (0, 3, [])
    after = state_after(text + "in IntegrationMoved a.1 commit=m1 onto=c0\n")
    assert (after.open_tasks, after.landed, after.head) == (2, ["a"], "m1")
    assert [after.task_states[name].unmet for name in "abc"] == [0, 0, 1]
    assert after.attempts["b.1"].base == "m1"


def test_busy_and_ready_are_what_a_count_finds() -> None:
    for seed in (3, 8, 21, 34):
        schedule = Schedule(seed)
        schedule.run()
        state = schedule.state
        holding = [a for a in state.attempts.values() if a.phase in _HOLDS]
        assert state.busy.get("", 0) == len(holding)
        open_tasks = [name for name, known in state.task_states.items() if not known.closed]
        assert state.open_tasks == len(open_tasks)
        free = {
            name
            for name in open_tasks
            if all(state.task_states[need].finished for need in state.tasks[name].needs)
            and ((last := state.attempt_of(name)) is None or last.phase is Phase.FAILED)
        }
        assert {name for _, name in state.ready} == free
        assert sorted(state.ready) == state.ready


_HOLDS = {
    Phase.PREPARING,
    Phase.READY,
    Phase.STARTING,
    Phase.RUNNING,
    Phase.STOPPING,
    Phase.EXITED,
    Phase.INSPECTING,
    Phase.VERIFYING,
    Phase.VERIFIED,
}


def test_usage_is_the_last_report_of_each_launch() -> None:
    def note(tokens: int, cost: str) -> str:
        body = f'{{"input_tokens": {tokens}, "output_tokens": 0, "cost_usd": {cost}}}'
        return f'in Noted a.1 launch=1 note={{"UsageNoted": {body}}}\n'

    state = state_after("task a\n" + working("a") + note(5, "0.5") + note(9, "0.75"))
    assert (state.usage.tokens, state.usage.cost_usd, state.usage.unpriced) == (9, 0.75, 0)
    assert state.task_states["a"].usage == state.usage
    unpriced = state_after("task a\n" + working("a") + note(5, "null"))
    assert (unpriced.usage.cost_usd, unpriced.usage.unpriced) == (0.0, 1)


def test_only_our_own_moves_are_checked_heads() -> None:
    text = "task a\n" + found("a") + "in CandidateMade a.1 work=w-a onto=c0 commit=m1 tree=t-a\n"
    missed = state_after(text + "in IntegrationElsewhere a.1 commit=m1 onto=c0 found=x\n")
    assert (missed.head, missed.checked_head) == ("x", "")


def test_trouble_ends_when_its_effect_is_done() -> None:
    text = "task a\n" + BEGIN + "in EffectRaised a.1 action=PrepareWorkspace text=no\n"
    assert state_after(text).troubles
    assert not state_after(text + "in WorkspaceAt a.1 /w\n").troubles
