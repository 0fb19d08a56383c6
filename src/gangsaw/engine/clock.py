"""The clocks of the engine as one value, and what their differences tell between two turns.

Wall time is what the log and the core see; a person, or a time server, may set it. Everything that
only has to be waited for goes by time awake. Tests run the program with clocks of their own through
`set_clock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gangsaw.core.events import Jump
from gangsaw.core.observations import ClockShifted

JUMP_MIN_S = 2.0
"""A smaller difference is slewing, or a busy machine, and changes nothing worth telling."""
READS_MAX = 3
"""How often the clocks are read again if the machine slept, or stood still, between two of them:
their differences would tell of a clock that somebody has set, and back again."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Three ways to read the time in seconds: `wall` since the epoch; `awake` since any moment,
    not counting suspension; `through` the same with suspension."""

    wall: Callable[[], float]
    awake: Callable[[], float]
    through: Callable[[], float]


def _through() -> Callable[[], float]:
    # Linux names it so. Elsewhere (macOS) the plain monotonic clock of the system goes on in
    # sleep, and the one of Python stands still.
    name = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC", None)
    return time.monotonic if name is None else lambda: time.clock_gettime(name)


_system = Clock(time.time, time.monotonic, _through())
_in_use = _system


def set_clock(clock: Clock | None) -> None:
    """The clocks of every engine of this process from now on; `None` for those of the system."""
    global _in_use
    _in_use = clock or _system


def clock_in_use() -> Clock:
    """The clocks to go by."""
    return _in_use


class Pace:
    """Compares the clocks from turn to turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._read()

    def _read(self) -> tuple[float, float, float]:
        began_s = self._clock.through()
        for _ in range(READS_MAX):
            found = self._clock.wall(), self._clock.awake(), self._clock.through()
            if found[2] - began_s < JUMP_MIN_S:
                return found
            began_s = found[2]
        return self._clock.wall(), self._clock.awake(), self._clock.through()

    @property
    def wall_s(self) -> float:
        """The wall time of the last reading: jumps are told from that moment on."""
        return self._last[0]

    def jumps(self, planned_s: float) -> list[ClockShifted]:
        """What happened to time since the last call, in which at most `planned_s` seconds were to
        be slept; empty when all is as it should be."""
        before, self._last = self._last, self._read()
        wall_s, awake_s, through_s = (
            now - then for now, then in zip(self._last, before, strict=True)
        )
        lengths = {
            Jump.SUSPENDED: through_s - awake_s,
            Jump.STANDSTILL: awake_s - planned_s,
            Jump.SET: wall_s - through_s,
        }
        return [
            ClockShifted(round(seconds, 3), why)
            for why, seconds in lengths.items()
            if seconds >= JUMP_MIN_S or (why is Jump.SET and seconds <= -JUMP_MIN_S)
        ]
