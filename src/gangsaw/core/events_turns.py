"""Events of what is wrong with agents, of waiting between turns, and of reviews by agents.

Their own module only for its size; `events` is where everything else takes them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.conditions import Condition
from gangsaw.core.findings import Review
from gangsaw.core.subjects import OfAttempt


@dataclass(frozen=True, slots=True)
class ConditionSeen(OfAttempt):
    """Something is wrong with a turn that goes on. `until` (epoch seconds): when it will pass,
    where the agent told; `account`: whose limit it is."""

    kind: ClassVar[str] = "condition.seen"
    launch: int
    condition: Condition
    text: str = ""
    until: float | None = None
    account: str = ""


@dataclass(frozen=True, slots=True)
class AttemptParked(OfAttempt):
    """The attempt keeps its worktree and its session and gives its slot back. It goes on at
    `until` (epoch seconds) or, without it, when a person has said something; `unpaid`: or when
    there is money for its next turn."""

    kind: ClassVar[str] = "attempt.parked"
    condition: Condition
    text: str
    until: float | None = None
    by: str = ""
    unpaid: bool = False


@dataclass(frozen=True, slots=True)
class ParkEnded(OfAttempt):
    """The parked attempt may go on now: a person said so."""

    kind: ClassVar[str] = "park.ended"
    by: str


@dataclass(frozen=True, slots=True)
class ReviewGiven(OfAttempt):
    """A reviewing agent's word on the commit it was shown."""

    kind: ClassVar[str] = "review.given"
    launch: int
    reviewer: str
    review: Review


@dataclass(frozen=True, slots=True)
class ReviewPassed(OfAttempt):
    """The reviewing agent agrees; the work goes on its way."""

    kind: ClassVar[str] = "review.passed"
    by: str
    text: str = ""
