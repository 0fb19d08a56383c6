"""How many candidates are checked side by side: measured."""

from __future__ import annotations

import pytest

from gangsaw.core.policy.slots import RUNS_LOOKED_AT, CheckCost, slots_allowed

BUSY = CheckCost(wall_s=10.0, cpu_s=20.0)
"""Keeps two cores busy."""
HALF = CheckCost(wall_s=10.0, cpu_s=7.0)
WAITS = CheckCost(wall_s=10.0, cpu_s=0.5)


@pytest.mark.parametrize(
    ("costs", "cores", "most", "allowed"),
    [
        ([], 2, 2, 1),
        ([WAITS] * 2, 2, 2, 1),  # not known well enough
        ([WAITS] * 3, 2, 2, 2),
        ([WAITS] * 3, 2, 1, 1),
        ([WAITS] * 3, 2, 16, 16),
        ([BUSY] * 3, 2, 4, 1),
        ([BUSY] * 3, 8, 4, 3),  # a quarter of the machine each, a quarter of it reserved
        ([HALF] * 3, 2, 4, 2),
        ([HALF] * 3, 1, 4, 1),
        ([CheckCost(10.0, 0.0)] * 3, 2, 4, 4),
        ([CheckCost(0.0, 0.0)] * 9, 2, 4, 1),  # found in the cache: says nothing
        ([BUSY] * 3 + [WAITS] * RUNS_LOOKED_AT, 2, 2, 2),  # the check has changed
    ],
)
def test_the_load_of_one_says_how_many(
    costs: list[CheckCost], cores: int, most: int, allowed: int
) -> None:
    assert slots_allowed(costs, cores, most) == allowed


@pytest.mark.parametrize(("beside_s", "allowed"), [(10.0, 2), (17.0, 2), (17.1, 1), (30.0, 1)])
def test_two_that_hold_each_other_up_are_one_too_many(beside_s: float, allowed: int) -> None:
    costs = [WAITS] * 3 + [CheckCost(beside_s, 0.5, beside=2)] * 2
    assert slots_allowed(costs, 2, 2) == allowed


def test_a_slot_given_up_is_tried_again_later() -> None:
    costs = [WAITS] * 3 + [CheckCost(30.0, 0.5, beside=2)] * 2
    assert slots_allowed(costs, 2, 2) == 1
    assert slots_allowed(costs + [WAITS] * RUNS_LOOKED_AT, 2, 2) == 2


@pytest.mark.parametrize(("reserve", "allowed"), [(0.0, 4), (0.25, 3), (0.5, 2), (1.0, 1)])
def test_the_part_kept_for_agents_is_not_given_away(reserve: float, allowed: int) -> None:
    assert slots_allowed([BUSY] * 3, 8, 8, reserve) == allowed


def test_more_runs_at_a_time_are_never_allowed_for_a_heavier_check() -> None:
    for cores in (1, 2, 4, 16):
        found = [slots_allowed([CheckCost(10.0, cpu)] * 3, cores, 8) for cpu in range(0, 200, 3)]
        assert found == sorted(found, reverse=True)
        assert set(found) <= set(range(1, 9))
