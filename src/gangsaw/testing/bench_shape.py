"""39 workstreams, simulated and then really run, side by side and beside list scheduling.

The durations of the agents are in the plan; what a task takes besides (worktree, start, landing) is
learned from the runs before: a small one, then those with other numbers of agents. Each run is
simulated before it is run, and once more after it, by what tasks then took besides: a machine that
is busier, or less so, than it was makes a difference only to the first. The other yardsticks are
computed here, from nothing of the scheduler's:

- list scheduling of the planned durations alone, which knows no worktrees and no landings;
- list scheduling of what each task really took: how long it had its slot, and how long after that
  until it had landed. This tells how well the slots were kept busy, whatever a busy machine did;
- the part of the slots' time that was idle although a task was ready: what waves waste.

An agent is as long at work as the plan says, its own commit included.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gangsaw.testing.bench_figures import Figure
from gangsaw.testing.playground import Playground
from gangsaw.testing.workstreams import Took, durations, graph, list_schedule_s, two_part_schedule_s

SEED = 39
LASTS_S = 3600.0
TEACHING = 8
"""Tasks of the run that teaches what things take."""
MEDIAN_S = {1: 3.0, 3: 6.0, 6: 6.0, 12: 6.0}
"""So long is an agent at work at the median: every run takes a minute or two."""
BATCHED = (3, 2.5)
"""Agents and median of the run in waves."""
NEAR_SIMULATION, NEAR_BOUND = 1.05, 1.02

SCRIPT = """t0=$(date +%s.%N)
echo {n} > {n}.txt; git add -A; git commit -qm {n}
sleep $(date +%s.%N | awk -v t0="$t0" '{{ left = t0 + {s} - $1; print (left > 0 ? left : 0) }}')
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run went: until its last landing, and what each task took."""

    makespan_s: float
    tasks: dict[str, Took]
    idle_pct: float


def shape_costs(quick: bool) -> list[Figure]:
    """39 workstreams with 1, 3, 6 and 12 agents."""
    if quick:
        return side_by_side({3: 0.4, 6: 0.4}, (3, 0.4))
    return side_by_side(MEDIAN_S, BATCHED)


def side_by_side(medians: Mapping[int, float], batched: tuple[int, float]) -> list[Figure]:
    """With so many agents that take so many seconds at the median, and once in waves."""
    needs = graph()
    figures: list[Figure] = []
    simulated, again, bounds = [], [], []
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        ground = Playground(Path(folder) / "ground", max_agents=2)
        teaching = {f"t{n}": list[str]() for n in range(TEACHING)}
        _run(ground, teaching, dict.fromkeys(teaching, 0.5), 3)
        for count, median_s in medians.items():
            planned = durations(list(needs), SEED, median_s)
            expected_s = _simulated_s(ground, needs, planned, count)
            ran = _run(ground, needs, planned, count)
            name = f"39 workstreams, {count} agents"
            bound_s = two_part_schedule_s(needs, ran.tasks, count)
            simulated.append(ran.makespan_s / expected_s)
            again.append(ran.makespan_s / _simulated_s(ground, needs, planned, count))
            bounds.append(ran.makespan_s / bound_s)
            figures += [
                Figure(f"{name}: makespan", ran.makespan_s, "s", "simulated", simulated[-1]),
                Figure(f"{name}: the same", ran.makespan_s, "s", "simulated after it", again[-1]),
                _beside(f"{name}: list scheduling, as they took", ran.makespan_s, bound_s),
                _beside(
                    f"{name}: list scheduling, planned, no landing",
                    ran.makespan_s, list_schedule_s(needs, planned, count),
                ),
                Figure(f"{name}: slots idle while a task was ready", ran.idle_pct, "%"),
            ]  # fmt: skip
        figures += _in_waves(ground, needs, *batched)
    return [
        *figures,
        *_verdict("from the simulation", simulated, NEAR_SIMULATION),
        *_verdict("from that after it", again, NEAR_SIMULATION),
        *_verdict("over list scheduling", bounds, NEAR_BOUND),
    ]


def _in_waves(
    ground: Playground, needs: Mapping[str, Sequence[str]], count: int, median_s: float
) -> list[Figure]:
    planned = durations(list(needs), SEED, median_s)
    ran = _run(ground, needs, planned, count, "--batched")
    name = f"39 workstreams, {count} agents in waves"
    bound_s = two_part_schedule_s(needs, ran.tasks, count)
    return [
        _beside(f"{name}: list scheduling, as they took", ran.makespan_s, bound_s),
        Figure(f"{name}: slots idle while a task was ready", ran.idle_pct, "%"),
    ]


def _verdict(name: str, ratios: Sequence[float], most: float) -> list[Figure]:
    """The worst of all, and for how many it was kept; farther on either side of a simulation is
    worse, less than what list scheduling needs is not."""
    off = [max(each, 1 / each) if most == NEAR_SIMULATION else each for each in ratios]
    kept = sum(each <= most for each in off)
    return [
        Figure(f"39 workstreams: worst {name} (goal {100 * (most - 1):.0f})",
               100 * (max(off) - 1), "%"),
        Figure(f"39 workstreams: goal kept {name}, of {len(off)} runs", kept, "runs"),
    ]  # fmt: skip


def _beside(name: str, took_s: float, bound_s: float) -> Figure:
    return Figure(name, bound_s, "s", "bound", took_s / bound_s)


def _plan(
    ground: Playground, needs: Mapping[str, Sequence[str]], planned: Mapping[str, float]
) -> Path:
    return ground.plan(
        [
            {"id": name, "needs": needs[name], "estimate_s": planned[name],
             "prompt": SCRIPT.format(s=planned[name], n=name)}
            for name in needs
        ]
    )  # fmt: skip


def _simulated_s(
    ground: Playground, needs: Mapping[str, Sequence[str]], planned: Mapping[str, float], count: int
) -> float:
    plan = _plan(ground, needs, planned)
    done = ground.call("simulate", plan, "--agents", str(count), "--json")
    (expected,) = json.loads(done.stdout)["outcomes"]
    return float(expected["makespan_s"])


def _run(
    ground: Playground,
    needs: Mapping[str, Sequence[str]],
    planned: Mapping[str, float],
    count: int,
    *more: str,
) -> Ran:
    """A branch of its own for each run, so that all begin with the same."""
    plan = _plan(ground, needs, planned)
    branch = "-".join(("with", str(count), "of", str(len(needs)), *more))
    ground.git("checkout", "-q", "-B", branch.replace("---", "-"), "main")
    words = ("--new", "--plain", "-n", str(count), *more)
    done = ground.call("run", plan, *words, timeout_s=LASTS_S)
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-2000:]}")
    lines = ground.call("events", "--json").stdout.splitlines()
    return _read([json.loads(line) for line in lines], needs, count)


def _read(
    events: Sequence[Mapping[str, object]], needs: Mapping[str, Sequence[str]], count: int
) -> Ran:
    at: dict[tuple[str, str], float] = {}
    for event in events:
        about, _, _ = str(event["subject"]).rpartition(".")
        at[str(event["kind"]), about] = float(str(event["at"]))
    began = min(moment for (kind, _), moment in at.items() if kind == "attempt.admitted")
    tasks = {
        name: Took(
            at["verdict.reached", name] - at["attempt.admitted", name],
            at["landed", name] - at["verdict.reached", name],
        )
        for name in needs
    }
    starts = {name: at["attempt.admitted", name] - began for name in needs}
    ended = max(starts[name] + took.slot_s + took.lands_s for name, took in tasks.items())
    idle_s = _idle_s(needs, starts, tasks, count)
    return Ran(ended, tasks, 100 * idle_s / (count * ended))


def _idle_s(
    needs: Mapping[str, Sequence[str]],
    starts: Mapping[str, float],
    tasks: Mapping[str, Took],
    count: int,
) -> float:
    """Seconds of slots that were free although that many tasks were ready and not started."""
    lands = {name: starts[name] + took.slot_s + took.lands_s for name, took in tasks.items()}
    ready = {name: max((lands[need] for need in needs[name]), default=0.0) for name in needs}
    moments = sorted({0.0, *ready.values(), *starts.values(),
                      *(starts[name] + took.slot_s for name, took in tasks.items())})  # fmt: skip
    idle_s = 0.0
    for since, until in pairwise(moments):
        busy = sum(starts[n] <= since < starts[n] + tasks[n].slot_s for n in needs)
        waiting = sum(ready[n] <= since < starts[n] for n in needs)
        idle_s += (until - since) * min(waiting, max(0, count - busy))
    return idle_s
