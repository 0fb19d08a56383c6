"""Who may start, in which order, and the reason of everybody else."""

from __future__ import annotations

import pytest

from gangsaw.core.policy.admission import HoldKind, hold_for, may_take_slot
from tests.core.core_stage import BEGIN, state_after, working

LIMITED = 'limits max_agents=3 agents=[{"name": "one", "slots": 1}] default_agent=one\n'

HOLDS: list[tuple[str, str, HoldKind, tuple[str, ...]]] = [
    ('task a\ntask b needs=["a"]\n' + BEGIN, "b", HoldKind.NEEDS, ("a",)),
    (
        'task a\ntask b needs=["a"]\ntask c needs=["b"]\n'
        + BEGIN
        + "in Asked k verb=cancel task=a by=me\n",
        "c",
        HoldKind.FAILED_NEEDS,
        ("b",),
    ),
    ("task a\nat 1\nin EngineUp\n", "a", HoldKind.NO_BRANCH, ()),
    ("task a\nin Asked k verb=pause by=me\n" + BEGIN, "a", HoldKind.PAUSED, ()),
    ("task a\nin Asked k verb=stop by=me\n" + BEGIN, "a", HoldKind.STOPPING, ()),
    ("task a\nin MachineRead critical text=disk\n" + BEGIN, "a", HoldKind.PRESSURE, ()),
    ("limits max_agents=1\ntask a\ntask b\n" + BEGIN, "b", HoldKind.SLOTS, ()),
    (LIMITED + "task a\ntask b\n" + BEGIN, "b", HoldKind.AGENT_SLOTS, ()),
    ("task a track=x\ntask b track=x\n" + BEGIN, "b", HoldKind.TRACK, ("a",)),
    ('task a scope=["src"]\ntask b scope=["src/a"]\n' + BEGIN, "b", HoldKind.SCOPE, ("a",)),
    (
        "task a\n" + working("a") + "in LaunchExited a.1 launch=1 outcome=failed code=1\n",
        "a",
        HoldKind.BACKOFF,
        (),
    ),
]


@pytest.mark.parametrize(("text", "task", "kind", "names"), HOLDS)
def test_hold(text: str, task: str, kind: HoldKind, names: tuple[str, ...]) -> None:
    hold = hold_for(state_after(text), task, 100.0)
    assert hold is not None
    assert (hold.kind, hold.tasks) == (kind, names)


@pytest.mark.parametrize(
    ("tasks", "first"),
    [
        ("task a\ntask b\n", "a"),
        ("task a\ntask b priority=1\n", "b"),
        ('task a\ntask b\ntask c needs=["b"]\n', "b"),
        ('task a priority=1\ntask b\ntask c needs=["b"]\n', "a"),
    ],
)
def test_order(tasks: str, first: str) -> None:
    state = state_after("limits max_agents=1\n" + tasks + BEGIN)
    assert list(state.live) == [f"{first}.1"]


def test_a_held_task_does_not_hold_those_behind_it() -> None:
    state = state_after("task a track=x\ntask b track=x\ntask c\n" + BEGIN)
    assert list(state.live) == ["a.1", "c.1"]


def test_slots_for_returned_work() -> None:
    state = state_after(LIMITED + "task a\ntask b agent=two\n" + BEGIN)
    assert not may_take_slot(state, "one")
    assert may_take_slot(state, "two")


def test_scaling_down_lets_the_running_ones_go_on() -> None:
    text = "limits max_agents=2\ntask a\ntask b\ntask c\n" + BEGIN
    state = state_after(text + "in Asked k verb=scale by=me number=1\n")
    assert list(state.live) == ["a.1", "b.1"]
    hold = hold_for(state, "c", 100.0)
    assert hold is not None
    assert hold.text == "1"
