"""The machine and what the live agents use of it: the object that `gangsaw machine --json` prints,
and the text for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gangsaw.core.governing import bounds_of, reading_of
from gangsaw.core.measures import AgentMemory, MachineBook, Measure
from gangsaw.core.model import Limits
from gangsaw.core.policy.pressure import shortages
from gangsaw.core.spans import span
from gangsaw.meters import Disk, Reading, Stall, Tree
from gangsaw.views.text import flat

SCHEMA_VERSION = 1
GIGA_MB = 1024
NAME_MAX = 24


@dataclass(frozen=True, slots=True)
class AgentUse:
    """What one live agent uses. `cpu_pct` is of one processor, so it may be above 100; `None`: only
    a second look will tell."""

    attempt: str
    task: str
    agent: str
    launch: int
    age_s: float
    tree: Tree
    cpu_pct: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen in one look, and what the log of the run knows of peaks. `disks` are the
    file systems that matter, by what lies there; `cpu_pct` is of all processors. `held` is why the
    run's engine starts nothing now, `agents_most` its limit of agents while that is lowered."""

    at: float
    reading: Reading
    cpu_pct: float | None
    disks: tuple[tuple[str, str, Disk], ...]
    agents: tuple[AgentUse, ...]
    limits: Limits
    run: str = ""
    engine_pid: int | None = None
    peaks: MachineBook = field(default_factory=MachineBook)
    learned: Mapping[str, int] = field(default_factory=dict)
    held: str = ""
    agents_most: int | None = None

    @property
    def disk(self) -> Disk:
        """The fullest of them."""
        return max((disk for _, _, disk in self.disks), key=lambda disk: disk.used_pct)


def machine_object(seen: Seen) -> dict[str, Any]:
    """What was seen, as an object."""
    reading, limits = seen.reading, seen.limits
    return {
        "schema_version": SCHEMA_VERSION,
        "at": seen.at,
        "run": seen.run or None,
        "engine_pid": seen.engine_pid,
        "memory": {
            "total_mb": reading.memory_total_mb,
            "available_mb": reading.memory_available_mb,
            "used_pct": _tenth(reading.memory_used_pct),
            "limited": reading.memory_limited,
        },
        "swap": {"total_mb": reading.swap_total_mb, "free_mb": reading.swap_free_mb},
        "processors": {
            "cores": reading.cores,
            "used_pct": _tenth(seen.cpu_pct),
            "load": round(reading.load, 2),
        },
        "disks": [
            {"holds": holds, "folder": folder, "total_mb": disk.total_mb, "free_mb": disk.free_mb,
             "used_pct": _tenth(disk.used_pct)}
            for holds, folder, disk in seen.disks
        ],
        "stalls": {
            name: stall and {"some_pct": stall.some_pct, "full_pct": stall.full_pct}
            for name, stall in _stalls(reading)
        },
        "agents": [
            {"attempt": each.attempt, "task": each.task, "agent": each.agent,
             "launch": each.launch, "processes": len(each.tree.pids),
             "rss_mb": _mega(each.tree.rss_kb), "pss_mb": _mega(each.tree.pss_kb),
             "cpu_pct": _tenth(each.cpu_pct), "age_s": round(each.age_s, 1)}
            for each in seen.agents
        ],
        "agent_processes": sum(len(each.tree.pids) for each in seen.agents),
        "agent_memory_mb": _agents_mb(seen),
        "limits": {
            "memory_max_pct": _tenth(100.0 - limits.memory_floor_pct),
            "cpu_warn_pct": limits.cpu_warn_pct,
            "disk_max_pct": limits.disk_max_pct,
            "disk_floor_mb": limits.disk_floor_mb,
            "memory_budget_mb": limits.memory_budget_mb,
            "agents_most": seen.agents_most,
        },
        "peaks": {
            "memory_used_pct": _tenth(seen.peaks.memory_peak_pct),
            "cpu_used_pct": _tenth(seen.peaks.cpu_peak_pct),
            "disk_used_pct": _tenth(seen.peaks.disk_peak_pct),
            "agents": [
                {"agent": name, "peak_mb": peak_mb} for name, peak_mb in seen.learned.items()
            ],
        } if seen.peaks.last else None,
        "short": list(short_of(seen)),
        "warnings": list(_warnings(seen)),
    }  # fmt: skip


def short_of(seen: Seen) -> tuple[str, ...]:
    """Why no agent would be started now; empty where one would."""
    reading, stall = seen.reading, seen.reading.stalls.memory
    measure = Measure(
        memory_total_mb=reading.memory_total_mb,
        memory_available_mb=reading.memory_available_mb,
        disk_free_mb=min(disk.free_mb for _, _, disk in seen.disks),
        disk_used_pct=seen.disk.used_pct,
        agents=tuple(
            AgentMemory(each.attempt, 0, round(each.tree.memory_kb / 1024)) for each in seen.agents
        ),
        some_wait_pct=stall.some_pct if stall else 0.0,
        all_wait_pct=stall.full_pct if stall else 0.0,
    )
    found = shortages(reading_of(measure, seen.limits), bounds_of(seen.limits))
    return found or ((seen.held,) if seen.held else ())


