"""The machine as observations: what the meters say, read every few seconds, and whether the reserve
for a full disk is in being. What follows from it is decided elsewhere."""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.events import Pressure
from gangsaw.core.governing import read_every_s
from gangsaw.core.measures import Measure
from gangsaw.core.observations import MachineRead, MachineSeen
from gangsaw.core.state import State
from gangsaw.engine.gauge import Gauge
from gangsaw.engine.room import Room
from gangsaw.meters import read_machine
from gangsaw.store.reserve import ensure_reserve

RELIEF = 1.25
"""Where the reserve was given up, it is made again only with this much more than the floor."""


class MachineWatch:
    """Reads the meters, and keeps the reserve for a full disk in being: without it nothing new is
    begun either."""

    def __init__(self, room: Room, reserve: Path, gauge: Gauge) -> None:
        self._room, self._reserve, self._gauge = room, reserve, gauge
        self._read_at: float | None = None
        self._measure: Measure | None = None

    def look_anew(self) -> None:
        """Let the next `read` look, however short ago the last one was."""
        self._read_at = None

    def look_again_s(self, awake_s: float, state: State) -> float:
        """How soon `read` will look again, in seconds of time awake."""
        every_s = read_every_s(state, self._measure)
        return every_s if self._read_at is None else max(0.0, self._read_at + every_s - awake_s)

    def read(self, awake_s: float, state: State) -> list[MachineRead | MachineSeen]:
        """The reserve and the figures, as often as the state calls for."""
        if self._read_at is not None and self.look_again_s(awake_s, state) > 0:
            return []
        self._read_at = awake_s
        reading = read_machine(self._reserve.parent)
        fullest = self._room.fullest()
        floor_mb = state.limits.disk_floor_mb
        margin = 1.0 if state.pressure is Pressure.NONE else RELIEF
        # Where room is short already, the reserve takes none.
        lacks = fullest.free_mb >= floor_mb * margin and not ensure_reserve(self._reserve)
        text = f"{fullest.free_mb} MB of disk free, no room for the reserve of the journal"
        level = MachineRead(Pressure.HIGH, text) if lacks else MachineRead(Pressure.NONE, "")
        self._measure = self._gauge.measure(reading, fullest)
        return [level, MachineSeen(self._measure)]
