"""Start a process of our own that outlives us: the engine in the background."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gangsaw.core.faults import durable


def start_detached(argv: Sequence[str], *, cwd: Path, log: Path) -> int:
    """The pid of a process in its own session, its output appended to `log`, its input empty."""

    def start() -> int:
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return process.pid

    return durable("procs.detach", start)
