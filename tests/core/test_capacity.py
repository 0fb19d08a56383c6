"""How many agents a machine carries."""

from __future__ import annotations

import pytest

from gangsaw.core.capacity import DISK_MB, Capacity, Measured, Risk, capacity

MUCH_MB = 1_000_000


def of(
    cores: int, total_mb: int, available_mb: int, disk_mb: int = MUCH_MB, agent_mb: int = 1280
) -> Capacity:
    return capacity(Measured(cores, total_mb, available_mb, disk_mb, agent_mb=agent_mb))


@pytest.mark.parametrize(
    ("cores", "total_mb", "available_mb", "expected"),
    [
        # The example of the guide that asked for this.
        (16, 21504, 21146, (8, 5, Risk.VERY_LOW)),
        (32, 131072, 120000, (16, 10, Risk.VERY_LOW)),
        (12, 65536, 60000, (8, 5, Risk.LOW)),
        (8, 16384, 15500, (8, 5, Risk.LOW)),
        (16, 16384, 15500, (8, 5, Risk.LOW)),
        # Sold as 8 GB.
        (4, 7900, 7700, (4, 2, Risk.LOW)),
        (3, 65536, 60000, (3, 2, Risk.MEDIUM)),
        (2, 4096, 3700, (2, 1, Risk.MEDIUM)),
        (8, 5000, 4700, (2, 1, Risk.MEDIUM)),
        (1, 16384, 15000, (1, 1, Risk.HIGH)),
        (8, 2048, 1900, (1, 1, Risk.HIGH)),
    ],
)
def test_numbers_and_risk(
    cores: int, total_mb: int, available_mb: int, expected: tuple[int, int, Risk]
) -> None:
    found = of(cores, total_mb, available_mb)
    assert (found.recommended, found.conservative, found.risk) == expected


def test_what_is_scarce_now_counts_and_is_named() -> None:
    full = of(16, 32768, 12000)
    assert (full.recommended, full.risk) == (4, Risk.LOW)
    assert any("memory" in reason and "LOW" in reason for reason in full.reasons)
    tight = of(16, 32768, 30000, disk_mb=512 + 2 * DISK_MB)
    assert (tight.recommended, tight.conservative, tight.risk) == (2, 1, Risk.MEDIUM)
    assert any("disk" in reason and "MEDIUM" in reason for reason in tight.reasons)


def test_there_is_always_room_for_one_and_it_is_said_that_there_is_not() -> None:
    none = of(16, 32768, 2000)
    assert (none.recommended, none.conservative, none.risk) == (1, 1, Risk.HIGH)
    assert any("too little for even one" in reason for reason in none.reasons)


def test_larger_agents_are_fewer() -> None:
    counts = [of(16, 21504, 21146, agent_mb=size).recommended for size in (500, 2000, 4000, 9000)]
    assert counts == [8, 8, 4, 1]


def test_more_of_anything_never_means_fewer_agents() -> None:
    last = 0
    for cores in range(1, 65):
        found = of(cores, 262144, 250000).recommended
        assert found >= last
        last = found
    assert last == 32
