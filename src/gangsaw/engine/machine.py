"""The machine's pressure as an observation, read every few seconds."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.events import Pressure
from gangsaw.core.floors import shortages
from gangsaw.core.model import Limits
from gangsaw.core.observations import MachineRead, MachineSeen
from gangsaw.engine.gauge import Gauge
from gangsaw.engine.room import Room
from gangsaw.meters import read_machine
from gangsaw.store.reserve import ensure_reserve

RELIEF = 1.25
"""Pressure ends only when there is this much more than the floor, so that it does not flutter."""


class MachineWatch:
    """Compares readings with the floors of the limits, and keeps the reserve for a full disk in
    being: without it nothing new is begun either."""

    def __init__(self, room: Room, reserve: Path, gauge: Gauge) -> None:
        self._room, self._reserve, self._gauge = room, reserve, gauge
        self._read_at: float | None = None
        self._level = Pressure.NONE

    def look_anew(self) -> None:
        """Let the next `read` look, however short ago the last one was."""
        self._read_at = None

    def read(self, awake_s: float, limits: Limits) -> list[MachineRead | MachineSeen]:
        """The level and the figures, at most every `check_every_s`, in seconds of time awake."""
        if self._read_at is not None and awake_s - self._read_at < limits.check_every_s:
            return []
        self._read_at = awake_s
        reading = read_machine(self._reserve.parent)
        fullest = self._room.fullest()
        free_mb = fullest.free_mb
        margin = RELIEF if self._level is not Pressure.NONE else 1.0
        short = shortages(
            limits,
            memory_available_pct=reading.memory_available_pct,
            disk_free_mb=free_mb,
            disk_used_pct=fullest.used_pct,
            margin=margin,
        )
        # Where room is short already, the reserve takes none.
        if free_mb >= limits.disk_floor_mb * margin and not ensure_reserve(self._reserve):
            short += (f"{free_mb} MB of disk free, no room for the reserve of the journal",)
        self._level = Pressure.HIGH if short else Pressure.NONE
        level = MachineRead(self._level, " · ".join(short))
        return [level, MachineSeen(self._gauge.measure(reading, fullest))]
