"""End what a dead shim left behind, and nothing else.

A process belongs to a turn if one of these is certain: it carries the turn's mark in its
environment; it has the turn's output files open *for writing* (a reader such as `tail -f` does
not belong); it is the recorded shim or agent, by pid and start time; or it descends from such a
process. What is to be settled also includes who holds the turn's lock.
Nothing is ever chosen by name, arguments, user or group number. Each is signalled through a pidfd
after its identity was checked again. We ourselves and our ancestors are never chosen.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gangsaw.procs import shim
from gangsaw.procs.children import MARK_VARIABLE
from gangsaw.procs.identity import (
    HAS_PROC,
    Identity,
    alive,
    boot_id,
    processes,
    raise_if_blind,
    send,
)
from gangsaw.procs.records import (
    ForeignRecord,
    SpecRecord,
    StartedRecord,
    read_spec,
    read_started,
)

SETTLE_MAX_S = 2.0
SETTLE_PAUSE_S = 0.005
_LOCKED = "FLOCK  ADVISORY  WRITE"


def settle(folder: Path) -> int:
    """KILL every process of the turn, its shim included; how many were signalled.

    For `Headless`, `Dying`, and a `Starting` that takes too long. Returns when none is left or
    after `SETTLE_MAX_S` (a process in the kernel may need longer: probe, and call again). Does
    nothing in the folder of a gangsaw whose records we cannot read.
    """
    return end_all(lambda: holders(folder, with_lock=True))


def end_all(found_now: Callable[[], list[Identity]]) -> int:
    """KILL what `found_now` finds, again and again until it finds nothing or `SETTLE_MAX_S` is
    over; how many were signalled."""
    signalled: set[Identity] = set()
    deadline = time.monotonic() + SETTLE_MAX_S
    while found := found_now():
        for identity in found:
            if send(identity, signal.SIGKILL):
                signalled.add(identity)
        if time.monotonic() > deadline:
            break
        time.sleep(SETTLE_PAUSE_S)
    return len(signalled)


def holders(folder: Path, *, with_lock: bool = False) -> list[Identity]:
    """The live processes that certainly belong to the turn, its shim included. `with_lock`: also
    whoever holds its lock, such as a nursery that was stopped with a launch on its way."""
    spec, started = read_spec(folder), read_started(folder)
    if isinstance(spec, ForeignRecord) or isinstance(started, ForeignRecord):
        return []
    marks = {one.mark for one in (spec, started) if isinstance(one, SpecRecord | StartedRecord)}
    recorded: set[Identity] = set()
    if isinstance(started, StartedRecord) and boot_id() in ("", started.boot_id):
        recorded = {started.shim, started.agent}
    if not marks and not folder.exists():
        return []
    if HAS_PROC:
        return _holders_by_proc(_Wanted(folder, marks, recorded, with_lock))
    return _holders_by_psutil(marks, recorded)


class _Wanted:
    """What makes a process a holder of one turn."""

    def __init__(
        self, folder: Path, marks: set[str], recorded: set[Identity], with_lock: bool
    ) -> None:
        self.marks = {mark_entry(mark) for mark in marks}
        self.recorded = recorded
        self.outputs = _file_ids(folder, shim.OUT, shim.ERR)
        self.locks = _file_ids(folder, shim.LOCK) if with_lock else set()

    def holds(self, identity: Identity) -> bool:
        """Whether this process does."""
        return (
            identity in self.recorded
            or bool(self.marks & environment(identity.pid))
            or self._has_open(identity.pid)
        )

    def _has_open(self, pid: int) -> bool:
        """Whether it writes to an output, or holds the lock exclusively. A reader such as
        `tail -f`, or a probe, which takes the lock shared, does not belong."""
        if not self.outputs and not self.locks:
            return False
        for number, file_id in _open_files(pid):
            if file_id in self.outputs and open_for_writing(pid, number):
                return True
            if file_id in self.locks and _LOCKED in _fdinfo(pid, number):
                return True
        return False


def _holders_by_proc(wanted: _Wanted) -> list[Identity]:
    table = processes()
    protected = lineage(table)
    found = {pid for pid in table if pid not in protected and wanted.holds(identity(table, pid))}
    return family(table, found, protected)


def identity(table: dict[int, list[str]], pid: int) -> Identity:
    """A process of the table."""
    return Identity(pid, int(table[pid][19]))


def family(table: dict[int, list[str]], roots: set[int], protected: set[int]) -> list[Identity]:
    """The live ones of `roots` and of all that descends from them, but for the protected."""
    everyone = roots | _below(table, roots)
    return [
        identity(table, pid) for pid in sorted(everyone - protected) if table[pid][0] not in "ZX"
    ]


def lineage(table: dict[int, list[str]]) -> set[int]:
    """We and our ancestors."""
    pid, lineage = os.getpid(), {0, 1}
    while pid not in lineage:
        lineage.add(pid)
        pid = int(table[pid][1]) if pid in table else 0
    return lineage


def _below(table: dict[int, list[str]], roots: Iterable[int]) -> set[int]:
    """All processes that descend from `roots`, which must not include process 1."""
    children: dict[int, list[int]] = {}
    for pid, fields in table.items():
        children.setdefault(int(fields[1]), []).append(pid)
    below: set[int] = set()
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in below:
                below.add(child)
                waiting.append(child)
    return below


def mark_entry(mark: str) -> bytes:
    """The mark as it stands in an environment."""
    return f"{MARK_VARIABLE}={mark}".encode()


def environment(pid: int) -> set[bytes]:
    """The variables of a process; none of one that is gone or another user's: it is not ours."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return set(file.read().split(b"\0"))
    except OSError as error:
        raise_if_blind(error)
        return set()


def _file_ids(folder: Path, *names: str) -> set[tuple[int, int]]:
    found = set()
    for name in names:
        try:
            status = os.stat(folder / name, follow_symlinks=False)
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return found


def open_numbers(pid: int) -> list[str]:
    """The descriptors of a process; none of one that is gone or another user's."""
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError as error:
        raise_if_blind(error)
        return []


def _open_files(pid: int) -> Iterator[tuple[str, tuple[int, int]]]:
    for number in open_numbers(pid):
        try:
            status = os.stat(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        yield number, (status.st_dev, status.st_ino)


def open_for_writing(pid: int, number: str) -> bool:
    """Whether this descriptor of a process can be written to."""
    for line in _fdinfo(pid, number).splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _fdinfo(pid: int, number: str) -> str:
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
            return file.read()
    except OSError as error:
        raise_if_blind(error)
        return ""


def _holders_by_psutil(marks: set[str], recorded: set[Identity]) -> list[Identity]:
    """Without /proc: by the mark and the recorded processes only."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            carries = process.environ().get(MARK_VARIABLE) in marks
            identity = Identity(process.pid, int(process.create_time() * 100))
        except (psutil.Error, OSError):
            continue
        if carries and process.pid != os.getpid():
            found.append(identity)
    found += [one for one in recorded if one.start_ticks and alive(one.pid, one.start_ticks)]
    return found
