"""A run in waves: what starts together, and what the next wave waits for."""

from __future__ import annotations

import json

import pytest

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


SLOTS = [{"name": "one", "slots": 1}, {"name": "two", "slots": 9, "seats": 2}]


@pytest.mark.parametrize(
    ("tasks", "wave"),
    [
        (("a track=x", "b track=x", "c track=y"), ("a", "c")),
        (('a scope=["src"]', 'b scope=["src/b"]', 'c scope=["docs"]'), ("a", "c")),
        (("a alone=true", "b", "c"), ("a",)),
        (("a", "b alone=true", "c"), ("a", "c")),
        (("a agent=one", "b agent=one", "c agent=two"), ("a", "c")),
        (("a agent=two", "b agent=two", "c agent=two", "d agent=one"), ("a", "b", "d")),
    ],
)
def test_nobody_of_a_wave_waits_for_another_one_of_it(
    tasks: tuple[str, ...], wave: tuple[str, ...]
) -> None:
    text = "limits " + f"max_agents=9 batched=true agents={json.dumps(SLOTS)}\n"
    text += "".join(f"task {task}\n" for task in tasks) + "at 100\nin IntegrationAt c0\n"
    assert state_after(text).wave == wave


def test_a_wave_leaves_out_what_a_person_keeps() -> None:
    tasks = "task a review=person track=x\ntask b track=x\ntask c\n"
    text = "limits max_agents=1 batched=true\n" + tasks + found("a")
    state = state_after(text)
    assert state.wave == ("c",)
    # Not for the wave, which it could not join: for what the person has to see to.
    text += "in WorkspaceAt c.1 /w\nin LaunchStarted c.1 launch=1\n"
    text += "in LaunchExited c.1 launch=1 outcome=refused code=1\n"
    hold = hold_for(state_after(text), "b", AT)
    assert hold is not None
    assert (hold.kind, hold.tasks) == (HoldKind.TRACK, ("a",))


def test_without_waves_nothing_is_held_by_them() -> None:
    state = state_after(begun().replace(" batched=true", ""))
    assert (state.wave, state.waves) == ((), 0)
