"""What simulated plans say of order: how long tasks take, and which of them run alone. By chance of
their own, so that schedules without it are what they were."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core.durations import NOTHING_LEARNED, CheckTimes, Durations, TurnTimes
from gangsaw.core.model import Task, TurnKind

if TYPE_CHECKING:
    from gangsaw.testing.simulation.plans import Scene

ESTIMATED, LONELY, TAUGHT = 0.4, 0.2, 0.3
"""Parts of the schedules in which the plan says how long, or that some run alone, or in which
earlier runs have taught."""


def with_order(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps with estimates and tasks that run alone."""
    estimated, lonely = rng.random() < ESTIMATED, rng.random() < LONELY
    tasks = tuple(_task(task, rng, estimated, lonely) for task in scene.plan.tasks)
    durations = _durations(rng) if rng.random() < TAUGHT else NOTHING_LEARNED
    return replace(scene, plan=replace(scene.plan, tasks=tasks), durations=durations)


def _task(task: Task, rng: Random, estimated: bool, lonely: bool) -> Task:
    seconds = rng.choice((None, 5.0, 60.0, 700.0)) if estimated else None
    checks = tuple(
        replace(check, estimate_s=rng.choice((None, 2.0, 90.0)) if estimated else None)
        for check in task.checks
    )
    alone = lonely and rng.random() < 0.4
    return replace(task, estimate_s=seconds, checks=checks, alone=alone)


def _durations(rng: Random) -> Durations:
    turns = [
        TurnTimes(agent, "", stage, tuple(rng.choice((3.0, 40.0, 500.0)) for _ in range(3)))
        for agent in ("one", "two", "gone")
        for stage in (TurnKind.TEST, TurnKind.WORK, TurnKind.REVIEW)
        if rng.random() < 0.6
    ]
    return Durations(tuple(turns), (CheckTimes("shared", (rng.choice((1.0, 80.0)),)),))
