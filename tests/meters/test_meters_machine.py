"""Readings of a machine, and what a container leaves of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gangsaw.meters import core_count, disk_free_mb, read_disk, read_machine
from gangsaw.meters.cgroup import MemoryLimit, memory_limits, processor_limit
from gangsaw.meters.machine import ProcessorTime, processor_time
from gangsaw.meters.pressure import Stall, read_stalls

GIGA = 1 << 30


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V2 = {
    "own": "0::/a/b\n",
    "fs/cgroup.controllers": "memory cpu\n",
    "fs/a/memory.max": f"{4 * GIGA}\n",
    "fs/a/memory.current": f"{3 * GIGA}\n",
    "fs/a/memory.stat": f"anon 1\ninactive_file {GIGA}\n",
    "fs/a/cpu.max": "250000 100000\n",
    "fs/a/b/memory.max": "max\n",
    "fs/a/b/cpu.max": "max 100000\n",
}
V1 = {
    "own": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n",
    "fs/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "fs/memory/a/memory.limit_in_bytes": f"{2 * GIGA}\n",
    "fs/memory/a/memory.usage_in_bytes": f"{GIGA}\n",
    "fs/memory/a/memory.stat": "inactive_file 5\ntotal_inactive_file 1000\n",
    "fs/cpu,cpuacct/a/cpu.cfs_quota_us": "150000\n",
    "fs/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
    "fs/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "fs/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
}
# A container sees its own group as the uppermost one, under a name that does not exist here.
INSIDE = {
    "own": "4:memory:/docker/abc\n",
    "fs/memory/memory.limit_in_bytes": f"{GIGA}\n",
    "fs/memory/memory.usage_in_bytes": "4096\n",
}


@pytest.mark.parametrize(
    ("files", "memory", "processors"),
    [
        (V2, (MemoryLimit(4 * GIGA, 2 * GIGA),), 2.5),
        (V1, (MemoryLimit(2 * GIGA, GIGA - 1000),), 1.5),
        (INSIDE, (MemoryLimit(GIGA, 4096),), None),
        ({"own": "0::/../../x\n", "fs/memory.max": "4096\n"}, (MemoryLimit(4096, 0),), None),
        ({"own": "0::/\n", "fs/cgroup.procs": ""}, (), None),
        ({"own": "nonsense\n\n0:\n", "fs/memory.max": "no number"}, (), None),
        ({"own": "0::/\n", "fs/memory.max": "no number", "fs/cpu.max": "1 0\n"}, (), None),
        ({}, (), None),
    ],
)
def test_limits_of_containers(
    tmp_path: Path,
    files: dict[str, str],
    memory: tuple[MemoryLimit, ...],
    processors: float | None,
) -> None:
    put(tmp_path, files)
    assert memory_limits(tmp_path / "fs", tmp_path / "own") == memory
    assert processor_limit(tmp_path / "fs", tmp_path / "own") == processors


@pytest.mark.parametrize(
    ("text", "stall"),
    [
        ("some avg10=12.34 avg60=1.00 avg300=0.00 total=9\n"
         "full avg10=1.50 avg60=0.00 avg300=0.00 total=3\n", Stall(12.34, 1.5)),
        ("some avg10=2.00 avg60=0 avg300=0 total=1\n", Stall(2.0, 0.0)),
        ("some avg10=none\n", None),
        ("some nothing\n", None),
        ("full avg10=2.00\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_pressure_figures(tmp_path: Path, text: str, stall: Stall | None) -> None:
    (tmp_path / "memory").write_text(text)
    found = read_stalls(tmp_path)
    assert (found.memory, found.cpu, found.io) == (stall, None, None)


def test_this_machine(tmp_path: Path) -> None:
    found = read_machine(tmp_path)
    assert 0 < found.memory_available_mb <= found.memory_total_mb
    assert found.memory_used_pct + found.memory_available_pct == pytest.approx(100)
    assert 0 <= found.swap_free_mb <= found.swap_total_mb
    assert 1 <= found.cores == core_count() <= (os.cpu_count() or 1)
    assert 0 <= found.disk_used_pct <= 100


def test_the_disk_of_a_folder_that_is_yet_to_be(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    there, yet_to_be = read_disk(tmp_path), read_disk(wanted)
    assert there.total_mb == yet_to_be.total_mb > there.free_mb
    assert disk_free_mb(wanted) >= 0


def test_use_of_processors_is_a_difference() -> None:
    before = ProcessorTime(100.0, 1000.0)
    assert ProcessorTime(130.0, 1100.0).used_pct(before) == 30.0
    assert before.used_pct(before) is None
    assert ProcessorTime(90.0, 1100.0).used_pct(before) == 0.0
    assert processor_time().total >= processor_time().busy > 0
