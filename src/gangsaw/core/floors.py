"""Of what the machine has too little to start another agent, by the limits of the run."""

from __future__ import annotations

from gangsaw.core.model import Limits


def shortages(
    limits: Limits,
    *,
    memory_available_pct: float,
    disk_free_mb: int,
    disk_used_pct: float,
    margin: float = 1.0,
) -> tuple[str, ...]:
    """A sentence for each floor that is not held; none where there is enough. With a `margin` above
    1 there must be so many times the floor, so that what has begun does not end and begin again."""
    short = []
    floor_pct = limits.memory_floor_pct
    if memory_available_pct < floor_pct * margin:
        short.append(f"{memory_available_pct:.0f} % of memory available, floor {floor_pct:.0f} %")
    if disk_free_mb < limits.disk_floor_mb * margin:
        short.append(f"{disk_free_mb} MB of disk free, floor {limits.disk_floor_mb} MB")
    # What is kept free at a share of 100 is nothing, and that is always there.
    if 100.0 - disk_used_pct < (100.0 - limits.disk_max_pct) * margin:
        short.append(f"{disk_used_pct:.0f} % of disk used, at most {limits.disk_max_pct:.0f} %")
    return tuple(short)