def monitor_line(seen: Seen) -> str:
    """All of it on one line."""
    clock = datetime.fromtimestamp(seen.at).strftime("%H:%M:%S")
    cpu = "–" if seen.cpu_pct is None else f"{seen.cpu_pct:.0f}%"
    processes = sum(len(each.tree.pids) for each in seen.agents)
    return (
        f"[{clock}] Memory: {seen.reading.memory_used_pct:.0f}% | CPU: {cpu} | "
        f"Disk: {seen.disk.used_pct:.0f}% | Agent Processes: {processes} ({_agents_mb(seen)}MB)"
    )


def machine_text(seen: Seen) -> list[str]:
    """The line, what stands behind it, and a row for each live agent."""
    return [monitor_line(seen), "", *_figures(seen), "", *_table(seen.agents)]


def _figures(seen: Seen) -> Iterator[str]:
    reading, limits = seen.reading, seen.limits
    limited = " (a container's limit)" if reading.memory_limited else ""
    yield (
        f"memory      {_size(reading.memory_available_mb)} of {_size(reading.memory_total_mb)} "
        f"available{limited}; agents start below {100 - limits.memory_floor_pct:g} % in use"
    )
    if reading.swap_total_mb:
        yield f"swap        {_size(reading.swap_free_mb)} of {_size(reading.swap_total_mb)} free"
    cpu = "" if seen.cpu_pct is None else f", {seen.cpu_pct:.0f} % in use"
    yield f"processors  {reading.cores}{cpu}, load {reading.load:.1f}"
    for holds, _, disk in seen.disks:
        yield (
            f"disk        {_size(disk.free_mb)} of {_size(disk.total_mb)} free, "
            f"{disk.used_pct:.0f} % in use ({holds}); agents start below {limits.disk_max_pct:g} % "
            f"and above {limits.disk_floor_mb} MB"
        )
    told = [
        f"{name} {stall.some_pct:.0f} % some, {stall.full_pct:.0f} % all"
        for name, stall in _stalls(reading)
        if stall is not None
    ]
    if told:
        yield f"waiting     {' · '.join(told)} (of the last 10 s)"
    if seen.peaks.last:
        taken = [f"{flat(name, NAME_MAX)} {peak_mb} MB" for name, peak_mb in seen.learned.items()]
        yield (
            f"peaks       memory {seen.peaks.memory_peak_pct:.0f} %, processors "
            f"{seen.peaks.cpu_peak_pct:.0f} %, disk {seen.peaks.disk_peak_pct:.0f} % in use; "
            f"an attempt of {' · '.join(taken)} ({seen.run})"
        )
    if limits.memory_budget_mb is not None:
        budget = _size(round(limits.memory_budget_mb))
        yield f"budget      {_size(_agents_mb(seen))} of {budget} taken by agents"
    for text in short_of(seen):
        yield f"! no agent starts: {text}"
    if seen.agents_most is not None:
        yield f"! {seen.agents_most} agents at most, since memory was short"
    for text in _warnings(seen):
        yield f"! {text}"


def _warnings(seen: Seen) -> Iterator[str]:
    if seen.cpu_pct is not None and seen.cpu_pct > seen.limits.cpu_warn_pct:
        yield f"{seen.cpu_pct:.0f} % of the processors in use, over {seen.limits.cpu_warn_pct:g} %"


def _table(agents: Sequence[AgentUse]) -> Iterator[str]:
    if not agents:
        yield "No agent is alive."
        return
    rows = [("TASK", "ATTEMPT", "AGENT", "PROCESSES", "RSS", "PSS", "CPU", "FOR")]
    for each in agents:
        pss = _mega(each.tree.pss_kb)
        rows.append((
            flat(each.task, NAME_MAX),
            flat(each.attempt, NAME_MAX),
            flat(each.agent, NAME_MAX),
            str(len(each.tree.pids)),
            f"{_mega(each.tree.rss_kb)} MB",
            "–" if pss is None else f"{pss} MB",
            "–" if each.cpu_pct is None else f"{each.cpu_pct:.0f} %",
            span(each.age_s),
        ))  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = [
            f"{cell:<{width}}" if n < 3 else f"{cell:>{width}}"
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells)


def _stalls(reading: Reading) -> tuple[tuple[str, Stall | None], ...]:
    stalls = reading.stalls
    return (("memory", stalls.memory), ("cpu", stalls.cpu), ("io", stalls.io))


def _agents_mb(seen: Seen) -> int:
    return round(sum(each.tree.memory_kb for each in seen.agents) / 1024)


def _mega(kilo: int | None) -> int | None:
    return None if kilo is None else round(kilo / 1024)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _size(mega: int) -> str:
    return f"{mega} MB" if mega < GIGA_MB else f"{mega / GIGA_MB:.1f} GiB"
