"""How many candidates may be checked side by side: measured, not configured.

A check that keeps all cores busy is not quicker beside another; one that mostly waits is. So what
finished checks have cost decides, and what they took beside each other has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RUNS_MIN = 3
"""So many finished runs before there is a second one at a time."""
RUNS_LOOKED_AT = 20
"""Only the latest count, so that a slot given up is tried again, and a changed check seen."""
SLOWDOWN_MAX = 1.7
"""Two at a time pay only if each takes less than this many times as long as one alone."""
RESERVE = 0.25
"""The part of the machine that is left to agents."""


@dataclass(frozen=True, slots=True)
class CheckCost:
    """What all the checks of one candidate took: seconds on the wall and of processors, and how
    many candidates were being checked at that time, this one included."""

    wall_s: float
    cpu_s: float
    beside: int = 1


def slots_allowed(
    costs: Sequence[CheckCost], cores: int, most: int, reserve: float = RESERVE
) -> int:
    """How many candidates may be checked at a time, 1 to `most`. `costs` are those of finished
    checks, oldest first; `cores` of the machine; `reserve` is the part kept free for agents."""
    known = [cost for cost in costs if cost.wall_s > 0][-RUNS_LOOKED_AT:]
    if len(known) < RUNS_MIN or most <= 1:
        return 1
    # Beside another a check takes longer for the same work: its load alone is asked.
    alone = [cost for cost in known if cost.beside <= 1]
    load = _load(alone or known, cores)
    room = max(0.0, 1.0 - reserve)
    allowed = most if load * most <= room else int(room / load)
    allowed = max(1, min(most, allowed))
    if allowed > 1 and _slowdown(known) > SLOWDOWN_MAX:
        allowed -= 1
    return allowed


def _load(costs: Sequence[CheckCost], cores: int) -> float:
    """The part of the machine that one run keeps busy."""
    wall_s = sum(cost.wall_s for cost in costs)
    return sum(max(0.0, cost.cpu_s) for cost in costs) / (wall_s * max(1, cores))


def _slowdown(costs: Sequence[CheckCost]) -> float:
    """How many times as long a run takes beside another as alone; 1 while that is not known."""
    alone = [cost.wall_s for cost in costs if cost.beside <= 1]
    beside = [cost.wall_s for cost in costs if cost.beside > 1]
    if not alone or not beside:
        return 1.0
    return (sum(beside) / len(beside)) / (sum(alone) / len(alone))
