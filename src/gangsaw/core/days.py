"""Days, as budgets count them: from midnight to midnight UTC, numbered since 1970-01-01.

The same moment is the same day on every machine and in every replay, whatever its zone is set to.
"""

from __future__ import annotations

from datetime import date, timedelta

DAY_S = 86_400.0


def day_of(moment: float) -> int:
    """The day of a moment (epoch seconds)."""
    return int(moment // DAY_S)


def date_of(day: int) -> str:
    """The day's date, `2026-11-22`."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def begins_at(day: int) -> float:
    """When the day begins (epoch seconds)."""
    return day * DAY_S
