"""What a report says of the machine."""

from __future__ import annotations

from gangsaw.core.report import RunReport
from gangsaw.core.report.machine_values import Machine, Peaks
from gangsaw.views.report.section import Section, shortened
from gangsaw.views.report.words import lasted, percent

NO_READING = (
    "No peaks of the whole machine are on record: readings for them are kept from 10 s after the "
    "run began, while an agent is at work."
)


def machine_sections(report: RunReport) -> list[Section]:
    """The machine as a whole with what each agent took, and the attempts by their memory."""
    machine = report.machine
    if machine is None:
        return []
    return [_whole(machine), _attempts(machine)]


def _whole(machine: Machine) -> Section:
    lines = list(_peaks(machine.peaks)) if machine.peaks is not None else [NO_READING]
    lines.append(f"Processor time of all turns: {lasted(machine.cpu_s)}.")
    if machine.memory_max_of:
        lines.append(
            f"Largest single process: {machine.memory_max_mb:.0f} MB, of {machine.memory_max_of}."
        )
    if machine.pressed:
        times = "once" if machine.pressed == 1 else f"{machine.pressed} times"
        lines.append(f"The machine was short {times}, for {lasted(machine.pressed_s)}.")
    if machine.stopped:
        what = "An agent was" if machine.stopped == 1 else f"{machine.stopped} agents were"
        lines.append(f"{what} stopped for want of memory; that is no failed try.")
    if machine.parallel_min is not None:
        lines.append(f"No more than {machine.parallel_min} at once were begun for a while.")
    head = ("Agent", "Attempts measured", "Memory, median", "Memory, at most")
    rows = (
        (
            each.agent, str(each.attempts), f"{each.memory_median_mb:.0f} MB",
            f"{each.memory_max_mb} MB",
        )
        for each in machine.agents
    )  # fmt: skip
    return Section("Machine", tuple(lines), head, shortened(rows), (1, 2, 3))


def _peaks(peaks: Peaks) -> tuple[str, ...]:
    memory = (
        f"Memory: at most {percent(peaks.memory_used_max_pct)} of {peaks.memory_total_mb} MB in "
        f"use, at least {peaks.memory_available_min_mb} MB available."
    )
    disk = (
        f"Disk: at most {percent(peaks.disk_used_max_pct)} in use, at least "
        f"{peaks.disk_free_min_mb} MB free."
    )
    lines = [memory, f"All agents together: at most {peaks.agents_max_mb} MB.", disk]
    if peaks.some_wait_max_pct:
        lines.insert(
            1,
            f"Some process waited for memory in {percent(peaks.some_wait_max_pct)} of ten seconds "
            f"at most, all of them in {percent(peaks.all_wait_max_pct)}.",
        )
    if peaks.cpu_used_max_pct is not None:
        lines.append(f"Processors: at most {percent(peaks.cpu_used_max_pct)} in use.")
    return tuple(lines)


def _attempts(machine: Machine) -> Section:
    head = ("Attempt", "Agent", "Memory, at most")
    rows = ((each.attempt, each.agent, f"{each.memory_peak_mb} MB") for each in machine.attempts)
    line = "The whole tree of an attempt's processes at its largest."
    found = shortened(rows)
    return Section("Memory of attempts", (line,) if found else (), head, found, (2,))
