"""39 workstreams, simulated and then really run, side by side and beside list scheduling.

The durations of the agents are in the plan; what a task takes besides (worktree, start, landing) is
learned from the runs before: a small one, then those with other numbers of agents. Each run is
simulated before it is run. Two yardsticks, both computed here: list scheduling of the planned
durations, which knows no worktrees and no landings, and of the time that each task really took
from its admission to its landing, which tells how well the slots were kept busy.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gangsaw.testing.bench_figures import Figure
from gangsaw.testing.playground import Playground
from gangsaw.testing.workstreams import durations, graph, list_schedule_s

SEED = 39
LASTS_S = 3600.0
TEACHING = 4
"""Tasks of the run that teaches what things take."""


def shape_costs(quick: bool) -> list[Figure]:
    """39 workstreams with 1, 3, 6 and 12 agents."""
    if quick:
        return side_by_side(0.4, (3, 6))
    return side_by_side(6.0, (1, 3, 6, 12))


def side_by_side(median_s: float, counts: Sequence[int]) -> list[Figure]:
    """With agents that take so many seconds at the median."""
    needs = graph()
    planned = durations(list(needs), SEED, median_s)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        ground = Playground(Path(folder) / "ground", max_agents=2)
        teaching = {f"t{n}": list[str]() for n in range(TEACHING)}
        _run(ground, teaching, dict.fromkeys(teaching, 0.3), 2)
        for count in counts:
            plan = _plan(ground, needs, planned)
            words = ("simulate", plan, "--agents", str(count), "--json")
            (expected,) = json.loads(ground.call(*words).stdout)["outcomes"]
            took_s, real = _run(ground, needs, planned, count)
            name = f"39 workstreams, {count} agents"
            ratio = took_s / expected["makespan_s"]
            figures += [
                Figure(f"{name}: makespan", took_s, "s", "simulated", ratio),
                _beside(f"{name}: list scheduling, planned", took_s, needs, planned, count),
                _beside(f"{name}: list scheduling, as they took", took_s, needs, real, count),
            ]
    return figures


def _beside(
    name: str, took_s: float, needs: Mapping[str, Sequence[str]],
    weight: Mapping[str, float], count: int,
) -> Figure:  # fmt: skip
    bound_s = list_schedule_s(needs, weight, count)
    return Figure(name, bound_s, "s", "bound", took_s / bound_s)


def _plan(
    ground: Playground, needs: Mapping[str, Sequence[str]], planned: Mapping[str, float]
) -> Path:
    script = "sleep {s}; echo {n} > {n}.txt; git add -A; git commit -qm {n}"
    return ground.plan(
        [
            {"id": name, "needs": needs[name], "estimate_s": planned[name],
             "prompt": script.format(s=planned[name], n=name)}
            for name in needs
        ]
    )  # fmt: skip


def _run(
    ground: Playground, needs: Mapping[str, Sequence[str]], planned: Mapping[str, float], count: int
) -> tuple[float, dict[str, float]]:
    """From the run's begin to its last landing, and how long each task was at it, in seconds. A
    branch of its own for each run, so that all begin with the same."""
    plan = _plan(ground, needs, planned)
    ground.git("checkout", "-q", "-B", f"with-{count}-of-{len(needs)}", "main")
    done = ground.call("run", plan, "--new", "--plain", "-n", str(count), timeout_s=LASTS_S)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-2000:]}")
    report = json.loads(ground.call("report", "--json").stdout)
    tasks = {task["task"]: task for task in report["tasks"]}
    took_s = {name: task["ended_s"] - task["started_s"] for name, task in tasks.items()}
    return max(task["ended_s"] for task in tasks.values()), took_s
