"""A long landing queue holds admission; batches become smaller when a change was to blame."""

from __future__ import annotations

import pytest

from gangsaw.core.evolve_landing import back_to_smaller_batches
from gangsaw.core.model import Limits
from gangsaw.core.policy import batches
from gangsaw.core.policy.admission import QUEUE_MIN, HoldKind, hold_for_all
from gangsaw.core.state import State


@pytest.mark.parametrize(
    ("queued", "agents", "held"),
    [
        (QUEUE_MIN - 1, 2, False),
        (QUEUE_MIN, 2, True),
        (QUEUE_MIN, 50, False),
        (200, 50, True),
    ],
)
def test_a_long_queue_holds_admission(queued: int, agents: int, held: bool) -> None:
    state = State(run="r1", head="c0", limits=Limits(max_agents=agents))
    state.queue = [f"t{n}.1" for n in range(queued)]
    hold = hold_for_all(state)
    assert (hold is not None and hold.kind is HoldKind.QUEUE) is held


@pytest.mark.parametrize(
    ("window", "size", "after"),
    [(16, 8, 4), (16, 4, 2), (16, 1, 1), (2, 4, 1), (3, 4, 1), (1, 4, 1)],
)
def test_batches_shrink_from_what_they_really_were(window: int, size: int, after: int) -> None:
    state = State(run="r1", limits=Limits(window=window))
    state.batch_size = size
    back_to_smaller_batches(state)
    assert batches.size_of(state) == after
