"""Events of the governor: how the machine stands, and whom that stops.

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.machine import Governed, Level, MachineReading, MemoryUsed, Want
from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class MachineGoverned(OfRun):
    """A reading that is news, what each live agent uses, what the governor knows after it, and
    what is wanted of one attempt. `before` is the level before it, `worktree_mb` what the files of
    one worktree are expected to take."""

    kind: ClassVar[str] = "machine.governed"
    reading: MachineReading
    used: tuple[MemoryUsed, ...]
    governed: Governed
    want: Want | None = None
    before: Level = Level.NONE
    worktree_mb: float = 0.0
