"""The one place of the command line that reads the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator


def now_s() -> float:
    """Seconds since the epoch."""
    return time.time()


def until(deadline_s: float, every_s: float) -> Iterator[float]:
    """Yields at once, then every `every_s` seconds until `deadline_s` seconds have passed: the
    seconds left each time."""
    end = time.monotonic() + deadline_s
    while (left := end - time.monotonic()) > 0:
        yield left
        time.sleep(min(every_s, max(0.0, end - time.monotonic())))


def wait_for(fact: Callable[[], bool], deadline_s: float, every_s: float) -> bool:
    """Whether the fact came true within the deadline."""
    return any(fact() for _ in until(deadline_s, every_s))


def pause(seconds: float) -> None:
    """Wait between two looks at something that cannot wake us."""
    time.sleep(seconds)


def steady_s() -> float:
    """Seconds of a clock that never goes back, to be compared with another such reading only."""
    return time.perf_counter()
