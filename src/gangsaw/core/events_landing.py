"""Events of a change on its way onto the integration branch.

Their own module only for its size; `events` is where everything else takes them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfAttempt
from gangsaw.core.terms import CheckResult, Judgement


@dataclass(frozen=True, slots=True)
class CandidateWanted(OfAttempt):
    """The change (or `@target`) is to be combined with the integration branch at `onto`."""

    kind: ClassVar[str] = "candidate.wanted"
    work: str
    onto: str


@dataclass(frozen=True, slots=True)
class CandidateBuilt(OfAttempt):
    kind: ClassVar[str] = "candidate.built"
    onto: str
    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class CandidateConflicted(OfAttempt):
    kind: ClassVar[str] = "candidate.conflicted"
    onto: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandidateJudged(OfAttempt):
    kind: ClassVar[str] = "candidate.judged"
    tree: str
    judgement: Judgement
    results: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class LandingWanted(OfAttempt):
    kind: ClassVar[str] = "landing.wanted"
    commit: str
    onto: str


@dataclass(frozen=True, slots=True)
class LandingMissed(OfAttempt):
    """The integration branch was not where it should have been: nothing was moved."""

    kind: ClassVar[str] = "landing.missed"
    found: str


@dataclass(frozen=True, slots=True)
class Landed(OfAttempt):
    kind: ClassVar[str] = "landed"
    task: str
    commit: str
    onto: str
    tree: str
