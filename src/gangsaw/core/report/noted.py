"""What is written down of a run while it is followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from gangsaw.core.model import Limits, account_of
from gangsaw.core.policy.seats import seats_of
from gangsaw.core.report.values import Doing
from gangsaw.core.seating import Seating


@dataclass(slots=True)
class Launched:
    """One launch that began: whose, and how it ended. Memory is 0 where it was not told."""

    attempt: str
    agent: str
    ended: bool = False
    crashed: bool = False
    cpu_s: float = 0.0
    memory_max_mb: float = 0.0


@dataclass(slots=True)
class Open:
    """What an attempt is at now, since when (epoch seconds)."""

    doing: Doing
    since: float
    slot: int | None
    agent: str


@dataclass(slots=True)
class Tally:
    """Results of one check, by its name: `keys` are those of its commands."""

    keys: set[str] = field(default_factory=set)
    green: int = 0
    red: int = 0
    inconclusive: int = 0
    repeated: int = 0
    partial: int = 0
    seen: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0


@dataclass(slots=True)
class Queue:
    """What the landing queue did; `since` says since when a change has been in it."""

    since: dict[str, float] = field(default_factory=dict)
    waited_s: list[float] = field(default_factory=list)
    batches: int = 0
    runs: int = 0
    red: int = 0
    sent_back: int = 0
    conflicts: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Freed:
    """A slot was given back (`ended`: the attempt is over), at this moment."""

    at: float
    attempt: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """What bounds how many agents run, from this moment (epoch seconds) on."""

    at: float
    limits: Limits
    seating: Seating

    def most(self, agent: str) -> int:
        """How many may run: of all (empty), or of this one, 0 where it begins nothing."""
        bounds: list[int | None] = [self.limits.max_agents]
        if agent:
            slots = next((each.slots for each in self.limits.agents if each.name == agent), None)
            scaled = self.seating.slots_of(agent)
            seats = seats_of(self.limits, account_of(self.limits, agent))
            bounds += [slots if scaled is None else scaled, seats]
        out = bool(agent) and agent in self.seating.removed
        return 0 if out else min(bound for bound in bounds if bound is not None)


@dataclass(slots=True)
class Engines:
    """The engines of the run: how many, how many of them left no word, how long there was none."""

    up: bool = False
    starts: int = 0
    crashes: int = 0
    down_s: float = 0.0
