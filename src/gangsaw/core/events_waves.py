"""Events of a run in waves (`--batched`).

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class WaveFormed(OfRun):
    """These tasks are started now; no other is, before each of them has ended or waits for a
    person. Waves are numbered from 1."""

    kind: ClassVar[str] = "wave.formed"
    number: int
    tasks: tuple[str, ...]


WaveEvent = WaveFormed
