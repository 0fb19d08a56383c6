"""The landing queue holds admission when it is long, and a spent budget holds further turns."""

from __future__ import annotations

import pytest

from gangsaw.core.model import Limits
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
