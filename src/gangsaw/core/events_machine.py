"""Events of the meters. `events` has them in its union; who speaks of one takes it from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.measures import Measure
from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class MachineMeasured(OfRun):
    """The machine differs by much from what was last on record, or that is long ago."""

    kind: ClassVar[str] = "machine.measured"
    measure: Measure


MachineEvent = MachineMeasured
