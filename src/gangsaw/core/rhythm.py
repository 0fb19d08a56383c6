"""When the ticks of a schedule are due: every so many seconds, or by cron text.

Moments are epoch seconds. Cron text goes by the wall clock of a zone, which is given; the change to
summer time and back is as in Debian's cron (by `cronsim`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cronsim import CronSim, CronSimError

EVERY_MIN_S = 1.0
CRON_FIELDS = 5
DUES_MAX = 20_000
"""How many missed ticks by cron text are counted one by one: two weeks of minutes."""
_SLACK = 1e-6
"""Of one interval: what floating point may be off."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every `every_s` seconds from the beginning on, or (where that is 0) by `cron` text, in the
    zone of that name (empty: that of the machine)."""

    every_s: float = 0.0
    cron: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Dues:
    """What is due of a rhythm at a moment. `due` is the latest tick that is, `None` if there is
    none; `missed` came before it, the first at `first_missed`, the last at `last_missed`. `next`
    is the one to come, `None` if there is none before the end. After the end none is due, and those
    that were are missed."""

    due: float | None = None
    missed: int = 0
    first_missed: float = 0.0
    last_missed: float = 0.0
    next: float | None = None


def cron_fault(text: str) -> str:
    """What is wrong with cron text; empty if nothing."""
    if len(text.split()) != CRON_FIELDS:
        return "it needs five fields: minute, hour, day of month, month, day of week"
    try:
        next(CronSim(text, datetime(2024, 1, 1)))
    except CronSimError as error:
        return str(error).lower()
    except StopIteration:
        return "there is no such moment"
    return ""


def first_due(rhythm: Rhythm, begun_at: float, zone: tzinfo) -> float | None:
    """The first tick of a schedule that begins then: at once, or the next by cron text."""
    return begun_at if rhythm.every_s else due_after(rhythm, begun_at, zone)


def due_after(rhythm: Rhythm, due: float, zone: tzinfo) -> float | None:
    """The tick that follows the one that was due at `due`."""
    if rhythm.every_s:
        return due + rhythm.every_s
    try:
        return next(CronSim(rhythm.cron, datetime.fromtimestamp(due, zone))).timestamp()
    except StopIteration:
        return None


def dues(rhythm: Rhythm, first: float | None, now: float, end: float | None, zone: tzinfo) -> Dues:
    """What is due now, when `first` is the first tick that nobody has dealt with. No tick is due
    at `end` or later."""
    if first is None or (end is not None and first >= end):
        return Dues()
    if first > now:
        return Dues(next=first)
    if end is not None and now >= end:
        found = _until(rhythm, first, end, None, zone)
        # The one that would be due at the end itself is none.
        at_end = found.due is not None and found.due >= end - _SLACK
        last = found.last_missed if at_end else found.due
        assert last is not None
        return Dues(None, found.missed + (0 if at_end else 1), first, last)
    return _until(rhythm, first, now, end, zone)


def _until(rhythm: Rhythm, first: float, now: float, end: float | None, zone: tzinfo) -> Dues:
    """The ticks from `first` to `now`, the last of them due; and the next before `end`."""
    if rhythm.every_s:
        return _by_interval(rhythm, first, now, end)
    return _by_cron(rhythm, first, now, end, zone)


def _by_interval(rhythm: Rhythm, first: float, now: float, end: float | None) -> Dues:
    every_s = rhythm.every_s
    # What is due in this very moment is due; at the end itself nothing is.
    missed = math.floor((now - first) / every_s + _SLACK)
    after: float | None = first + (missed + 1) * every_s
    if end is not None and after is not None and after >= end - _SLACK * every_s:
        after = None
    last_missed = first + (missed - 1) * every_s if missed else 0.0
    due = first + missed * every_s
    return Dues(due, missed, first if missed else 0.0, last_missed, after)


def _by_cron(rhythm: Rhythm, first: float, now: float, end: float | None, zone: tzinfo) -> Dues:
    missed, before, due = 0, 0.0, first
    for _ in range(DUES_MAX):
        after = due_after(rhythm, due, zone)
        if after is None or after > now:
            break
        missed, before, due = missed + 1, due, after
    else:
        # Nobody counts any further; the tick that is due is as good as any.
        after = due_after(rhythm, now, zone)
    if after is not None and end is not None and after >= end:
        after = None
    return Dues(due, missed, first if missed else 0.0, before, after)
