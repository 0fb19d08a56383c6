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
    CONCERNS = "concerns"
    MEMORY = "memory"


BLAMELESS = frozenset({Cause.NO_ROOM, Cause.INCONCLUSIVE})
"""What is the machine's fault and not the task's: such an attempt uses up no try."""


class Judgement(StrEnum):
    """What a check or a set of checks says about one tree. Inconclusive blames nobody."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Stage(StrEnum):
    """Which tree a verdict is about: the attempt's own work, the candidate, or what landed."""

    WORK = "work"
    CANDIDATE = "candidate"
    AFTER = "after"


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
    """One check on one tree. `log` is the file with its whole output, `tail` the end of it.

    `key` is the check's own; `failing` names tests that failed, and `failing_more` counts those
    that are not named. `red_runs` of the same check on the same tree came before this one. `note`
    says what was odd. One that was not run, since it was seen green on this tree in an earlier
    run, says so: `seen_in` that run, `seen_at` then (epoch seconds). `fingerprint` stands for the
    command and everything that it depends on besides the tree. `timed_out`: it was still running
    when its time was over. Of some tests of a check, `only` names them and `part_of` is its key.
    """

    name: str
    judgement: Judgement
    duration_s: float
    code: int | None = None
    signal: int | None = None
    log: str = ""
    tail: str = ""
    key: str = ""
    failing: tuple[str, ...] = ()
    failing_more: int = 0
    cpu_s: float = 0.0
    red_runs: int = 0
    note: str = ""
    seen_at: float = 0.0
    seen_in: str = ""
    fingerprint: str = ""
    timed_out: bool = False
    only: tuple[str, ...] = ()
    part_of: str = ""

    @property
    def of(self) -> str:
        """The key of the check: of a result from before there were keys, its name."""
        return self.key or self.name
