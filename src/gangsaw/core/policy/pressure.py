"""How short is the machine, and how much may run beside each other?

Available memory and the kernel's pressure figures say when, the memory of each attempt says who
(`victims`). A level rises at once and falls only after readings have been clearly better for a
while. The parallel limit follows what was left running, and comes back slowly.
"""

from __future__ import annotations

from collections.abc import Sequence

from gangsaw.core.machine import Bounds, Deed, Governed, Level, Load, MachineReading, Want
from gangsaw.core.policy.victims import Score, memory_per_progress, passed, wanted
from gangsaw.core.replacing import replace

RELIEF = 1.25
"""A level ends only with this many times the memory, or disk, with which it begins."""
PRESSURE_RELIEF = 0.5
"""And with this part of the pressure."""
EASE_S = 10.0
"""So long must readings be better until the level falls."""


def govern(
    before: Governed,
    reading: MachineReading,
    loads: Sequence[Load],
    bounds: Bounds,
    most: int,
    now: float,
    score: Score = memory_per_progress,
) -> tuple[Governed, Want | None]:
    """What is known after a reading, and what is wanted of one attempt, if anything.

    `loads` are all attempts of this run whose agents are alive, `most` the limit of attempts side
    by side that people have set. What is wanted is remembered, and not wanted twice.
    """
    acute = level_of(reading, bounds)
    after = _seen(_eased(before, acute, reading, bounds, now), loads, now)
    want = wanted(after, acute, reading, loads, bounds, now, score)
    after = _parallel(after, want, reading, loads, bounds, most, now)
    if want is not None:
        after = replace(after, victim=want.attempt, deed=want.deed, chosen_at=now, gone_at=None)
    return after, want


def level_of(reading: MachineReading, bounds: Bounds, *, relief: bool = False) -> tuple[Level, str]:
    """The level of one reading by itself, and its reason; with `relief`, by the thresholds that
    end a level."""
    found = _troubles(reading, bounds, relief=relief)
    return max(found, key=lambda one: one[0].rank, default=(Level.NONE, ""))


def shortages(reading: MachineReading, bounds: Bounds) -> tuple[str, ...]:
    """A sentence for each bound that is not held; none where there is enough of everything."""
    return tuple(text for _, text in _troubles(reading, bounds))


def _troubles(
    reading: MachineReading, bounds: Bounds, *, relief: bool = False
) -> list[tuple[Level, str]]:
    more = RELIEF if relief else 1.0
    less = PRESSURE_RELIEF if relief else 1.0
    found = []
    for level, floor_pct in (
        (Level.HARD, bounds.hard_pct),
        (Level.SOFT, bounds.soft_pct),
        (Level.WARN, bounds.warn_pct),
    ):
        if reading.available_pct < floor_pct * more:
            found.append((level, _memory(reading, floor_pct * more)))
            break
    if reading.full_pct > bounds.soft_full_pct * less:
        words = _waits("all wait", reading.full_pct, bounds.soft_full_pct * less)
        found.append((Level.SOFT, words))
    elif reading.some_pct > bounds.warn_some_pct * less:
        words = _waits("some wait", reading.some_pct, bounds.warn_some_pct * less)
        found.append((Level.WARN, words))
    floor_mb = bounds.disk_floor_mb * more
    if reading.disk_free_mb is not None and reading.disk_free_mb < floor_mb:
        words = f"{reading.disk_free_mb:.0f} MB of disk free, under {floor_mb:g} MB"
        found.append((Level.SOFT, words))
    # What is kept free at a share of 100 is nothing, and that is always there.
    kept_pct = (100.0 - bounds.disk_max_pct) * more
    if 100.0 - reading.disk_used_pct < kept_pct:
        words = f"{reading.disk_used_pct:.1f} % of disk used, over {100.0 - kept_pct:g} %"
        found.append((Level.SOFT, words))
    return found


def _memory(reading: MachineReading, floor_pct: float) -> str:
    numbers = f"{reading.available_mb:.0f} of {reading.total_mb:.0f} MB"
    return f"{reading.available_pct:.1f} % of memory available ({numbers}), under {floor_pct:g} %"


def _waits(who: str, share_pct: float, most_pct: float) -> str:
    return f"{who} for memory {share_pct:.1f} % of the time, over {most_pct:g} %"


def _eased(
    before: Governed, acute: tuple[Level, str], reading: MachineReading, bounds: Bounds, now: float
) -> Governed:
    """The level with its hysteresis."""
    level, text = acute
    if level.rank >= before.level.rank:
        return replace(before, level=level, text=text, easing_since=None)
    eased, reason = level_of(reading, bounds, relief=True)
    if eased.rank >= before.level.rank:
        return replace(before, text=reason, easing_since=None)
    since = before.easing_since
    if since is None or now < since:
        return replace(before, easing_since=now)
    if now - since < EASE_S:
        return before
    return replace(before, level=eased, text=reason, easing_since=None)


def _seen(known: Governed, loads: Sequence[Load], now: float) -> Governed:
    """Whether what was wanted of the victim has come about."""
    if not known.victim or known.gone_at is not None:
        return known
    victim = next((load for load in loads if load.attempt == known.victim), None)
    done = (
        victim is None
        or (known.deed is Deed.FREEZE and victim.frozen)
        or (known.deed is Deed.THAW and not victim.frozen)
    )
    return replace(known, gone_at=now) if done else known


def _parallel(
    known: Governed,
    want: Want | None,
    reading: MachineReading,
    loads: Sequence[Load],
    bounds: Bounds,
    most: int,
    now: float,
) -> Governed:
    """The limit: what is left running after a victim; one more after each calm while."""
    most = max(1, most)
    limit = most if known.parallel is None else min(known.parallel, most)
    if want is not None and want.deed is not Deed.THAW:
        left = sum(1 for load in loads if not load.frozen and load.attempt != want.attempt)
        return replace(known, parallel=max(1, min(limit, left)), calm_since=None)
    if reading.used_pct >= bounds.raise_pct or known.level is not Level.NONE:
        return replace(known, calm_since=None)
    if known.calm_since is None or now < known.calm_since:
        known = replace(known, calm_since=now)
    if limit < most and passed(known.calm_since, bounds.raise_after_s, now):
        known, limit = replace(known, calm_since=now), limit + 1
    return replace(known, parallel=None if limit >= most else limit)
