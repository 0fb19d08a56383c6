"""Run one program to its end, for checks: launch or adopt, wait, stop at the time limit."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.launch import LaunchSpec
from gangsaw.procs.launch import launch
from gangsaw.procs.probe import (
    Absent,
    Broken,
    Dying,
    Finished,
    Foreign,
    Headless,
    Lost,
    Running,
    Starting,
    probe,
)
from gangsaw.procs.records import ExitRecord
from gangsaw.procs.settle import settle
from gangsaw.procs.stop import kill, stop
from gangsaw.procs.strays import end_strays
from gangsaw.procs.watch import Watch

LAUNCHES_MAX = 3
STARTING_MAX_S = 30.0
CANCEL_POLL_S = 0.1
AFTER_GRACE_S = 0.5
AFTER_KILL_S = 1.0
SETTLES_MAX = 5


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time was over and the tree was ended; the record, if the shim could still write it."""

    record: ExitRecord | None


@dataclass(frozen=True, slots=True)
class LostRun:
    """No exit was recorded. `started`: the program may have run."""

    started: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller asked for the end, and the tree was ended."""


RunEnd = Finished | TimedOut | LostRun | Cancelled


def run_to_end(
    folder: Path,
    spec: LaunchSpec,
    *,
    mark: str,
    timeout_s: float,
    grace_s: float,
    cancelled: threading.Event | None = None,
) -> RunEnd:
    """Carry the turn in `folder` to its end, adopting it if it is already under way.

    `timeout_s` counts from this call. A stop takes at most `grace_s` + 2 s, and leaves nothing.
    """
    deadline = time.monotonic() + timeout_s
    with Watch() as watch:
        for _ in range(LAUNCHES_MAX):
            launch(folder, spec, mark=mark, grace_s=grace_s)
            end = _follow(folder, watch, deadline, cancelled)
            if isinstance(end, Absent):
                # Its records may have been removed under it: it must not run beside itself.
                end_strays(mark, (folder,))
            if end is None:
                asked = cancelled is not None and cancelled.is_set()
                record = _stop(folder, watch, grace_s)
                return Cancelled() if asked else TimedOut(record)
            if not isinstance(end, Absent):
                return end
    return LostRun(started=False, reason="the shim died before it began, again and again")


def _follow(
    folder: Path, watch: Watch, deadline: float, cancelled: threading.Event | None
) -> Finished | LostRun | Absent | None:
    """The end of the turn, `Absent` if it must be launched again, `None` if it must be stopped."""
    starting_until = time.monotonic() + STARTING_MAX_S
    settles = 0
    while True:
        now = time.monotonic()
        until = deadline
        match probe(folder):
            case Finished() | Absent() as end:
                return end
            case Lost(started, reason):
                return LostRun(started, reason)
            case Broken(text) | Foreign(text):
                return LostRun(started=True, reason=text)
            case Headless() | Dying():
                settle(folder)
                settles += 1
                if settles >= SETTLES_MAX:
                    return LostRun(started=True, reason="leftovers cannot be ended")
                continue
            case Starting():
                until = min(deadline, starting_until)
                if now > starting_until:
                    settle(folder)
            case Running():
                pass
        if now >= deadline or (cancelled is not None and cancelled.is_set()):
            return None
        _wait(folder, watch, until, cancelled)


def _wait(folder: Path, watch: Watch, until: float, cancelled: threading.Event | None) -> None:
    """Until the turn may have ended, the time is over, or the caller cancelled. The event of the
    caller cannot be selected on; only for its sake the wait is cut into slices."""
    watch.add(folder)
    while (left_s := until - time.monotonic()) > 0:
        slice_s = left_s if cancelled is None else min(left_s, CANCEL_POLL_S)
        if watch.wait(slice_s) or (cancelled is not None and cancelled.is_set()):
            return


def _stop(folder: Path, watch: Watch, grace_s: float) -> ExitRecord | None:
    """Run the stop ladder to its end; the exit record if there is one."""
    stop(folder)
    _wait(folder, watch, time.monotonic() + grace_s + AFTER_GRACE_S, None)
    if kill(folder):
        _wait(folder, watch, time.monotonic() + AFTER_KILL_S, None)
    found = probe(folder)
    if isinstance(found, Finished):
        return found.record
    settle(folder)
    found = probe(folder)
    return found.record if isinstance(found, Finished) else None
