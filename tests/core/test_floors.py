"""Of what there is too little."""

from __future__ import annotations

import pytest

from gangsaw.core.floors import shortages
from gangsaw.core.model import Limits

LIMITS = Limits(memory_floor_pct=20.0, disk_floor_mb=1000, disk_max_pct=90.0)


@pytest.mark.parametrize(
    ("memory_pct", "free_mb", "used_pct", "margin", "short"),
    [
        (20.0, 1000, 90.0, 1.0, ()),
        (19.9, 1000, 90.0, 1.0, ("memory",)),
        (50.0, 999, 50.0, 1.0, ("MB of disk free",)),
        (50.0, 5000, 90.1, 1.0, ("of disk used",)),
        (1.0, 1, 99.0, 1.0, ("memory", "MB of disk free", "of disk used")),
        # What has begun ends only with a quarter more.
        (24.9, 5000, 50.0, 1.25, ("memory",)),
        (25.0, 1249, 50.0, 1.25, ("MB of disk free",)),
        (25.0, 1250, 88.0, 1.25, ("of disk used",)),
        (25.0, 1250, 87.5, 1.25, ()),
    ],
)
def test_floors(
    memory_pct: float, free_mb: int, used_pct: float, margin: float, short: tuple[str, ...]
) -> None:
    found = shortages(
        LIMITS,
        memory_available_pct=memory_pct,
        disk_free_mb=free_mb,
        disk_used_pct=used_pct,
        margin=margin,
    )
    assert len(found) == len(short)
    assert all(word in text for word, text in zip(short, found, strict=True))


def test_floors_at_their_ends_never_hold() -> None:
    wide = Limits(memory_floor_pct=0.0, disk_floor_mb=0, disk_max_pct=100.0)
    assert shortages(wide, memory_available_pct=0.0, disk_free_mb=0, disk_used_pct=100.0) == ()
