"""Pressure stall figures: how much of the last seconds was lost to waiting for something scarce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/proc/pressure")


@dataclass(frozen=True, slots=True)
class Stall:
    """Percent of the last ten seconds in which some of the processes (or all of them, `full`)
    waited."""

    some_pct: float
    full_pct: float


@dataclass(frozen=True, slots=True)
class Stalls:
    """For each scarce thing; `None` where the system does not tell (no Linux, or switched off)."""

    memory: Stall | None = None
    cpu: Stall | None = None
    io: Stall | None = None


def read_stalls(folder: Path = FOLDER) -> Stalls:
    """The figures now, of the whole machine."""
    return Stalls(*(_read(folder / name) for name in ("memory", "cpu", "io")))


def _read(path: Path) -> Stall | None:
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    figures = {}
    for line in lines:
        name, *pairs = line.split()
        values = dict(pair.partition("=")[::2] for pair in pairs)
        try:
            figures[name] = float(values["avg10"])
        except (KeyError, ValueError):
            return None
    if "some" not in figures:
        return None
    # Older kernels have no `full` line for processors.
    return Stall(figures["some"], figures.get("full", 0.0))
