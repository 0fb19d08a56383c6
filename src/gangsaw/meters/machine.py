"""Memory and disk, read cheaply enough for once in a few seconds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MEGA = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """Megabytes and percent. `load` is the number of runnable processes over the last minute."""

    memory_total_mb: int
    memory_available_mb: int
    disk_free_mb: int
    load: float
    cores: int

    @property
    def memory_available_pct(self) -> float:
        """Available memory as a percentage of all."""
        return 100.0 * self.memory_available_mb / max(1, self.memory_total_mb)


def read_machine(disk: Path) -> Reading:
    """The machine now; `disk` is a folder on the file system that matters."""
    total_mb, available_mb = _memory_mb()
    found = os.statvfs(disk)
    return Reading(
        memory_total_mb=total_mb,
        memory_available_mb=available_mb,
        disk_free_mb=found.f_bavail * found.f_frsize // MEGA,
        load=os.getloadavg()[0],
        cores=os.cpu_count() or 1,
    )


def disk_free_mb(folder: Path) -> int:
    """Free MB, as an ordinary user has them, on the file system of the folder, or of the nearest
    one above it that exists."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize // MEGA


def _memory_mb() -> tuple[int, int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except FileNotFoundError:
        return _memory_by_psutil()
    kilo = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return kilo["MemTotal"] // 1024, kilo["MemAvailable"] // 1024


def _memory_by_psutil() -> tuple[int, int]:
    # Only where there is no procfs: the import costs more than the reading.
    import psutil

    memory = psutil.virtual_memory()
    return memory.total // MEGA, memory.available // MEGA
