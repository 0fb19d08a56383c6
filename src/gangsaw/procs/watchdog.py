"""The watchdog as the engine has it: bounds written, its process started, what it noted read.

The process itself is `sentry`. It must not be needed: where it cannot be started, or has died, all
is as without it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.procs import levels, sentry, shim
from gangsaw.procs.children import Child, end, script_environment, script_path, spawn
from gangsaw.procs.identity import HAS_PROC, Identity, send

EXIT_MAX_S = 5.0
SUPPORTED = sys.platform.startswith("linux") and HAS_PROC


@dataclass(frozen=True, slots=True)
class LimitFiles:
    """Where a control group says its limit of memory, what it uses, and of what that consists."""

    limit: str
    used: str
    stat: str


@dataclass(frozen=True, slots=True)
class WatchdogBounds:
    """Below `hard_pct` of memory available the watchdog acts, when that has lasted for
    `patience_s`. `budget_mb` is what all agents together may use, where that is bounded. The rest
    says where memory is read."""

    hard_pct: float
    budget_mb: float | None = None
    patience_s: float = levels.PATIENCE_S
    limits: Sequence[LimitFiles] = field(default_factory=tuple)
    meminfo: str = "/proc/meminfo"
    pressure: str = "/proc/pressure/memory"

    def text(self, life: str) -> str:
        """As the watchdog of that life reads it."""
        lines = [
            f"protocol {levels.PROTOCOL}",
            f"life {life}",
            f"budget_kb {round((self.budget_mb or 0.0) * 1024)}",
            f"hard_pct {self.hard_pct}",
            f"patience_s {self.patience_s}",
            f"meminfo {self.meminfo}",
            f"pressure {self.pressure}",
        ]
        for each in self.limits:
            lines.append(f"limit {each.limit}\t{each.used}\t{each.stat}")
        return "".join(f"{line}\n" for line in lines)


def end_watchdog(folder: Path) -> bool:
    """End whoever watches over the attempts in `folder`, if anybody does; whether it was there.
    It is who holds the lock and has written down number and start."""
    path = folder / sentry.LOCK
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False  # nobody holds it
    except BlockingIOError:
        words = os.pread(fd, 64, 0).split()
    finally:
        os.close(fd)
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return False
    return send(Identity(int(words[0]), int(words[1])), signal.SIGTERM)


class Watchdog:
    """One process that watches over the attempts in `folder`, until `close`."""

    def __init__(self, folder: Path, bounds: WatchdogBounds) -> None:
        self._folder, self._bounds = folder, bounds
        self._process: Child | None = None
        self._pipe = -1

    @property
    def pid(self) -> int | None:
        """The number of its process, `None` while there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Write the bounds and start the process. One that an engine before us left ends by that.
        Raises `OSError` where it cannot be done."""
        durable("procs.watchdog", self._start)

    def ended(self) -> int | None:
        """How it ended (the exit code, or the negative signal), told once; else `None`."""
        code = self._process.poll() if self._process is not None else None
        if code is not None:
            self._forget()
        return code

    def close(self, *, dismiss: bool) -> None:
        """Let go of it. It goes on while agents of the run are alive, unless it is dismissed, which
        is waited for."""
        if self._process is None:
            return
        if dismiss:
            with suppress(BrokenPipeError):
                os.write(self._pipe, sentry.DISMISSED)
            end(self._process, EXIT_MAX_S)
        self._forget()

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Bounds first: who is on watch here sees by them that it is not needed any more.
        life = secrets.token_hex(8)
        fresh = self._folder / f"{sentry.CONF}.new"
        fresh.write_text(self._bounds.text(life), encoding="utf-8", errors="surrogateescape")
        fresh.replace(self._folder / sentry.CONF)
        end_watchdog(self._folder)
        reading, writing = os.pipe()
        try:
            script = [script_path(sentry.__file__), str(Path(shim.__file__).parent)]
            self._process = spawn(
                [*script, str(self._folder), life],
                cwd=Path("/"),
                env=script_environment(),
                stdin=reading,
            )
        except OSError:
            os.close(writing)
            raise
        finally:
            os.close(reading)
        os.set_blocking(writing, False)
        self._pipe = writing

    def _forget(self) -> None:
        if self._process is not None:
            os.close(self._pipe)
        self._process, self._pipe = None, -1
