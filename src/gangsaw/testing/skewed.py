"""The program with clocks that a test can set.

    python -m gangsaw.testing.skewed FILE -- run plan.yaml

FILE holds two numbers, read anew whenever the time is asked for: by how many seconds the wall clock
is off, and for how many seconds the machine was suspended so far. A missing file means neither.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gangsaw.__main__ import main as program
from gangsaw.engine.clock import Clock, set_clock

USAGE = "usage: skewed FILE -- ARGUMENTS"


def skewed_clock(file: Path) -> Clock:
    """A clock that is off by what the file says. Suspension moves the wall clock along."""

    def skew() -> tuple[float, float]:
        try:
            set_s, suspended_s = map(float, file.read_text().split())
        except FileNotFoundError:
            return 0.0, 0.0
        return set_s, suspended_s

    return Clock(
        wall=lambda: time.time() + sum(skew()),
        awake=time.monotonic,
        through=lambda: time.monotonic() + skew()[1],
    )


def main(arguments: Sequence[str]) -> int:
    """The program's exit code."""
    match list(arguments):
        case [file, "--", *rest]:
            set_clock(skewed_clock(Path(file)))
            return program(rest)
        case _:
            sys.exit(USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
