"""What a schedule remembers of its turns, and what of one may be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import Event
from gangsaw.core.status import View


@dataclass(frozen=True, slots=True)
class Wrong:
    """A task's view that is not so."""

    task: str
    view: View


@dataclass(frozen=True, slots=True)
class Spent:
    """What the run has really cost (dollars)."""

    cost_usd: float


class Word(StrEnum):
    """What else may be wrong: the decisions or the wake-up, and the fold of the log."""

    SETTLED = "settled"
    RESTART = "restart"


Suspect = Event | ac.Action | Wrong | Spent | Word | None
"""What must not be: this event, action or view after the last turn, or other costs than these."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of a schedule's history: what was seen and what followed. It was for nothing where
    the engine died before the log had it (`kept` false)."""

    at: float
    seen: tuple[ob.Observation, ...]
    events: tuple[Event, ...]
    kept: bool = True
