"""What whole trees of processes use: memory and processor time.

One pass over all processes serves every tree. A process belongs to a tree if it descends from one
of its roots, or is in the session of one, or descends from such a process. The roots are given with
their start times (a number alone means nothing); names never matter. A root that adopts what loses
its parent (a subreaper) keeps daemons in its tree, whatever session they have moved to.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KILO = 1024
NO_TICKS_PER_S = 100
"""Start times in such units where there is no /proc."""


@dataclass(frozen=True, slots=True)
class Root:
    """A process by number and start (0: the start is not known, then any matches)."""

    pid: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `cpu_s` is its own time and that of children it has waited for."""

    pid: int
    parent: int
    session: int
    start_ticks: int
    rss_kb: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree. `rss_kb` counts what its processes share once for each of them; `pss_kb`
    counts it once, and is `None` until somebody asks for it."""

    pids: tuple[int, ...]
    rss_kb: int
    cpu_s: float
    pss_kb: int | None = None

    @property
    def memory_kb(self) -> int:
        """The better figure of the two."""
        return self.rss_kb if self.pss_kb is None else self.pss_kb


class Survey:
    """All processes at one moment."""

    def __init__(self, processes: Mapping[int, Process]) -> None:
        self._processes = processes
        self._children: dict[int, list[int]] = {}
        self._sessions: dict[int, list[int]] = {}
        for process in processes.values():
            self._children.setdefault(process.parent, []).append(process.pid)
            self._sessions.setdefault(process.session, []).append(process.pid)

    def tree(self, roots: Iterable[Root], *, but: Collection[int] = ()) -> Tree:
        """The tree of these roots; empty if none of them is alive. What hangs on a process of
        `but` stays out."""
        members: set[int] = set()
        waiting: list[int] = []
        for root in roots:
            alive = self._processes.get(root.pid)
            if alive is not None and root.start_ticks in (0, alive.start_ticks):
                waiting.append(root.pid)
                # Only a leader's own number is sure to mean its session and no other.
                if alive.session == alive.pid:
                    waiting += self._sessions[alive.pid]
        while waiting:
            pid = waiting.pop()
            if pid not in members and pid not in but:
                members.add(pid)
                waiting += self._children.get(pid, ())
        found = [self._processes[pid] for pid in sorted(members)]
        return Tree(
            tuple(process.pid for process in found),
            sum(process.rss_kb for process in found),
            sum(process.cpu_s for process in found),
        )


def survey() -> Survey:
    """One pass over all processes. Zombies are left out: they hold nothing."""
    return Survey(read_processes())


def read_processes() -> dict[int, Process]:
    """Every live process by its number."""
    if not (PROC / "self" / "stat").exists():
        return _by_psutil()
    page_kb = os.sysconf("SC_PAGE_SIZE") // KILO
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    found = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            process = _read(int(name), page_kb, ticks_per_s)
            if process is not None:
                found[process.pid] = process
    return found


def exact(tree: Tree) -> Tree:
    """The tree with `pss_kb`: costs about a third of a millisecond for each process. What may not
    be read, or has ended, counts with nothing; without /proc the tree comes back as it is."""
    sizes = [size for pid in tree.pids if (size := _pss_kb(pid)) is not None]
    if not sizes:
        return tree
    return Tree(tree.pids, tree.rss_kb, tree.cpu_s, sum(sizes))


def _read(pid: int, page_kb: int, ticks_per_s: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None  # it has ended
    fields = text[text.rfind(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X"):
        return None
    # utime, stime, and the same of the children it has waited for
    ticks = sum(map(int, fields[11:15]))
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        start_ticks=int(fields[19]),
        rss_kb=int(fields[21]) * page_kb,
        cpu_s=ticks / ticks_per_s,
    )


def _pss_kb(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1])
    except OSError:
        return None
    return 0  # a process of the kernel, or one that is just ending, has no memory


def _by_psutil() -> dict[int, Process]:
    import psutil

    found = {}
    for each in psutil.process_iter():
        try:
            with each.oneshot():
                if each.status() == psutil.STATUS_ZOMBIE:
                    continue
                times = each.cpu_times()
                found[each.pid] = Process(
                    pid=each.pid,
                    parent=each.ppid(),
                    session=os.getsid(each.pid),
                    start_ticks=int(each.create_time() * NO_TICKS_PER_S),
                    rss_kb=each.memory_info().rss // KILO,
                    cpu_s=times.user + times.system,
                )
        except (psutil.Error, OSError):
            continue  # it has ended, or belongs to somebody else
    return found
