"""The machine's pressure as an observation, read every few seconds."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.events import Pressure
from gangsaw.core.model import Limits
from gangsaw.core.observations import MachineRead
from gangsaw.engine.room import Room
from gangsaw.meters import read_machine
from gangsaw.store.reserve import ensure_reserve

READ_EVERY_S = 2.0
RELIEF = 1.25
"""Pressure ends only when there is this much more than the floor, so that it does not flutter."""


class MachineWatch:
    """Compares readings with the floors of the limits, and keeps the reserve for a full disk in
    being: without it nothing new is begun either."""

    def __init__(self, room: Room, reserve: Path) -> None:
        self._room, self._reserve = room, reserve
        self._read_at = -READ_EVERY_S
        self._level = Pressure.NONE

    def look_anew(self) -> None:
        """Let the next `read` look, however short ago the last one was."""
        self._read_at = -READ_EVERY_S

    def read(self, awake_s: float, limits: Limits) -> list[MachineRead]:
        """The level, at most every `READ_EVERY_S` seconds of time awake."""
        if awake_s - self._read_at < READ_EVERY_S:
            return []
        self._read_at = awake_s
        reading = read_machine(self._reserve.parent)
        free_mb = self._room.free_mb()
        margin = RELIEF if self._level is not Pressure.NONE else 1.0
        short: list[str] = []
        if reading.memory_available_pct < limits.memory_floor_pct * margin:
            short.append(
                f"{reading.memory_available_pct:.0f} % of memory available, "
                f"floor {limits.memory_floor_pct:.0f} %"
            )
        if free_mb < limits.disk_floor_mb * margin:
            short.append(f"{free_mb} MB of disk free, floor {limits.disk_floor_mb} MB")
        elif not ensure_reserve(self._reserve):
            short.append(f"{free_mb} MB of disk free, no room for the reserve of the journal")
        self._level = Pressure.HIGH if short else Pressure.NONE
        return [MachineRead(self._level, " · ".join(short))]
