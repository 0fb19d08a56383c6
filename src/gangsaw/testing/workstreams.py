"""39 workstreams in the shape of a real plan (11 roots, longest chain 9), with durations from a
seed, and list scheduling of them: a yardstick that shares nothing with the scheduler."""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

LEVELS = (11, 8, 6, 4, 3, 3, 2, 1, 1)
SIGMA = 0.5


def graph() -> dict[str, list[str]]:
    """Task → needs: each needs one task of the level above, every second one two."""
    rows = [[f"ws-{level}{n:02}" for n in range(size)] for level, size in enumerate(LEVELS, 1)]
    needs: dict[str, list[str]] = {name: [] for name in rows[0]}
    for above, row in pairwise(rows):
        for n, name in enumerate(row):
            chosen = [above[n % len(above)], above[(n + 1) % len(above)]]
            needs[name] = sorted(set(chosen[: 1 + n % 2]))
    return needs


def durations(names: Sequence[str], seed: int, median_s: float) -> dict[str, float]:
    """Seconds of each task's agent: log-normal."""
    rng = random.Random(seed)
    return {name: round(median_s * rng.lognormvariate(0, SIGMA), 3) for name in names}


def chains(needs: Mapping[str, Sequence[str]], weight: Mapping[str, float]) -> dict[str, float]:
    """The weight of the heaviest chain from each task to an end, itself included."""
    found: dict[str, float] = {}
    children = {name: [other for other in needs if name in needs[other]] for name in needs}
    for name in reversed(list(needs)):  # tasks stand after all they need
        found[name] = weight[name] + max((found[child] for child in children[name]), default=0.0)
    return found


def list_schedule_s(
    needs: Mapping[str, Sequence[str]], weight: Mapping[str, float], agents: int
) -> float:
    """The length of the schedule in which a free agent takes the ready task with the heaviest
    chain, and nothing else costs time."""
    rank = chains(needs, weight)
    done: set[str] = set()
    waiting, running, now = set(needs), list[tuple[float, str]](), 0.0
    while waiting or running:
        ready = sorted((n for n in waiting if set(needs[n]) <= done), key=lambda n: -rank[n])
        for name in ready[: agents - len(running)]:
            waiting.remove(name)
            heapq.heappush(running, (now + weight[name], name))
        now, name = heapq.heappop(running)
        done.add(name)
    return now


@dataclass(frozen=True, slots=True)
class Took:
    """How long a task had its slot, and how long after that until it had landed, in seconds."""

    slot_s: float
    lands_s: float


def two_part_schedule_s(
    needs: Mapping[str, Sequence[str]], took: Mapping[str, Took], agents: int
) -> float:
    """The shorter of two schedules by list scheduling, until the last landing: a slot is free when
    its work is checked, and taken at once by the best that is ready then; or it is free only with
    the landing, so that what waits for that landing is among those it may be given to."""
    whole = {name: each.slot_s + each.lands_s for name, each in took.items()}
    return min(_by_events_s(needs, took, whole, agents), list_schedule_s(needs, whole, agents))


def _by_events_s(
    needs: Mapping[str, Sequence[str]],
    took: Mapping[str, Took],
    whole: Mapping[str, float],
    agents: int,
) -> float:
    rank = chains(needs, whole)
    landed: set[str] = set()
    waiting, free, now = set(needs), agents, 0.0
    agenda: list[tuple[float, str, bool]] = []
    while waiting or agenda:
        ready = sorted((n for n in waiting if set(needs[n]) <= landed), key=lambda n: -rank[n])
        for name in ready[:free]:
            waiting.remove(name)
            free -= 1
            heapq.heappush(agenda, (now + took[name].slot_s, name, False))
        now, name, has_landed = heapq.heappop(agenda)
        if has_landed:
            landed.add(name)
        else:
            free += 1
            heapq.heappush(agenda, (now + took[name].lands_s, name, True))
    return now
