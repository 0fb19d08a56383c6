"""What a run took of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.measures import Measure
from gangsaw.core.report.machine_values import AttemptPeak, Footprint, Machine, Moment, Peaks
from gangsaw.core.report.seen import Seen


def machine_of(seen: Seen) -> Machine | None:
    """What the run took of the machine; `None` where nothing was measured."""
    follower = seen.follower
    ended = [each for each in follower.launches.values() if each.ended]
    pressed = any(short for _, short in follower.pressed)
    told = pressed or any(each.cpu_s or each.memory_max_mb for each in ended)
    if not told and not follower.measures:
        return None
    most = max(ended, key=lambda each: each.memory_max_mb, default=None)
    attempts = _attempt_peaks(seen)
    parallel = (each.governed.parallel for each in follower.governed)
    lowered = [most for most in parallel if most is not None]
    return Machine(
        cpu_s=sum(each.cpu_s for each in ended),
        memory_max_mb=most.memory_max_mb if most is not None else 0.0,
        memory_max_of=most.attempt if most is not None and most.memory_max_mb else "",
        pressed=_times_pressed(follower.pressed),
        pressed_s=_pressed_s(follower.pressed, seen.as_of),
        stopped=len(follower.stopped),
        parallel_min=min(lowered, default=None),
        peaks=_peaks([measure for _, measure in follower.measures], follower.governed),
        attempts=attempts,
        agents=_footprints(attempts),
        moments=tuple(
            Moment(
                at - seen.began, each.memory_used_pct, each.cpu_used_pct, each.disk_used_pct,
                len(each.agents),
            )
            for at, each in follower.measures
        ),
    )  # fmt: skip


def _peaks(measures: Sequence[Measure], governed: Sequence[MachineGoverned]) -> Peaks | None:
    if not measures:
        return None
    together = [float(sum(one.memory_mb for one in each.agents)) for each in measures]
    together += [sum(one.memory_mb for one in each.used) for each in governed]
    busy = [each.cpu_used_pct for each in measures if each.cpu_used_pct is not None]
    return Peaks(
        memory_total_mb=max(each.memory_total_mb for each in measures),
        memory_available_min_mb=min(each.memory_available_mb for each in measures),
        memory_used_max_pct=max(each.memory_used_pct for each in measures),
        cpu_used_max_pct=max(busy, default=None),
        disk_free_min_mb=min(each.disk_free_mb for each in measures),
        disk_used_max_pct=max(each.disk_used_pct for each in measures),
        some_wait_max_pct=max(each.some_wait_pct for each in measures),
        all_wait_max_pct=max(each.all_wait_pct for each in measures),
        agents_max_mb=round(max(together)),
    )


def _attempt_peaks(seen: Seen) -> tuple[AttemptPeak, ...]:
    state, peaks = seen.state, dict(seen.state.memory_peaks)
    for event in seen.follower.governed:
        for used in event.used:
            if used.memory_mb > 0:
                peaks[used.attempt] = max(round(used.memory_mb), peaks.get(used.attempt, 0))
    found = [
        AttemptPeak(name, state.attempts[name].agent, peak_mb) for name, peak_mb in peaks.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.memory_peak_mb, each.attempt)))


def _footprints(attempts: Sequence[AttemptPeak]) -> tuple[Footprint, ...]:
    by_agent: dict[str, list[int]] = {}
    for each in attempts:
        by_agent.setdefault(each.agent, []).append(each.memory_peak_mb)
    return tuple(
        Footprint(agent, len(peaks), float(median(peaks)), max(peaks))
        for agent, peaks in sorted(by_agent.items())
    )


def _pressed_s(changes: Sequence[tuple[float, bool]], until: float) -> float:
    """How long the machine was short, up to `until` (epoch seconds) where it still is."""
    short_s, since = 0.0, None
    for at, pressed in (*changes, (until, False)):
        if pressed and since is None:
            since = at
        elif not pressed and since is not None:
            short_s, since = short_s + max(0.0, at - since), None
    return short_s


def _times_pressed(changes: Sequence[tuple[float, bool]]) -> int:
    """How often the machine became short that was not before."""
    levels = [False, *(pressed for _, pressed in changes)]
    return sum(now and not before for before, now in pairwise(levels))
