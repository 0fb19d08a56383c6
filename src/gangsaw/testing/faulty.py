"""The program, ending itself by SIGKILL at a named fault point.

    python -m gangsaw.testing.faulty POINT:before|after:N -- run plan.yaml
    python -m gangsaw.testing.faulty --list FILE -- run plan.yaml

The first kills at the N-th passing of that side of the point. The second kills nothing and appends
each passing to FILE, one `POINT:before` or `POINT:after` a line.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence

from gangsaw.__main__ import main as program
from gangsaw.core.faults import Probe, set_probe

USAGE = "usage: faulty POINT:before|after:N -- ARGUMENTS, or faulty --list FILE -- ARGUMENTS"


def main(arguments: Sequence[str]) -> int:
    """The program's exit code, if it lives to tell."""
    head, _, rest = _split(arguments)
    match head:
        case ["--list", file]:
            set_probe(_listing(file))
        case [spec] if spec.count(":") == 2:
            point, side, number = spec.split(":")
            set_probe(_killing(point, side, int(number)))
        case _:
            sys.exit(USAGE)
    return program(rest)


def _split(arguments: Sequence[str]) -> tuple[list[str], str, list[str]]:
    words = list(arguments)
    if "--" not in words:
        sys.exit(USAGE)
    at = words.index("--")
    return words[:at], words[at], words[at + 1 :]


def _killing(point: str, side: str, number: int) -> Probe:
    passed = 0
    mutex = threading.Lock()

    def probe(found: str, at: str) -> None:
        nonlocal passed
        if (found, at) != (point, side):
            return
        with mutex:
            passed += 1
            if passed == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe


def _listing(file: str) -> Probe:
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def probe(found: str, at: str) -> None:
        os.write(fd, f"{found}:{at}\n".encode())

    return probe


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
