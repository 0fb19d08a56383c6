"""Planted faults of the core. A simulation that does not find them is no proof of anything.

Each mutant changes one rule of the core for as long as its context lasts. `find` runs schedules
until one breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gangsaw.core import decide
from gangsaw.testing import (
    mutants_accounts,
    mutants_found,
    mutants_governor,
    mutants_landing,
    mutants_money,
    mutants_narrowing,
    mutants_order,
    mutants_people,
    mutants_queue,
    mutants_seats,
    mutants_starting,
    mutants_turns,
    mutants_watching,
)
from gangsaw.testing.planting import MUTANTS, Mutant, with_values
from gangsaw.testing.simulation import Schedule

SUBJECTS = (
    *(mutants_starting, mutants_turns, mutants_landing, mutants_queue, mutants_found),
    mutants_people,
    mutants_accounts,
    mutants_seats,
    mutants_governor,
    mutants_money,
    mutants_narrowing,
    mutants_order,
    mutants_watching,
)
"""Where the faults are: each of these puts its own into `MUTANTS`."""

SEEDS_MAX = 10_000
"""Schedules within which a mutant must be found."""

DRAWN_MAX = 40_000
"""So many are drawn for it at most; those whose scene cannot show it are not played."""

ROUNDS_MAX = 2_000
"""A mutant whose decisions do not come to rest need not go round as long as the core would."""


@dataclass(frozen=True, slots=True)
class Found:
    """The first of the played schedules (counted from 1) that showed the fault, and how."""

    schedules: int
    how: str


def find(one: Mutant, *, start: int = 0, most: int = SEEDS_MAX) -> Found | None:
    """The first schedule from seed `start` on that fails with the mutant; `None` if all pass."""
    played = 0
    with planted(one):
        for seed in range(start, start + DRAWN_MAX):
            schedule = Schedule(seed)
            if not one.may_show(schedule.scene):
                continue
            if played >= most:
                break
            played += 1
            error = schedule.outcome()
            if error is not None:
                return Found(played, f"{type(error).__name__}: {error}")
    return None


@contextmanager
def planted(one: Mutant) -> Iterator[None]:
    """The core with the fault."""
    with one.planted(), with_values(decide, ROUNDS_MAX=ROUNDS_MAX):
        yield


__all__ = ["MUTANTS", "SEEDS_MAX", "SUBJECTS", "Found", "Mutant", "find", "planted"]
