"""39 tasks in the shape of a real plan (11 roots, longest chain 9) with 3, 6 and 12 agents: order,
width, and how near the run comes to list scheduling of the same durations."""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from gangsaw.testing.endstate import complaints
from gangsaw.testing.ledger import START, STOP, most_alive, read_ledger
from gangsaw.testing.playground import Playground

LEVELS = (11, 8, 6, 4, 3, 3, 2, 1, 1)
MEDIAN_S, SIGMA = 0.35, 0.5
PER_LINK_S = 0.5
"""What a run may add for every task of the longest chain: worktree, start, checks, landing."""
GENEROUS = 4.0
"""The factor on the bound that is asserted: this machine has other things to do."""
GENEROUS_S = 20.0

Figure = Callable[[str, object], None]


def graph() -> dict[str, list[str]]:
    """Task → needs: each needs one task of the level above, every second one two."""
    rows = [[f"ws-{level}{n:02}" for n in range(size)] for level, size in enumerate(LEVELS, 1)]
    needs: dict[str, list[str]] = {name: [] for name in rows[0]}
    for above, row in pairwise(rows):
        for n, name in enumerate(row):
            chosen = [above[n % len(above)], above[(n + 1) % len(above)]]
            needs[name] = sorted(set(chosen[: 1 + n % 2]))
    return needs


def durations(names: Sequence[str], seed: int) -> dict[str, float]:
    """Seconds of each task's agent: log-normal."""
    rng = random.Random(seed)
    return {name: round(MEDIAN_S * rng.lognormvariate(0, SIGMA), 3) for name in names}


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


def test_the_yardstick() -> None:
    needs = {"a": [], "b": [], "c": ["a"], "d": ["c"], "e": []}
    weight = {"a": 1.0, "b": 2.0, "c": 1.0, "d": 1.0, "e": 1.0}
    assert list_schedule_s(needs, weight, 1) == sum(weight.values())
    assert list_schedule_s(needs, weight, 2) == 3.0
    assert list_schedule_s(needs, weight, 9) == 3.0


@pytest.mark.parametrize("agents", [3, 6, 12])
def test_39_tasks(tmp_path: Path, agents: int, record_property: Figure) -> None:
    needs = graph()
    weight = durations(list(needs), seed=39)
    longest = max(chains(needs, dict.fromkeys(needs, 1.0)).values())
    assert (len(needs), sum(not n for n in needs.values()), longest) == (39, 11, 9)
    ground = Playground(tmp_path / "ground", max_agents=agents)
    plan = ground.plan(
        [
            {"id": name, "title": f"Workstream {name}", "needs": needs[name],
             "workspace": "worktree", "prompt": prompt(name, weight[name])}
            for name in needs
        ]
    )  # fmt: skip
    began = time.monotonic()
    ground.run(plan)
    took_s = time.monotonic() - began
    assert complaints(ground, needs) == []
    alive = most_alive(read_ledger(ground.ledger))
    assert 1 < alive <= agents
    best_s = list_schedule_s(needs, weight, agents)
    allowed_s = 1.1 * best_s + PER_LINK_S * longest
    assert took_s < GENEROUS * allowed_s + GENEROUS_S
    record_property(
        "figure",
        f"39 tasks, {agents:>2} agents (at most {alive} alive): {took_s:.1f} s, list scheduling "
        f"{best_s:.1f} s, ratio {took_s / best_s:.2f}; allowed {allowed_s:.1f} s "
        f"(110 % + 9 x {PER_LINK_S} s): {'within' if took_s <= allowed_s else 'ABOVE'}",
    )


def prompt(name: str, seconds: float) -> str:
    """The shell script of one agent."""
    work = [f"sleep {seconds}", f"echo {name} > {name}.txt", "git add -A"]
    return "\n".join([START, *work, f"git commit -qm 'Work of {name}'", STOP])
