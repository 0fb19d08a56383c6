"""What is known of an account whose vendor asked to send less. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.conditions import Condition

BREAKS = frozenset({Condition.THROTTLED, Condition.OVERLOADED})
"""Conditions that open an account's breaker: they pass soon, and the more ask the longer it
takes. A used-up allowance has a moment of its own, and a lost network is nobody's account."""

PAUSE_TOLD_MAX_S = 15 * 60.0
"""A vendor that asks for a longer pause means a used-up allowance, or its clock is wrong."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """No agent of the account is launched from `since` until `until`, the `count`th pause in a row.

    After that one launch is let through, the `launch` of the attempt `probe` (empty before), and
    the others follow when it was answered: at `closed_at`, each within `window_s` of it.
    """

    count: int
    since: float
    until: float
    probe: str = ""
    launch: int = 0
    closed_at: float | None = None
    window_s: float = 0.0
