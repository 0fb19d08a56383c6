"""When the watchdog acts: the machine's memory, and whether it has been too short for long enough.

A part of the watchdog's own process (`sentry`): a script of the standard library that imports
almost nothing.
"""

from __future__ import annotations

import os

PROTOCOL = 1
READ_MAX = 1 << 16
CALM_S, NEAR_S = 1.0, 0.2
"""Between two readings: while there is plenty, and below `NEAR` times the hard level."""
NEAR = 4.0
PATIENCE_S = 3.0
"""So long must the hard level last: the engine ends somebody at its next reading."""
STALLED_PATIENCE_S = 1.0
"""The same where everybody waits for memory most of the time, or half of what is left is gone."""
STALLED_PCT = 20.0
READINGS_MIN = 3
GAP_S = 2.0
"""So many readings must have seen it, none of them further apart: one that was stopped itself, or
had to wait for memory, knows nothing of the time between."""
SETTLE_S = 2.0
"""After anybody's end, its memory is given this long to be seen."""


class Conf:
    """The bounds, as the engine wrote them for the watchdog of that `life`: `hard_pct`, what all
    agents together may use (`budget_kb`, 0: there is no such bound), where to read (`meminfo`,
    `pressure`), and the limits of our control groups, as (limit, in use, statistics)."""

    def __init__(self, text: str) -> None:
        self.hard_pct = 0.0
        self.budget_kb = 0
        self.life = self.meminfo = self.pressure = ""
        self.limits: list[tuple[str, str, str]] = []
        self.patience_s = PATIENCE_S
        protocol = 0
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            if name == "protocol":
                protocol = int(value)
            elif name in ("hard_pct", "patience_s"):
                setattr(self, name, float(value))
            elif name == "budget_kb":
                self.budget_kb = int(value)
            elif name in ("life", "meminfo", "pressure"):
                setattr(self, name, value)
            elif name == "limit":
                limit, used, stat = value.split("\t")
                self.limits.append((limit, used, stat))
        if protocol != PROTOCOL:
            raise ValueError("written for another watchdog")


class Memory:
    """One reading, in kB and percent."""

    __slots__ = ("available_kb", "full_pct", "total_kb")

    def __init__(self, total_kb: int, available_kb: int, full_pct: float) -> None:
        self.total_kb = total_kb
        self.available_kb = available_kb
        self.full_pct = full_pct

    @property
    def available_pct(self) -> float:
        return 100.0 * self.available_kb / self.total_kb if self.total_kb > 0 else 100.0


def read(path: str) -> str:
    """The text of a small file; empty if there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, READ_MAX).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def number_after(text: str, name: str) -> int:
    """The number that follows a name at the beginning of a line; 0 if there is none."""
    at = 0 if text.startswith(name) else text.find("\n" + name) + 1
    if at == 0 and not text.startswith(name):
        return 0
    word = text[at + len(name) :].split(None, 1)[0]
    return int(word) if word.isdigit() else 0


def read_memory(conf: Conf) -> Memory | None:
    """The memory now, within the limits of control groups; `None` where it cannot be told."""
    text = read(conf.meminfo)
    total, available = number_after(text, "MemTotal:"), number_after(text, "MemAvailable:")
    if total <= 0 or "MemAvailable:" not in text:
        return None
    for path, used_path, stat_path in conf.limits:
        limit, used = (whole(read(each)) for each in (path, used_path))
        if limit is None or used is None:
            continue
        stat = read(stat_path)
        spare = number_after(stat, "total_inactive_file ") or number_after(stat, "inactive_file ")
        total = min(total, limit >> 10)
        available = min(available, max(0, limit - max(0, used - spare)) >> 10)
    _, _, rest = read(conf.pressure).partition("full avg10=")
    word = rest.split(" ", 1)[0]
    return Memory(total, available, float(word) if word.replace(".", "", 1).isdigit() else 0.0)


def whole(text: str) -> int | None:
    """The number that a file consists of."""
    word = text.strip()
    return int(word) if word.isdigit() else None


class Patience:
    """Whether the hard level has lasted. Told of every reading; knows no clock of its own. `since`
    is when the level began, `None` while there is none."""

    __slots__ = ("hard_pct", "patience_s", "quiet_until", "readings", "seen_at", "since")

    def __init__(self, hard_pct: float, patience_s: float) -> None:
        self.hard_pct = hard_pct
        self.patience_s = patience_s
        self.since: float | None = None
        self.seen_at = 0.0
        self.readings = 0
        self.quiet_until = 0.0

    def is_over(self, memory: Memory, now: float) -> bool:
        """Whether it is time to act."""
        if memory.available_pct >= self.hard_pct:
            self.since = None
            return False
        if self.since is None or now - self.seen_at > GAP_S:
            self.readings = 0
        if self.since is None:
            self.since = now
        self.seen_at = now
        self.readings += 1
        urgent = memory.full_pct >= STALLED_PCT or memory.available_pct < self.hard_pct / 2
        patience_s = min(self.patience_s, STALLED_PATIENCE_S) if urgent else self.patience_s
        lasted = now - self.since >= patience_s and self.readings >= READINGS_MIN
        return lasted and now >= self.quiet_until

    def begin_anew(self, now: float, quiet_s: float = SETTLE_S) -> None:
        """Something has changed, or nothing can: the level must last anew, after that pause."""
        self.since = None
        self.quiet_until = now + quiet_s


def pause_s(memory: Memory | None, hard_pct: float) -> float:
    """Until the next reading."""
    near = memory is None or memory.available_pct < NEAR * hard_pct
    return NEAR_S if near else CALM_S
