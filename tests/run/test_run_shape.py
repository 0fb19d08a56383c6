"""39 tasks in the shape of a real plan (11 roots, longest chain 9) with 3, 6 and 12 agents: order,
width, and how near the run comes to list scheduling of the same durations."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.endstate import complaints
from gangsaw.testing.ledger import START, STOP, most_alive, read_ledger
from gangsaw.testing.playground import Playground
from gangsaw.testing.workstreams import chains, durations, graph, list_schedule_s

MEDIAN_S = 0.35
PER_LINK_S = 0.5
"""What a run may add for every task of the longest chain: worktree, start, checks, landing."""
GENEROUS = 4.0
"""The factor on the bound that is asserted: this machine has other things to do."""
GENEROUS_S = 20.0

Figure = Callable[[str, object], None]


def test_the_yardstick() -> None:
    needs = {"a": [], "b": [], "c": ["a"], "d": ["c"], "e": []}
    weight = {"a": 1.0, "b": 2.0, "c": 1.0, "d": 1.0, "e": 1.0}
    assert list_schedule_s(needs, weight, 1) == sum(weight.values())
    assert list_schedule_s(needs, weight, 2) == 3.0
    assert list_schedule_s(needs, weight, 9) == 3.0


@pytest.mark.parametrize("agents", [3, 6, 12])
def test_39_tasks(tmp_path: Path, agents: int, record_property: Figure) -> None:
    needs = graph()
    weight = durations(list(needs), 39, MEDIAN_S)
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
