"""Events of the watchdog: what it did on its own, and that it was not there.

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfAttempt, OfRun


@dataclass(frozen=True, slots=True)
class WatchdogStopped(OfAttempt):
    """The watchdog ended the attempt's launch, at `stopped_at`, because the machine was about to be
    without memory: `available_mb` of `total_mb` were available, all processes waited for memory
    `full_pct` of the time, and the launch used `used_mb`."""

    kind: ClassVar[str] = "watchdog.stopped"
    launch: int
    used_mb: float
    available_mb: float
    total_mb: float
    full_pct: float
    stopped_at: float


@dataclass(frozen=True, slots=True)
class WatchdogEnded(OfRun):
    """The watchdog was not there any more, or could not be started. `again`: it is started anew."""

    kind: ClassVar[str] = "watchdog.ended"
    text: str
    again: bool


WatchdogEvent = WatchdogStopped | WatchdogEnded
