"""What a number of schedules amounted to."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Figures:
    """What a number of schedules amounted to. `crashes` of the engine, of which `reboots` took the
    machine with them and `lost` came before their turn was in the log (or found the disk full);
    `jumps` of the clock; `looks` at whole turns, with `whys` comparisons of a task's reason;
    `folded` schedules, whose every event was written out, read back and folded beside."""

    schedules: int = 0
    turns: int = 0
    events: int = 0
    crashes: int = 0
    reboots: int = 0
    jumps: int = 0
    lost: int = 0
    launches: int = 0
    landed: int = 0
    folded: int = 0
    looks: int = 0
    whys: int = 0

    def add(self, other: Figures) -> None:
        """Take the other figures into these."""
        for field in fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)
