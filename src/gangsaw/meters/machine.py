"""Memory, processors and disk, read cheaply enough for once in a second."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.meters import cgroup
from gangsaw.meters.pressure import Stalls, read_stalls

MEGA = 1024 * 1024
MEMINFO = Path("/proc/meminfo")
STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """What all processors have done since some moment, in units that only compare with another
    reading."""

    busy: float
    total: float

    def used_pct(self, before: ProcessorTime) -> float | None:
        """How much of the time since `before` they were busy; `None` if none has passed."""
        passed = self.total - before.total
        if passed <= 0:
            return None
        return min(100.0, max(0.0, 100.0 * (self.busy - before.busy) / passed))


@dataclass(frozen=True, slots=True)
class Disk:
    """One file system in MB, as an ordinary user has it."""

    total_mb: int
    free_mb: int
    used_pct: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Megabytes and percent; memory and `cores` are what a container leaves of them.

    `load` is the number of runnable processes over the last minute. `processor` becomes a use
    together with another reading. `memory_limited`: a container's limit is what counts.
    """

    memory_total_mb: int
    memory_available_mb: int
    disk_free_mb: int
    load: float
    cores: int
    disk_used_pct: float = 0.0
    swap_total_mb: int = 0
    swap_free_mb: int = 0
    memory_limited: bool = False
    processor: ProcessorTime = ProcessorTime(0.0, 0.0)
    stalls: Stalls = field(default_factory=Stalls)

    @property
    def memory_available_pct(self) -> float:
        """Available memory as a percentage of all."""
        return 100.0 * self.memory_available_mb / max(1, self.memory_total_mb)

    @property
    def memory_used_pct(self) -> float:
        """The rest of it."""
        return 100.0 - self.memory_available_pct


@dataclass(frozen=True, slots=True)
class _Memory:
    total: int
    available: int
    swap_total: int
    swap_free: int


def read_machine(disk: Path) -> Reading:
    """The machine now; `disk` is a folder on the file system that matters."""
    memory = _memory()
    limits = cgroup.memory_limits()
    total = min([memory.total, *(one.limit for one in limits)])
    available = min([memory.available, *(max(0, one.limit - one.used) for one in limits)])
    found = read_disk(disk)
    return Reading(
        memory_total_mb=total // MEGA,
        memory_available_mb=available // MEGA,
        disk_free_mb=found.free_mb,
        disk_used_pct=found.used_pct,
        load=os.getloadavg()[0],
        cores=core_count(),
        swap_total_mb=memory.swap_total // MEGA,
        swap_free_mb=memory.swap_free // MEGA,
        memory_limited=total < memory.total,
        processor=processor_time(),
        stalls=read_stalls(),
    )


def core_count() -> int:
    """Processors that we may use, at least 1: those we may run on, within a container's limit."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    limit = cgroup.processor_limit()
    return max(1, count if limit is None else min(count, round(limit)))


def read_disk(folder: Path) -> Disk:
    """The file system of the folder, or of the nearest one above it that exists."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    found = os.statvfs(place)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    free = found.f_bavail * found.f_frsize
    # As `df` has it: what is reserved for the system counts as neither.
    used_pct = 100.0 * used / (used + free) if used + free else 0.0
    return Disk(found.f_blocks * found.f_frsize // MEGA, free // MEGA, used_pct)


def disk_free_mb(folder: Path) -> int:
    """Free MB, as an ordinary user has them, on the file system of the folder, or of the nearest
    one above it that exists."""
    return read_disk(folder).free_mb


def processor_time() -> ProcessorTime:
    """What the processors have done so far."""
    try:
        with STAT.open("rb") as file:
            words = file.readline().split()
        times = [int(word) for word in words[1:9]]
    except (OSError, ValueError):
        return _processor_time_by_psutil()
    # user nice system idle iowait irq softirq steal; waiting for a disk is no work.
    total = float(sum(times))
    return ProcessorTime(total - sum(times[3:5]), total)


def _memory() -> _Memory:
    try:
        lines = MEMINFO.read_text().splitlines()
    except FileNotFoundError:
        return _memory_by_psutil()
    kilo = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    names = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    return _Memory(*(kilo.get(name, 0) * 1024 for name in names))


def _memory_by_psutil() -> _Memory:
    # Only where there is no procfs: the import costs more than the reading.
    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return _Memory(memory.total, memory.available, swap.total, swap.free)


def _processor_time_by_psutil() -> ProcessorTime:
    import psutil

    times = psutil.cpu_times()
    total = float(sum(times))
    return ProcessorTime(total - times.idle, total)
