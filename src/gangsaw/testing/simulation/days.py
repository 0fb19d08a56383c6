"""Bounds by the day, and what other runs of the repository have used on it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gangsaw.core import observations as ob
from gangsaw.core.model import Limits

if TYPE_CHECKING:
    from gangsaw.testing.simulation.plans import Scene

_DAILY = 0.25
"""How many schedules are bounded by the day."""

DAY_S = 86_400


def with_days(scene: Scene, rng: Random) -> Scene:
    """The same, perhaps bounded by the day. By chance of its own, so that the schedules without
    such a bound are what they were."""
    if rng.random() > _DAILY:
        return scene
    usd, tokens = rng.choice((None, 1.0, 2.0, 4.0)), rng.choice((None, None, 60, 120))
    limits = replace(scene.limits, budget_day_usd=usd, budget_day_tokens=tokens)
    return replace(scene, limits=limits)


def elsewhere(limits: Limits, clock: float, life: int) -> list[ob.Observation]:
    """What an engine finds in the journals of other runs when it starts."""
    if limits.budget_day_usd is None and limits.budget_day_tokens is None:
        return []
    rng = Random(f"{clock} {life}")
    tokens, usd, estimated = rng.choice(((0, 0.0, 0.0), (0, 0.0, 0.0), (15, 0.25, 0.5)))
    return [ob.ElsewhereSpent(int(clock // DAY_S), tokens, usd, estimated)]
