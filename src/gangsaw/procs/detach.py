"""Start a program that is no turn: the engine in the background, where it outlives us, or what a
person works with, in front of us on the terminal."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from gangsaw.core.faults import durable
from gangsaw.procs.children import Child

_FOR_THE_PERSON = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What a terminal sends to everybody in front; it is meant for the program there."""
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)


def start_detached(argv: Sequence[str], *, cwd: Path, log: Path) -> int:
    """The pid of a process in its own session, its output appended to `log`, its input empty."""
    return start_background(argv, cwd=cwd, log=log).pid


def start_background(argv: Sequence[str], *, cwd: Path, log: Path) -> Child:
    """The same, for who wants to know how it ends (`poll`). It outlives us all the same."""

    def start() -> Child:
        with log.open("ab") as output:
            return Child(
                list(argv),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    return durable("procs.detach", start)


def run_in_front(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> int:
    """The exit code (or the negative signal) of a program that has our terminal until it ends.

    Keys such as Ctrl-C are its own. Who ends us ends it, and we wait for that. Raises `OSError`
    where it cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, frame: FrameType | None) -> None:
        if process is not None:
            process.send_signal(number)

    # A handler and not "ignore": what is ignored stays so in the program that is started.
    former = {number: signal.signal(number, lambda *_: None) for number in _FOR_THE_PERSON}
    former |= {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        process = subprocess.Popen(list(argv), cwd=cwd, env=dict(env))
        return process.wait()
    finally:
        for number, before in former.items():
            signal.signal(number, before)
