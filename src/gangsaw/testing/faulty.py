"""The program, ending itself by SIGKILL at a named moment.

    python -m gangsaw.testing.faulty MOMENT:before|after:N -- run plan.yaml
    python -m gangsaw.testing.faulty --list FILE -- run plan.yaml
    python -m gangsaw.testing.faulty --calm -- run plan.yaml

The first kills at the N-th passing of that side of the moment (see `gangsaw.testing.moments`; the
bare name of a point means every moment of it). The second kills nothing and appends each passing
to FILE, one `MOMENT:before` or `MOMENT:after` a line. The third does nothing but the program.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence

from gangsaw.__main__ import main as program
from gangsaw.core.faults import Probe, set_probe
from gangsaw.testing.moments import moments_of

USAGE = "usage: faulty MOMENT:before|after:N | --list FILE | --calm -- ARGUMENTS"


def main(arguments: Sequence[str]) -> int:
    """The program's exit code, if it lives to tell."""
    head, rest = _split(arguments)
    match head:
        case ["--list", file]:
            set_probe(_listing(file))
        case ["--calm"]:
            pass
        case [spec] if spec.count(":") == 2:
            moment, side, number = spec.split(":")
            set_probe(_killing(moment, side, int(number)))
        case _:
            sys.exit(USAGE)
    return program(rest)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    words = list(arguments)
    if "--" not in words:
        sys.exit(USAGE)
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _killing(moment: str, side: str, number: int) -> Probe:
    passed = 0
    mutex = threading.Lock()

    def probe(point: str, at: str) -> None:
        nonlocal passed
        if at != side or not (point == moment or moment in moments_of(point)):
            return
        with mutex:
            passed += 1
            if passed == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return probe


def _listing(file: str) -> Probe:
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def probe(point: str, at: str) -> None:
        os.write(fd, "".join(f"{moment}:{at}\n" for moment in moments_of(point)).encode())

    return probe


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
