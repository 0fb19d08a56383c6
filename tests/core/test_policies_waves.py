"""A run in waves: what starts together, and what the next wave waits for."""

from __future__ import annotations

from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.policy.admission import HoldKind, hold_for
from gangsaw.core.policy.waves import open_tasks
from gangsaw.core.status import view
from gangsaw.testing.scenario import Player
from tests.core.core_stage import found, played, state_after

PLAN = "limits max_agents=2 batched=true\n" + "".join(f"task {name}\n" for name in "abcde")
AT = 200.0


def begun(more: str = "") -> str:
    return PLAN + "at 100\nin IntegrationAt c0\n" + more


def waves_of(player: Player) -> list[tuple[str, ...]]:
    return [event.tasks for event in player.events if isinstance(event, WaveFormed)]


def test_a_wave_is_what_is_ready_as_many_as_there_may_be_agents() -> None:
    state = state_after(begun())
    assert state.wave == ("a", "b")
    assert list(state.live) == ["a.1", "b.1"]
    hold = hold_for(state, "c", AT)
    assert hold is not None
    assert hold.kind is HoldKind.SLOTS


def test_a_free_slot_is_not_taken_before_the_wave_is_over() -> None:
    text = begun("in WorkspaceAt a.1 /w\nin LaunchStarted a.1 launch=1\n")
    text += "in LaunchExited a.1 launch=1 outcome=refused code=1\n"
    state = state_after(text)
    assert state.task_states["a"].given_up
    assert open_tasks(state) == ("b",)
    assert view(state, "c", AT).reason == "for the end of wave 1 (b)"
    text += "in WorkspaceAt b.1 /w\nin LaunchStarted b.1 launch=1\n"
    text += "in LaunchExited b.1 launch=1 outcome=refused code=1\n"
    after = played(text)
    assert waves_of(after) == [("c", "d")]
    assert state_after(text).wave == ("c", "d")


def test_a_wave_does_not_wait_for_a_person() -> None:
    text = "limits max_agents=1 batched=true\ntask a review=person\ntask b\n" + found("a")
    state = state_after(text)
    assert state.wave == ("b",)
    assert "b.1" in state.live


def test_without_waves_nothing_is_held_by_them() -> None:
    state = state_after(begun().replace(" batched=true", ""))
    assert (state.wave, state.waves) == ((), 0)
