"""How many agents a machine carries, and how narrow it is: pure arithmetic on what was measured.

Each of processors, memory and disk allows a number; the least of them counts. The conservative
number is what is left if every agent took half as much again of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IDLE_MB = 512
"""What a coding program takes before it does anything, where it was not measured: those that run
on Node.js or Python take 200 to 500 MB."""
WORK_MB = 768
"""What it and the builds and tests that it starts take besides, while it works."""
DISK_MB = 1024
"""What an agent's worktree takes, with dependencies and what is built in it."""
SPARE = 1.5
"""How much more each agent takes in the conservative case."""
CORES_EACH = 8
"""Up to so many processors there is an agent for each; beyond, for every second: agents wait for
their model most of the time, their builds and tests do not."""
NOMINAL = 0.95
"""A machine sold with 8 GB reports a little less."""


class Risk(StrEnum):
    """How narrow the machine is for several agents; the widest first."""

    VERY_LOW = "VERY_LOW"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True)
class _Row:
    """From how many processors and MB of memory on, and how many agents that goes with."""

    risk: Risk
    cores: int
    memory_mb: int
    least: int
    most: int | None
    words: str


_TABLE = (
    _Row(Risk.VERY_LOW, 16, 20 * 1024, 8, None, "8 agents and more"),
    _Row(Risk.LOW, 4, 8 * 1024, 4, 8, "4 to 8 agents"),
    _Row(Risk.MEDIUM, 2, 4 * 1024, 2, 4, "2 to 4 agents, in batches"),
    _Row(Risk.HIGH, 0, 0, 0, 2, "1 or 2 agents, better one after the other"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The machine, in MB and percent; `agent_mb` is what one agent at work is expected to take,
    with all that it starts."""

    cores: int
    memory_total_mb: int
    memory_available_mb: int
    disk_free_mb: int
    memory_max_pct: float = 80.0
    disk_floor_mb: int = 512
    agent_mb: int = IDLE_MB + WORK_MB


@dataclass(frozen=True, slots=True)
class Capacity:
    """The answer; `reasons` are sentences for people."""

    recommended: int
    conservative: int
    risk: Risk
    reasons: tuple[str, ...]


def capacity(machine: Measured) -> Capacity:
    """How many agents at once, at least 1, and the risk."""
    row = _row_of(machine)
    usable_mb = machine.memory_available_mb - (
        machine.memory_total_mb * (100.0 - machine.memory_max_pct) / 100.0
    )
    disk_mb = machine.disk_free_mb - machine.disk_floor_mb
    shares = {
        "processors": float(_by_cores(machine.cores)),
        "memory": usable_mb / max(1, machine.agent_mb),
        "disk": disk_mb / DISK_MB,
    }
    least = min(shares.values())
    limit = f"the risk level {row.risk.value} goes with {row.words}"
    reasons = [
        f"processors: {machine.cores}, enough for {_whole(shares['processors'])}",
        f"memory: {max(0, round(usable_mb))} MB may be used (of {machine.memory_available_mb} MB "
        f"available, {100.0 - machine.memory_max_pct:g} % of {machine.memory_total_mb} MB stay "
        f"free), {machine.agent_mb} MB for each agent, enough for {_whole(shares['memory'])}",
        f"disk: {machine.disk_free_mb} MB free, {DISK_MB} MB for each agent, enough for "
        f"{_whole(shares['disk'])}",
        limit,
    ]
    fits = _at_most(least, row.most)
    spare = _at_most(least / SPARE, row.most)
    if least < 1:
        reasons.append("there is too little for even one agent: free some memory or disk first")
    risk = row.risk
    if fits < row.least:
        risk = next(each.risk for each in _TABLE if fits >= each.least)
        scarce = min(shares, key=lambda name: shares[name])
        reasons.append(f"with its {scarce} as full as now, the risk is {risk.value}")
    return Capacity(fits, spare, risk, tuple(reasons))


def _by_cores(cores: int) -> int:
    return cores if cores <= CORES_EACH else max(CORES_EACH, cores // 2)


def _row_of(machine: Measured) -> _Row:
    return next(
        row
        for row in _TABLE
        if machine.cores >= row.cores and machine.memory_total_mb >= row.memory_mb * NOMINAL
    )


def _whole(share: float) -> int:
    return max(0, int(share))


def _at_most(share: float, most: int | None) -> int:
    count = max(1, int(share))
    return count if most is None else min(count, most)
