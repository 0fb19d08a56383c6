"""Keeps the run's watchdog alive: a process of its own that ends agents for want of memory when
nobody else can.

It is never needed for the run: a watchdog that cannot be started, or that dies, is told and started
again after a pause that doubles, and after `STARTS_MAX` the run goes on without.
"""

from __future__ import annotations

from pathlib import Path

from gangsaw.core.governing import bounds_of
from gangsaw.core.model import Limits
from gangsaw.core.observations import WatchdogActed, WatchdogGone
from gangsaw.meters.cgroup import memory_limit_files
from gangsaw.procs.records import read_note
from gangsaw.procs.watchdog import SUPPORTED, LimitFiles, Watchdog, WatchdogBounds

STARTS_MAX = 6
PAUSE_S, PAUSE_MAX_S = 1.0, 60.0


class Keeper:
    """One engine's. Its bounds are those of the governor."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        bounds = bounds_of(limits)
        files = [LimitFiles(*map(str, each)) for each in memory_limit_files()]
        self._watchdog = Watchdog(
            folder, WatchdogBounds(bounds.hard_pct, limits.memory_budget_mb, limits=files)
        )
        self._starts = STARTS_MAX if bounds.hard_pct <= 0 or not SUPPORTED else 0
        self._start_at: float | None = 0.0

    def look(self, awake_s: float) -> list[WatchdogGone]:
        """See to it that it is alive, and tell where it was not; `awake_s` is in seconds of time
        awake."""
        found = []
        code = self._watchdog.ended()
        if code is not None:
            found.append(self._gone(awake_s, f"it ended with {code}"))
        if self._start_at is None or awake_s < self._start_at or self._starts >= STARTS_MAX:
            return found
        self._starts += 1
        self._start_at = None
        try:
            self._watchdog.start()
        except OSError as error:
            found.append(self._gone(awake_s, f"it cannot be started: {error.strerror}"))
        return found

    def close(self, *, dismiss: bool) -> None:
        """Let go of it; it goes on by itself while agents are alive, unless it is dismissed."""
        self._watchdog.close(dismiss=dismiss)

    def _gone(self, awake_s: float, why: str) -> WatchdogGone:
        self._start_at = awake_s + min(PAUSE_MAX_S, PAUSE_S * 2.0 ** (self._starts - 1))
        return WatchdogGone(why, self._starts < STARTS_MAX)


def acted(attempt: str, launch: int, folder: Path) -> list[WatchdogActed]:
    """What the watchdog noted of a turn that is known to have been stopped."""
    note = read_note(folder)
    if note is None:
        return []
    told = (note.used_mb, note.available_mb, note.total_mb, note.full_pct, note.at)
    return [WatchdogActed(attempt, launch, *told)]
