"""Events about money that is counted beyond one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class DayBegan(OfRun):
    """Budgets by the day count anew. `day` is numbered as in `days`."""

    day: int
    kind: ClassVar[str] = "day.began"


@dataclass(frozen=True, slots=True)
class SpentElsewhere(OfRun):
    """What other runs of the repository had used on that day when this engine started: tokens, and
    dollars that were reported and that were estimated."""

    day: int
    tokens: int
    cost_usd: float
    estimated_usd: float = 0.0
    kind: ClassVar[str] = "spent.elsewhere"


MoneyEvent = DayBegan | SpentElsewhere
