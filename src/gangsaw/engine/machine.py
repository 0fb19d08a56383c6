"""The machine's pressure as an observation, read every few seconds."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.events import Pressure
from gangsaw.core.model import Limits
from gangsaw.core.observations import MachineRead
from gangsaw.meters import read_machine

READ_EVERY_S = 5.0
RELIEF = 1.25
"""Pressure ends only when there is this much more than the floor, so that it does not flutter."""


class MachineWatch:
    """Compares readings with the floors of the limits."""

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._read_at = 0.0
        self._level = Pressure.NONE

    def read(self, now: float, limits: Limits) -> list[MachineRead]:
        """The level, at most every `READ_EVERY_S` seconds."""
        if now - self._read_at < READ_EVERY_S:
            return []
        self._read_at = now
        reading = read_machine(self._disk)
        margin = RELIEF if self._level is not Pressure.NONE else 1.0
        short: list[str] = []
        if reading.memory_available_pct < limits.memory_floor_pct * margin:
            short.append(
                f"{reading.memory_available_pct:.0f} % of memory available, "
                f"floor {limits.memory_floor_pct:.0f} %"
            )
        if reading.disk_free_mb < limits.disk_floor_mb * margin:
            short.append(f"{reading.disk_free_mb} MB of disk free, floor {limits.disk_floor_mb} MB")
        self._level = Pressure.HIGH if short else Pressure.NONE
        return [MachineRead(self._level, " · ".join(short))]
