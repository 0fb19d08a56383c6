"""The governor and the state: bounds by the settings, what a budget leaves, when to look again,
what is worth an event, and the pause between two starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.evolve import evolve
from gangsaw.core.governing import (
    NEAR_EVERY_S,
    NOTED_EVERY_S,
    bounds_of,
    memory_hold,
    read_every_s,
    reading_of,
)
from gangsaw.core.machine import Bounds, Level
from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.model import AgentSlots, Limits
from gangsaw.core.policy.admission import HoldKind, admit, hold_for
from gangsaw.core.record import record
from gangsaw.core.state import State
from gangsaw.core.work import next_wakeup
from tests.core.core_stage import BEGIN, state_after, working

CALM = Measure(10_000, 8_000, 9_000, 50.0, agents=(AgentMemory("a.1", 500, 500),))
AT = 5000.0


def take(state: State, measure: Measure, at: float = AT) -> list[MachineGoverned]:
    """The governor's events of a reading; the state takes them in."""
    events = record(ob.MachineSeen(measure), state, at)
    for event in events:
        evolve(state, event, at)
    return [event for event in events if isinstance(event, MachineGoverned)]


def one_at_work() -> State:
    return state_after("task a\ntask b\nlimits max_agents=1\n" + working("a"))


@pytest.mark.parametrize(
    ("floor_pct", "levels", "start_pct"),
    [
        (20.0, (20.0, 12.0, 5.0), 70.0),
        (10.0, (10.0, 6.0, 2.5), 85.0),
        (0.0, (0.0, 0.0, 0.0), 100.0),
        # Who wants more left over starts less, and loses nobody earlier for it.
        (40.0, (40.0, 12.0, 5.0), 40.0),
        (100.0, (100.0, 12.0, 5.0), 0.0),
    ],
)
def test_the_bounds_follow_the_floor(
    floor_pct: float, levels: tuple[float, ...], start_pct: float
) -> None:
    found = bounds_of(Limits(memory_floor_pct=floor_pct))
    assert (found.warn_pct, found.soft_pct, found.hard_pct) == pytest.approx(levels)
    assert found.start_pct == pytest.approx(start_pct)
    assert found.raise_pct <= found.start_pct


def test_the_default_bounds_are_those_that_were_simulated() -> None:
    found = bounds_of(Limits())
    assert replace(found, disk_max_pct=Bounds().disk_max_pct) == Bounds()
    assert found.disk_max_pct == Limits().disk_max_pct


def test_without_a_floor_no_wait_for_memory_counts() -> None:
    bounds = bounds_of(Limits(memory_floor_pct=0.0))
    assert (bounds.warn_some_pct, bounds.soft_full_pct) == (100.0, 100.0)


@pytest.mark.parametrize(
    ("budget_mb", "total_mb", "available_mb"),
    [
        (None, 10_000.0, 8_000.0),
        (4_000.0, 4_000.0, 3_500.0),
        (600.0, 600.0, 100.0),
        (300.0, 300.0, 0.0),
        (9_000.0, 9_000.0, 8_000.0),
        (20_000.0, 10_000.0, 8_000.0),
    ],
)
def test_what_a_budget_leaves(budget_mb: float, total_mb: float, available_mb: float) -> None:
    found = reading_of(CALM, Limits(memory_budget_mb=budget_mb))
    assert (found.total_mb, found.available_mb) == (total_mb, available_mb)


@pytest.mark.parametrize(
    ("available_mb", "every_s"),
    [(8_000, 5.0), (4_001, 5.0), (2_999, NEAR_EVERY_S), (100, NEAR_EVERY_S)],
)
def test_the_machine_is_read_more_often_when_memory_is_near_its_bound(
    available_mb: int, every_s: float
) -> None:
    measure = replace(CALM, memory_available_mb=available_mb)
    assert read_every_s(one_at_work(), measure) == every_s
    assert read_every_s(one_at_work(), replace(measure, agents=())) == 5.0
    assert read_every_s(one_at_work(), None) == 5.0


def test_it_is_read_often_until_the_level_has_ended() -> None:
    state = one_at_work()
    take(state, replace(CALM, memory_available_mb=1_500))
    assert state.governor is not None
    assert state.governor.governed.level is Level.WARN
    assert read_every_s(state, CALM) == NEAR_EVERY_S


@pytest.mark.parametrize(
    ("change", "after_s", "event"),
    [
        ({}, 1000.0, False),
        ({"memory_available_mb": 7_900}, NOTED_EVERY_S, True),
        ({"memory_available_mb": 7_901}, NOTED_EVERY_S, False),
        ({"memory_available_mb": 5_000}, NOTED_EVERY_S - 1, False),
        ({"memory_available_mb": 1_999}, 1.0, True),
        ({"agents": (AgentMemory("a.1", 551, 551),)}, NOTED_EVERY_S, True),
        ({"agents": (AgentMemory("a.1", 549, 549),)}, NOTED_EVERY_S, False),
        ({"agents": (AgentMemory("a.1", 551, 551),)}, NOTED_EVERY_S - 1, True),
        ({"agents": (AgentMemory("a.1", 500, 200),)}, NOTED_EVERY_S, True),
        ({"agents": (AgentMemory("a.1", 500, 200),)}, NOTED_EVERY_S - 1, False),
        ({"worktree_mb": 3}, 1.0, True),
    ],
)
def test_what_the_governor_notes_while_a_task_waits(
    change: dict[str, object], after_s: float, event: bool
) -> None:
    state = one_at_work()
    assert len(take(state, CALM)) == 1
    found = take(state, replace(CALM, **change), AT + after_s)  # type: ignore[arg-type]
    assert bool(found) is event


def test_an_agent_that_nobody_knows_yet_is_expected_to_keep_to_its_limit() -> None:
    state = state_after("task a\ntask b\nlimits max_agents=3\n" + working("a"))
    take(state, replace(CALM, memory_available_mb=4_500))
    agent = state.limits.default_agent
    held = memory_hold(state, (agent, "", "work"), AT)
    assert held is not None
    assert "1024 MB for this one" in held.text
    slots = AgentSlots(agent, memory_max_mb=300.0)
    state.limits = replace(state.limits, agents=(slots,))
    assert memory_hold(state, (agent, "", "work"), AT) is None


def test_a_pause_of_the_settings_always_holds() -> None:
    state = state_after("task a\ntask b\nlimits max_agents=3 launch_delay_s=7\n" + BEGIN)
    (begun,) = state.live
    other = "b" if begun == "a.1" else "a"
    since = state.launched_at
    assert since is not None
    hold = hold_for(state, other, since + 6.9)
    assert hold is not None
    assert (hold.kind, hold.until) == (HoldKind.LAUNCH, since + 7)
    assert admit(state, since + 6.9) is None
    assert next_wakeup(state, since + 1) == since + 7
    assert hold_for(state, other, since + 7) is None
    assert admit(state, since + 7) is not None


def test_without_one_both_start_at_once_where_memory_is_far() -> None:
    state = state_after("task a\ntask b\nlimits max_agents=3\n" + BEGIN)
    assert len(state.live) == 2
