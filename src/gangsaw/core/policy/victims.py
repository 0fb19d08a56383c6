"""Who has to give way while the machine is short: one attempt at a time, only among those that are
handed in, and nobody without need.

First whoever is over its own limit, then one that is frozen already (it did not help), then the
one with most memory for what its end would throw away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gangsaw.core.machine import (
    AfterStop,
    Bounds,
    Deed,
    Governed,
    Level,
    Load,
    MachineReading,
    Want,
)

SETTLE_S = 2.0
"""After the end of a victim its memory is given this long to be seen as available."""
HEAD_START_S = 30.0
"""Added to the time an attempt has run, so that one that has just begun does not lose by that
alone."""
HELPS_PCT = 0.5
"""Nobody is ended who uses less than this part of the machine's memory: it would not help."""
ALONE_AFTER = 2
"""A task that was stopped this often for the machine's sake runs alone."""
PERSON_AFTER = 3
"""After so many stops a person is asked."""

Score = Callable[[Load], float]


def memory_per_progress(load: Load) -> float:
    """What an attempt's memory is beside what its end would throw away, in MB per second."""
    return load.memory_mb / (HEAD_START_S + load.ran_s)


def after_stop(stops: int) -> AfterStop:
    """What follows the given number of stops of one task (1 or more)."""
    if stops >= PERSON_AFTER:
        return AfterStop.PERSON
    return AfterStop.ALONE if stops >= ALONE_AFTER else AfterStop.AGAIN


def wanted(
    known: Governed,
    acute: tuple[Level, str],
    reading: MachineReading,
    loads: Sequence[Load],
    bounds: Bounds,
    now: float,
    score: Score = memory_per_progress,
) -> Want | None:
    """What the present reading asks for. `acute` is the level of that reading by itself: one that
    only lingers asks for nothing."""
    level, text = acute
    if known.victim and known.gone_at is None:
        # What takes its time to end does so no longer than the machine can bear.
        named = next((load for load in loads if load.attempt == known.victim), None)
        hurry = level is Level.HARD and known.deed is not Deed.KILL
        return _kill(named, text) if hurry and named is not None else None
    if not passed(known.gone_at, SETTLE_S, now):
        return None
    if level is Level.HARD:
        helpful = _helpful(reading, loads)
        return _kill(max(helpful, key=lambda load: load.memory_mb), text) if helpful else None
    if not passed(known.chosen_at, bounds.victim_every_s, now):
        return None
    if level is Level.SOFT:
        return _soft(reading, loads, bounds, text, score)
    return _thaw(known, loads)


def passed(since: float | None, span_s: float, now: float) -> bool:
    """Whether so much time is over since then; also where the clock was set back behind it."""
    return since is None or now - since >= span_s or now < since


def _helpful(reading: MachineReading, loads: Sequence[Load]) -> list[Load]:
    least = HELPS_PCT * reading.total_mb / 100.0
    return [load for load in loads if load.memory_mb > 0 and load.memory_mb >= least]


def _kill(load: Load, text: str) -> Want:
    return Want(Deed.KILL, load.attempt, f"{text}; {load.attempt} uses {load.memory_mb:.0f} MB")


def _soft(
    reading: MachineReading, loads: Sequence[Load], bounds: Bounds, text: str, score: Score
) -> Want | None:
    if reading.available_pct >= bounds.soft_pct and reading.full_pct <= bounds.soft_full_pct:
        return _for_disk(loads, text)
    helpful = _helpful(reading, loads)
    over = [load for load in helpful if 0 < load.limit_mb < load.memory_mb]
    if over:
        worst = max(over, key=lambda load: load.memory_mb / load.limit_mb)
        limit = f", its own limit is {worst.limit_mb:.0f} MB"
        return Want(Deed.STOP, worst.attempt, _words(worst, text) + limit)
    frozen = [load for load in helpful if load.frozen]
    if frozen:
        largest = max(frozen, key=lambda load: load.memory_mb)
        return Want(Deed.STOP, largest.attempt, f"{_words(largest, text)}, frozen already")
    if len(loads) <= 1 or not helpful:
        return None  # one alone is all the progress there is
    chosen = max(helpful, key=score)
    # A frozen attempt gives its memory back only where it can be put elsewhere.
    helps = reading.swap_free_mb >= chosen.memory_mb > 0
    return Want(Deed.FREEZE if helps else Deed.STOP, chosen.attempt, _words(chosen, text))


def _for_disk(loads: Sequence[Load], text: str) -> Want | None:
    """Whoever writes most, where that is known: to stop another would not help."""
    largest = max(loads, key=lambda load: load.disk_mb, default=None)
    if largest is None or largest.disk_mb <= 0:
        return None
    words = f"{text}; the worktree of {largest.attempt} takes {largest.disk_mb:.0f} MB"
    return Want(Deed.STOP, largest.attempt, words)


def _thaw(known: Governed, loads: Sequence[Load]) -> Want | None:
    """A frozen attempt goes on once the machine is not short, or when nothing else runs."""
    frozen = [load for load in loads if load.frozen]
    if not frozen or (known.level is not Level.NONE and len(frozen) < len(loads)):
        return None
    return Want(Deed.THAW, frozen[0].attempt, "there is memory again")


def _words(load: Load, text: str) -> str:
    return f"{text}; {load.attempt} uses {load.memory_mb:.0f} MB after {load.ran_s:.0f} s"
