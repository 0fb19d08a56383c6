"""The governor of the core beside other policies, on made-up plans in a made-up time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gangsaw.core.machine import Governed, Load
from gangsaw.core.policy import pressure, victims
from gangsaw.testing.governing import GRACE_S, POLICIES, TASKS, TICK_S, Means, compare, jobs
from gangsaw.testing.planting import with_values

SEEDS = 300 if os.environ.get("GANGSAW_LONG") else 12
OURS = "memory per progress"
ROUGHLY = 1.0 if SEEDS >= 300 else 1.25
"""A dozen plans tell policies that are close to each other apart only roughly."""
WALL_MOST = 1.02
"""Ours may take this many times as long as the quickest of the others."""

Note = Callable[[str, object], None]


@pytest.fixture(scope="module")
def compared() -> dict[str, Means]:
    return {policy: compare(policy, range(SEEDS)) for policy in POLICIES}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_for_a_short_machine(
    policy: str, compared: dict[str, Means], record_property: Note
) -> None:
    """None finishes more or loses less than ours."""
    found, ours = compared[policy], compared[OURS]
    record_property("figure", f"governor, {policy}: {found.text} ({SEEDS} seeds)")
    assert ours.lost_s <= ROUGHLY * found.lost_s
    assert ours.finished >= found.finished


def test_every_task_is_finished_and_the_reserve_kept(compared: dict[str, Means]) -> None:
    """One victim at a time, none of the kernel's, and less than 5 % for no more than 5 s."""
    ours = compared[OURS]
    assert (ours.whole, ours.at_once, ours.by_kernel) == (SEEDS, 1, 0)
    assert ours.below_s <= 5.0
    assert ours.kills > 0, "memory was never short"


def test_as_quick_as_any(compared: dict[str, Means]) -> None:
    others = min(found.wall_s for found in compared.values())
    assert compared[OURS].wall_s <= WALL_MOST * others


def test_a_plan_is_the_same_for_each_policy() -> None:
    assert jobs(7) == jobs(7) != jobs(8)
    assert len(jobs(7)) == TASKS
    assert TICK_S < GRACE_S, "a kill without a grace is quicker"


def test_a_governor_that_does_not_wait_for_its_victim_is_seen() -> None:
    def hasty(
        known: Governed, acute: object, reading: object, loads: list[Load], *more: Any
    ) -> Any:
        others = [load for load in loads if load.attempt != known.victim]
        fresh = replace(known, victim="", chosen_at=None)
        return victims.wanted(fresh, acute, reading, others, *more)  # type: ignore[arg-type]

    with with_values(pressure, wanted=hasty):
        assert compare(OURS, range(4)).at_once > 1
