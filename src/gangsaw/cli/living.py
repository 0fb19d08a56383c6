"""The processes that runs of this repository have left alive, and ending them.

They are found by their turn folders and chosen by mark, lock and recorded identity (`procs`),
never by name. Needs neither an engine nor the journal.
"""

from __future__ import annotations

from pathlib import Path

from gangsaw.cli import clock
from gangsaw.procs import Absent, Broken, Finished, Lost, kill, probe, settle, stop
from gangsaw.procs.watchdog import end_watchdog
from gangsaw.store.control import Control

POLL_S = 0.05
_PATTERNS = ("attempts/*/*/turn-*", "checks/*/*/*.*")


def live_turns(control: Control) -> list[Path]:
    """Folders of agents' turns and of checks in which something is, or may be, alive."""
    found = [path for pattern in _PATTERNS for path in sorted(control.root.glob(pattern))]
    return [path for path in found if not is_over(path)]


def end_watchdogs(control: Control) -> None:
    """End those that watch over attempts here: there is none any more, and no engine."""
    for folder in sorted(control.root.glob("attempts/*")):
        end_watchdog(folder)


def is_over(folder: Path) -> bool:
    """Whether nothing of this turn is alive any more."""
    return isinstance(probe(folder), Finished | Lost | Absent | Broken)


def end_turns(folders: list[Path], *, grace_s: float, deadline_s: float) -> list[Path]:
    """End these turns and wait until nothing of them is left; those that are still not over after
    `grace_s` + `deadline_s` seconds. With a grace of 0 they are killed at once."""
    left = list(folders)
    if grace_s > 0:
        for folder in left:
            stop(folder)
        left = _wait(left, grace_s)
    for folder in left:
        kill(folder)
    # A shim ends its own tree; what a dead one left behind is settled.
    left = _wait(left, deadline_s / 2)
    for folder in left:
        settle(folder)
    return _wait(left, deadline_s / 2)


def _wait(folders: list[Path], seconds: float) -> list[Path]:
    left = list(folders)
    for _ in clock.until(seconds, POLL_S):
        left = [folder for folder in left if not is_over(folder)]
        if not left:
            break
    return left
