"""Events of agents that are scaled, added and removed while a run goes on.

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.model import AgentSlots
from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class AgentScaled(OfRun):
    """So many attempts of the agent may be live at a time, 0 for no new ones; `None`: as many as
    the settings say again."""

    kind: ClassVar[str] = "agent.scaled"
    agent: str
    slots: int | None
    by: str


@dataclass(frozen=True, slots=True)
class AgentAdded(OfRun):
    """The agent takes work of this run from now on, as its settings are now."""

    kind: ClassVar[str] = "agent.added"
    agent: AgentSlots
    by: str


@dataclass(frozen=True, slots=True)
class AgentRemoved(OfRun):
    """The agent begins no task any more; what it has begun it brings to its end."""

    kind: ClassVar[str] = "agent.removed"
    agent: str
    by: str


AgentEvent = AgentScaled | AgentAdded | AgentRemoved
