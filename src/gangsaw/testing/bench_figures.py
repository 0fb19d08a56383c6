"""What a measurement is made of."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. Times in milliseconds, memory in megabytes."""

    name: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a whole process tree."""

    wall_s: float
    cpu_s: float


def measure(call: Callable[[], object]) -> Cost:
    """What a call costs, children that it waited for included."""
    before, began = _cpu_s(), time.perf_counter()
    call()
    return Cost(time.perf_counter() - began, _cpu_s() - before)


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
