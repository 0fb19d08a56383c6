"""The closed sets that events and decisions speak in, and the result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why an attempt ended without landing."""

    EXIT = "exit"
    CRASHED = "crashed"
    LOST = "lost"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    CHECKS = "checks"
    EMPTY = "empty"
    UNCOMMITTED = "uncommitted"
    UNMERGED = "unmerged"
    STRAYED = "strayed"
    CONFLICT = "conflict"
    COMBINATION = "combination"
    LIMITED = "limited"
    REFUSED = "refused"
    WORKSPACE = "workspace"
    BUDGET = "budget"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    UNDONE = "undone"


class Judgement(StrEnum):
    """What a check or a set of checks says about one tree. Inconclusive blames nobody."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Stage(StrEnum):
    """Which tree a verdict is about: the attempt's own work, or the candidate."""

    WORK = "work"
    CANDIDATE = "candidate"


class Pressure(StrEnum):
    """The machine's level. High stops admission."""

    NONE = "none"
    HIGH = "high"
    CRITICAL = "critical"


class RunEnd(StrEnum):
    """How a run ended."""

    LANDED = "landed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on one tree. `log` is the file with its whole output, `tail` the end of it."""

    name: str
    judgement: Judgement
    duration_s: float
    code: int | None = None
    signal: int | None = None
    log: str = ""
    tail: str = ""
