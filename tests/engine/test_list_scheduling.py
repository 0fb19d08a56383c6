"""Imagined runs beside list scheduling, which knows nothing of the scheduler: where landing takes
no time they are the same to the moment; where it does, nearly."""

from __future__ import annotations

import random

from gangsaw.core.learning import Learned
from gangsaw.core.model import Limits, Plan, Task
from gangsaw.engine.what_if import foresee
from gangsaw.testing.workstreams import durations, graph, list_schedule_s

Needs = dict[str, list[str]]
SEEDS = range(20)
AGENTS = (2, 3, 5)
NEAR = 1.02


def plan_of(needs: Needs, weight: dict[str, float]) -> Plan:
    tasks = (Task(n, n, "", tuple(needs[n]), estimate_s=weight[n]) for n in needs)
    return Plan("", tuple(tasks))


def random_graph(seed: int) -> tuple[Needs, dict[str, float]]:
    rng = random.Random(seed)
    names = [f"t{n}" for n in range(rng.randint(5, 40))]
    needs: Needs = {}
    for at, name in enumerate(names):
        wanted = sorted(set(rng.choices(names[:at], k=3))) if at else []
        needs[name] = [need for need in wanted if rng.random() < 0.6]
    return needs, {name: round(rng.lognormvariate(4, 0.8), 3) for name in names}


def test_random_graphs_take_what_list_scheduling_takes() -> None:
    for seed in SEEDS:
        needs, weight = random_graph(seed)
        found = foresee(plan_of(needs, weight), Limits(), (), Learned(), AGENTS)
        for outcome in found.outcomes:
            bound_s = list_schedule_s(needs, weight, outcome.agents)
            assert abs(outcome.makespan_s - bound_s) < 1e-6, (seed, outcome.agents)


def test_landings_cost_little_where_slots_are_kept_for_who_waits_for_them() -> None:
    """Half a second from the end of an agent to its landing, and tasks of a minute."""
    needs = graph()
    slow = Learned(combine_s=[0.3], move_s=[0.2])
    for seed in range(1, 6):
        weight = durations(list(needs), seed, 60.0)
        found = foresee(plan_of(needs, weight), Limits(), (), slow, (1, 3, 6, 12))
        for outcome in found.outcomes:
            bound_s = list_schedule_s(needs, weight, outcome.agents)
            assert outcome.makespan_s < NEAR * bound_s, (seed, outcome.agents)
