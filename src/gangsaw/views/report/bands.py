"""Below the timeline: how many agents were at work at once and, where it was read, how much memory
was in use. Each is a stepped area; a pixel shows the most that there was within it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby, pairwise

from gangsaw.core.report import RunReport
from gangsaw.core.report.values import at_once

BAND, GAP = 34, 10
"""Height of one band, and the room above it."""

Steps = Sequence[tuple[float, float]]


def height_of(report: RunReport) -> int:
    """What `bands` take below the timeline, in pixels."""
    return (BAND + GAP) * len(_bands(report))


def bands(report: RunReport, left: int, right: int, top: int) -> Iterator[str]:
    """The bands between these edges, the first of them below `top`."""
    for at, (name, told, steps, most) in enumerate(_bands(report)):
        y = top + at * (BAND + GAP) + GAP
        yield f'<text x="{left - 6}" y="{y + BAND / 2 + 4:.0f}" text-anchor="end">{name}</text>'
        yield f'<path d="M{left} {y + BAND}H{right}" stroke="#555" stroke-width="0.5"/>'
        columns = _columns(steps, report.totals.wall_s, right - left)
        path = "".join(_area(columns, left, y, most))
        yield (
            f'<path d="{path}" fill="#c9d6e3" stroke="#1d6fb8" stroke-width="0.7">'
            f"<title>{escape(told)}</title></path>"
        )


def _bands(report: RunReport) -> list[tuple[str, str, Steps, float]]:
    """Name, title, steps and the value at the upper edge."""
    stretches = [each for line in report.timeline for each in line.stretches]
    most = report.totals.busy_max
    found: list[tuple[str, str, Steps, float]] = []
    if most:
        found.append(
            (f"at work (of {most})", f"at most {most} agents at work at once",
             at_once(stretches), float(most))
        )  # fmt: skip
    machine = report.machine
    if machine is not None and machine.peaks is not None:
        used = [(each.since_s, each.memory_used_pct) for each in machine.moments]
        told = f"memory: at most {machine.peaks.memory_used_max_pct:.0f} % in use"
        found.append(("memory (of 100 %)", told, used, 100.0))
    return found


def _columns(steps: Steps, wall_s: float, width: int) -> list[float]:
    """For each pixel the highest value within it; each value holds until the next."""
    columns = [0.0] * width
    if wall_s <= 0.0:
        return columns
    scale = width / wall_s
    for (since_s, value), (until_s, _) in pairwise((*steps, (wall_s, 0.0))):
        first = min(width - 1, max(0, int(since_s * scale)))
        last = min(width - 1, max(first, int(until_s * scale)))
        for at in range(first, last + 1):
            columns[at] = max(columns[at], value)
    return columns


def _area(columns: Sequence[float], left: int, y: int, most: float) -> Iterator[str]:
    yield f"M{left} {y + BAND}"
    x = left
    for value, same in groupby(columns):
        level = y + BAND - min(1.0, value / most) * BAND
        x += len(list(same))
        yield f"V{level:.1f}H{x}"
    yield f"V{y + BAND}Z"
