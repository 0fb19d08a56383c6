"""Is there room for one more? What is running counts with the larger of what it uses and what is
known of its like, so that a start is not judged by what the last ones have not taken yet.

What nobody runs beside may begin whatever is expected of it, as long as the machine is not short
by itself: else a large task would never begin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gangsaw.core.machine import Bounds, Candidate, Governed, Level, Load, MachineReading
from gangsaw.core.policy.victims import passed

UNKNOWN_MB = 1024.0
"""The peak that is expected of an attempt when nothing is known of its like."""
PEAKS_LOOKED_AT = 20
"""Of so many of the latest attempts of one kind."""
PEAK_RANK = 0.75
"""The peak counted is the one that this part of them stayed under or reached."""

Kind = tuple[str, str, str]
"""Agent, model, and kind of turn: what a footprint is learned for. Empty where not known."""
Footprints = Mapping[Kind, Sequence[float]]
"""The peaks that were seen, in MB, oldest first."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why nothing more is begun now, with the numbers; `until` (epoch seconds) where time alone
    mends it."""

    text: str
    until: float | None = None


def expected_mb(footprints: Footprints, kind: Kind, unknown_mb: float = UNKNOWN_MB) -> float:
    """The peak to expect: of exactly this kind, else of the agent and model, else of the agent,
    else the one given."""
    agent, model, _ = kind
    for wide in (kind, (agent, model, ""), (agent, "", "")):
        known = sorted([peak for peak in footprints.get(wide, ()) if peak > 0][-PEAKS_LOOKED_AT:])
        if known:
            return known[int(PEAK_RANK * (len(known) - 1))]
    return unknown_mb


def shortage(
    candidate: Candidate,
    loads: Sequence[Load],
    reading: MachineReading,
    known: Governed,
    bounds: Bounds,
    now: float,
    *,
    started_at: float | None = None,
    preparing_mb: float = 0.0,
) -> Shortage | None:
    """Why this one may not be started now; `None` when it may.

    `loads` are the attempts that run or are being started (with no memory yet), `started_at` is
    when the last one was, and `preparing_mb` what worktrees in the making will still take.
    """
    if known.level is not Level.NONE:
        return Shortage(known.text)
    if (short := _disk(candidate, reading, bounds, preparing_mb)) is not None:
        return short
    if not loads:
        return None
    if candidate.alone or any(load.alone for load in loads):
        return _beside(candidate, loads)
    if known.parallel is not None and len(loads) >= known.parallel:
        return Shortage(f"{len(loads)} run, of {known.parallel} since memory was short")
    return _memory(candidate, loads, reading, bounds, now, started_at)


def projected_mb(loads: Sequence[Load], reading: MachineReading) -> float:
    """The memory that will be used when all that runs has grown to what its like came to."""
    growth = sum(max(0.0, load.expected_mb - load.memory_mb) for load in loads)
    return reading.total_mb - reading.available_mb + growth


def _disk(
    candidate: Candidate, reading: MachineReading, bounds: Bounds, preparing_mb: float
) -> Shortage | None:
    if reading.disk_free_mb is None or bounds.disk_floor_mb <= 0:
        return None
    left = reading.disk_free_mb - preparing_mb - candidate.worktree_mb
    if left >= bounds.disk_floor_mb:
        return None
    text = f"{left:.0f} MB of disk would be left, floor {bounds.disk_floor_mb:.0f} MB"
    return Shortage(f"{text} ({candidate.worktree_mb:.0f} MB for the worktree)")


def _beside(candidate: Candidate, loads: Sequence[Load]) -> Shortage:
    if candidate.alone:
        return Shortage(f"runs alone, after it was stopped for memory; {len(loads)} still run")
    alone = next(load.attempt for load in loads if load.alone)
    return Shortage(f"{alone} runs alone, after it was stopped for memory")


def _memory(
    candidate: Candidate,
    loads: Sequence[Load],
    reading: MachineReading,
    bounds: Bounds,
    now: float,
    started_at: float | None,
) -> Shortage | None:
    total = max(1.0, reading.total_mb)
    projected = projected_mb(loads, reading) + candidate.expected_mb
    share = 100.0 * projected / total
    paused = started_at is not None and not passed(started_at, bounds.launch_delay_s, now)
    if share < bounds.start_pct:
        # Where there is plenty, nothing has to be waited for.
        if not paused or started_at is None or share < bounds.raise_pct:
            return None
        text = f"{bounds.launch_delay_s:g} s between two starts, at {share:.0f} % of memory"
        return Shortage(text, started_at + bounds.launch_delay_s)
    text = f"{share:.0f} % of memory would be used ({projected:.0f} of {total:.0f} MB"
    return Shortage(
        f"{text}, {candidate.expected_mb:.0f} MB for this one), not below {bounds.start_pct:g} %"
    )
