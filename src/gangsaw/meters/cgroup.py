"""What a container leaves us of the machine: limits of memory and processors, of both versions of
control groups.

A limit may be set on our own group or on any above it, so all of them are looked at, as far as they
can be seen from here: in a container that is often only the uppermost one, under another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
READ_MAX = 1 << 16
UNLIMITED = 1 << 60
"""Version 1 writes "no limit" as a number near the largest there is."""


_MEMORY_FILES = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Of version 2 and 1: the limit, and what is used."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """Bytes: how much a group may use, and how much of that it cannot do without."""

    limit: int
    used: int


def memory_limits(root: Path = ROOT, own: Path = OWN) -> tuple[MemoryLimit, ...]:
    """Every limit that holds for us; none where there is no control group or no limit."""
    found = []
    for limit_file, used_file, stat_file in memory_limit_files(root, own):
        limit = _number(limit_file)
        if limit is None:
            continue
        used, stat = _number(used_file) or 0, _table(stat_file)
        # Files that nobody has used for a while are given back before anything else.
        spare = stat.get("total_inactive_file", stat.get("inactive_file", 0))
        found.append(MemoryLimit(limit, max(0, used - spare)))
    return tuple(found)


def memory_limit_files(root: Path = ROOT, own: Path = OWN) -> tuple[tuple[Path, Path, Path], ...]:
    """For every such limit the files that say it, what is used, and of what that consists."""
    found = []
    for folder in _folders(root, own, "memory"):
        for names in _MEMORY_FILES:
            limit = _number(folder / names[0])
            if limit and limit < UNLIMITED:
                found.append((folder / names[0], folder / names[1], folder / "memory.stat"))
                break
    return tuple(found)


def processor_limit(root: Path = ROOT, own: Path = OWN) -> float | None:
    """How many processors' time we get at most; `None` where there is no such limit."""
    found = []
    for folder in _folders(root, own, "cpu"):
        words = _text(folder / "cpu.max").split()
        if len(words) == 2 and words[0].isdigit() and int(words[1]):
            found.append(int(words[0]) / int(words[1]))
        quota, period = (_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota is not None and quota > 0 and period:
            found.append(quota / period)
    return min(found, default=None)


def _folders(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """The folders of our groups, from our own upwards, of either version."""
    seen = set[Path]()
    for line in _text(own).splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            tops = [root, root / "unified"]
        elif controller in names.split(","):
            tops = [root / names, root / controller]
        else:
            continue
        inner = Path(path.lstrip("/"))
        if ".." in inner.parts:
            inner = Path()
        for top in tops:
            for each in (inner, *inner.parents):
                folder = top / each
                if folder not in seen and folder.is_dir():
                    seen.add(folder)
                    yield folder


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(READ_MAX).decode("ascii", "replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """The number in a file; `None` for "max", for a file that is not there, for anything else."""
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def _table(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _text(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
