"""Which ports an attempt may use: a block of its own for as long as it is live.

Each live attempt has a number that no other live one has; from it follows its block. The numbers
follow from the order of events alone, so they are the same after a restart and in every replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gangsaw.core.settings import WorktreeSettings
    from gangsaw.core.state import State

PORT_MAX = 65_535

NO_ATTEMPT = 0
"""Number of the block for landings that are no attempt's, of which there is one at a time."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports from `first` on, `count` of them."""

    first: int
    count: int


def number_blocks(state: State) -> None:
    """Give every live attempt the lowest number that is free, and take back those of the others.
    Called by the indexes whenever an attempt was admitted."""
    blocks = {name: number for name, number in state.blocks.items() if name in state.live}
    free = iter(sorted(set(range(1, len(state.live) + 1)) - set(blocks.values())))
    for name in state.live:
        if name not in blocks:
            blocks[name] = next(free)
    state.blocks = blocks


def ports_of(state: State, about: str, settings: WorktreeSettings) -> Ports | None:
    """The ports of an attempt, or of a landing that is no attempt's; `None` where the settings
    give none, or where none are left."""
    first = settings.ports_from + state.blocks.get(about, NO_ATTEMPT) * settings.ports
    if not settings.ports or first + settings.ports - 1 > PORT_MAX:
        return None
    return Ports(first, settings.ports)
