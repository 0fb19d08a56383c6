"""What a report says of the machine, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading on record, `since_s` seconds after the run began. `memory_used_pct`,
    `cpu_used_pct` (`None` with the first of an engine) and `disk_used_pct` are of the whole
    machine; `agents` is how many of the run were alive."""

    since_s: float
    memory_used_pct: float
    cpu_used_pct: float | None
    disk_used_pct: float
    agents: int


@dataclass(frozen=True, slots=True)
class Peaks:
    """The worst of all readings: the highest use of memory, processors and disk (of the fullest
    file system), and what was left of memory and disk then. `*_wait_max_pct`: so much of ten
    seconds some, or all, processes waited for memory (0 where the system does not say);
    `agents_max_mb` is what all agents of the run took together."""

    memory_total_mb: int
    memory_available_min_mb: int
    memory_used_max_pct: float
    cpu_used_max_pct: float | None
    disk_free_min_mb: int
    disk_used_max_pct: float
    some_wait_max_pct: float
    all_wait_max_pct: float
    agents_max_mb: int


@dataclass(frozen=True, slots=True)
class AttemptPeak:
    """The largest whole tree of processes that an attempt was seen with."""

    attempt: str
    agent: str
    memory_peak_mb: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What attempts of one agent were seen to take at their peaks: `attempts` were measured."""

    agent: str
    attempts: int
    memory_median_mb: float
    memory_max_mb: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run took of the machine. As the ends of launches told: their processor time, and the
    memory of the largest single process. As the meters said: `peaks` (`None` where no reading is on
    record), attempts, the largest first, agents, and every reading. `pressed_s` is how long the
    machine was short of memory or disk, `pressed` how often; `stopped` so many launches were for
    want of memory, and `parallel_min` is the lowest limit of agents since (`None`: not lowered)."""

    cpu_s: float
    memory_max_mb: float
    memory_max_of: str
    pressed: int
    pressed_s: float
    stopped: int
    parallel_min: int | None
    peaks: Peaks | None
    attempts: tuple[AttemptPeak, ...]
    agents: tuple[Footprint, ...]
    moments: tuple[Moment, ...]
