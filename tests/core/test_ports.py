"""Ports: every live attempt has a block of its own, always the same one."""

from __future__ import annotations

import random

from gangsaw.core.ports import Ports, number_blocks, ports_of
from gangsaw.core.settings import WorktreeSettings
from gangsaw.core.state import State

SETTINGS = WorktreeSettings(ports=10, ports_from=20_000)


def state_of(*live: str) -> State:
    return State(live=dict.fromkeys(live))


def test_live_attempts_never_share_a_block_and_keep_theirs() -> None:
    rng = random.Random(7)
    state = State()
    highest = 0
    for n in range(500):
        for name in [name for name in state.live if rng.random() < 0.3]:
            del state.live[name]
        before = {name: state.blocks[name] for name in state.live}
        state.live[f"t{n}.1"] = None
        number_blocks(state)
        assert {name: state.blocks[name] for name in before} == before
        assert set(state.blocks) == set(state.live)
        assert len(set(state.blocks.values())) == len(state.blocks)
        highest = max(highest, *state.blocks.values())
        assert max(state.blocks.values()) <= highest
    assert highest < 20  # numbers are used again


def test_a_block_follows_from_its_number() -> None:
    state = state_of("a.1", "b.1")
    number_blocks(state)
    assert ports_of(state, "a.1", SETTINGS) == Ports(20_010, 10)
    assert ports_of(state, "b.1", SETTINGS) == Ports(20_020, 10)
    assert ports_of(state, "@target", SETTINGS) == Ports(20_000, 10)


def test_without_the_setting_or_beyond_the_last_port_there_are_none() -> None:
    state = state_of("a.1")
    number_blocks(state)
    assert ports_of(state, "a.1", WorktreeSettings()) is None
    assert ports_of(state, "a.1", WorktreeSettings(ports=1000, ports_from=64_000)) is None
