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
    NO_ROOM = "no_room"
    INCONCLUSIVE = "inconclusive"
    FINDINGS = "findings"
    TESTS_PASS = "tests_pass"
    SAID = "said"
    TAKEN = "taken"
    SAID_DONE = "said_done"


BLAMELESS = frozenset({Cause.NO_ROOM, Cause.INCONCLUSIVE})
"""What is the machine's fault and not the task's: such an attempt uses up no try."""


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


class Jump(StrEnum):
    """Why the time since the last turn of the loop is not what it seems: the clock was `SET`, the
    machine was `SUSPENDED`, or the engine itself was not running (`STANDSTILL`)."""

    SET = "set"
    SUSPENDED = "suspended"
    STANDSTILL = "standstill"


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
