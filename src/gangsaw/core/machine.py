"""The machine as the governor sees it: what is read, what each attempt uses, what is known from
before, and what is wanted.

Memory and disk in MB, shares in percent, times in epoch seconds. The figures of `Bounds` are those
of a simulation of policies (`testing.governing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How short the machine is. `WARN`: nothing is started. `SOFT`: one attempt is frozen or
    stopped. `HARD`: the largest is ended at once."""

    NONE = "none"
    WARN = "warn"
    SOFT = "soft"
    HARD = "hard"

    @property
    def rank(self) -> int:
        """0 for none, higher is worse."""
        return _RANKS[self]


_RANKS = {level: at for at, level in enumerate(Level)}


class Deed(StrEnum):
    """What is wanted of one attempt. `STOP` has a grace, `KILL` has none."""

    FREEZE = "freeze"
    THAW = "thaw"
    STOP = "stop"
    KILL = "kill"


class AfterStop(StrEnum):
    """What follows a stop for the machine's sake: the task goes on when there is room, it runs
    alone, or a person is asked. It is never a failed try."""

    AGAIN = "again"
    ALONE = "alone"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class MachineReading:
    """One reading. `some_pct` and `full_pct` are the kernel's means over ten seconds of the time
    in which some, or all, processes waited for memory (0 where it does not say). A `disk_free_mb`
    of `None` is not known."""

    total_mb: float
    available_mb: float
    some_pct: float = 0.0
    full_pct: float = 0.0
    disk_free_mb: float | None = None
    swap_free_mb: float = 0.0
    disk_used_pct: float = 0.0

    @property
    def available_pct(self) -> float:
        """Available memory as a share of all."""
        return 100.0 * self.available_mb / self.total_mb if self.total_mb > 0 else 100.0

    @property
    def used_pct(self) -> float:
        """The rest of it."""
        return 100.0 - self.available_pct


@dataclass(frozen=True, slots=True)
class Load:
    """One attempt of this run whose agent is alive: the memory of its whole tree now, the seconds
    it has run, its own limit (0: none), the peak that is known of its like (0: nothing is known),
    and how much disk its worktree takes."""

    attempt: str
    memory_mb: float
    ran_s: float
    limit_mb: float = 0.0
    expected_mb: float = 0.0
    disk_mb: float = 0.0
    frozen: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class MemoryUsed:
    """What the whole process tree of an attempt's agent uses."""

    attempt: str
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """What would be started: the peak that is expected of it, and the size of its worktree."""

    expected_mb: float
    worktree_mb: float = 0.0
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the levels begin and how fast things may follow each other. `*_pct` of memory are
    shares available for the three levels, and shares used for `start_pct` (nothing is started
    that would bring the use there) and `raise_pct` (below it the parallel limit comes back, by one
    every `raise_after_s`, and above it there are `launch_delay_s` between two starts).
    `victim_every_s` is the pause between two victims at the soft level."""

    warn_pct: float = 20.0
    soft_pct: float = 12.0
    hard_pct: float = 5.0
    warn_some_pct: float = 10.0
    soft_full_pct: float = 5.0
    disk_floor_mb: float = 512.0
    disk_max_pct: float = 100.0
    start_pct: float = 70.0
    raise_pct: float = 60.0
    raise_after_s: float = 120.0
    victim_every_s: float = 60.0
    launch_delay_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Governed:
    """What the governor knows from before. `victim` is the attempt of which `deed` was wanted last,
    at `chosen_at`; it was over at `gone_at`. `parallel` is the limit while it is lowered.
    `easing_since` and `calm_since`: since when the reading speaks for a lower level, or for a
    higher limit."""

    level: Level = Level.NONE
    text: str = ""
    easing_since: float | None = None
    victim: str = ""
    deed: Deed | None = None
    chosen_at: float | None = None
    gone_at: float | None = None
    parallel: int | None = None
    calm_since: float | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted of which attempt, and why, with the numbers."""

    deed: Deed
    attempt: str
    text: str


@dataclass(frozen=True, slots=True)
class Machine:
    """The last reading that was noted, when, what the governor knows since, and what the files of
    one worktree are expected to take."""

    reading: MachineReading
    governed: Governed
    at: float
    worktree_mb: float = 0.0
