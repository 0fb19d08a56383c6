"""What the meters said at one moment, the peaks of a run, and what its agents were seen to take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AgentMemory:
    """The largest whole tree that an attempt was seen with so far, and its present one, in MB."""

    attempt: str
    peak_mb: int
    memory_mb: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """Megabytes and percent, within a container's limits; `cpu_used_pct` is of all processors since
    the reading before, `None` with the first. `agents` are those that are alive. `*_wait_pct` is
    the share of the last ten seconds in which some, or all, processes waited for memory (0 where
    the system does not say); `worktree_mb` is what the files of one worktree are expected to take.
    """

    memory_total_mb: int
    memory_available_mb: int
    disk_free_mb: int
    disk_used_pct: float
    cpu_used_pct: float | None = None
    agents: tuple[AgentMemory, ...] = ()
    some_wait_pct: float = 0.0
    all_wait_pct: float = 0.0
    worktree_mb: int = 0

    @property
    def memory_used_pct(self) -> float:
        """Memory in use, as a share of all."""
        used_mb = self.memory_total_mb - self.memory_available_mb
        return 100.0 * used_mb / max(1, self.memory_total_mb)


@dataclass(frozen=True, slots=True)
class MachineBook:
    """What is known of the machine from the log: the last measure on record and when that was
    (epoch seconds; 0: there is none), and the highest use that there was, in percent."""

    last: Measure | None = None
    at: float = 0.0
    memory_peak_pct: float = 0.0
    cpu_peak_pct: float = 0.0
    disk_peak_pct: float = 0.0
