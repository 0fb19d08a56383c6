"""End what a dead shim left behind, and nothing else.

A process belongs to a turn if one of these is certain: it carries the turn's mark in its
environment; it has the turn's output files open *for writing* (a reader such as `tail -f` does
not belong); it is the recorded agent, by pid and start time; or it descends from such a process.
Nothing is ever chosen by name, arguments, user or group number. Each is signalled through a pidfd
after its identity was checked again. We ourselves and our ancestors are never chosen.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from gangsaw.procs import shim
from gangsaw.procs.children import MARK_VARIABLE
from gangsaw.procs.identity import HAS_PROC, Identity, alive, send
from gangsaw.procs.records import SpecRecord, StartedRecord, read_spec, read_started

SETTLE_MAX_S = 2.0
SETTLE_PAUSE_S = 0.005


def settle(folder: Path) -> int:
    """KILL every process of the turn, its shim included; how many were signalled.

    For `Headless`, `Dying`, and a `Starting` that takes too long. Returns when none is left or
    after `SETTLE_MAX_S` (a process in the kernel may need longer: probe, and call again).
    """
    signalled: set[Identity] = set()
    deadline = time.monotonic() + SETTLE_MAX_S
    while found := holders(folder):
        for identity in found:
            if send(identity, signal.SIGKILL):
                signalled.add(identity)
        if time.monotonic() > deadline:
            break
        time.sleep(SETTLE_PAUSE_S)
    return len(signalled)


def holders(folder: Path) -> list[Identity]:
    """The live processes that certainly belong to the turn, its shim included."""
    spec = read_spec(folder)
    if not isinstance(spec, SpecRecord):
        return []  # nothing is spawned before the spec is durable
    mark = f"{MARK_VARIABLE}={spec.mark}".encode()
    started = read_started(folder)
    agent = started.agent if isinstance(started, StartedRecord) else None
    if HAS_PROC:
        return _holders_by_proc(folder, mark, agent)
    return _holders_by_psutil(spec.mark, agent)


def _holders_by_proc(folder: Path, mark: bytes, agent: Identity | None) -> list[Identity]:
    table = shim.processes()
    outputs = set(_file_ids(folder))
    protected = _lineage(table)
    found = {
        pid
        for pid, fields in table.items()
        if fields[0] not in "ZX"
        and (
            (agent is not None and (pid, int(fields[19])) == (agent.pid, agent.start_ticks))
            or _carries(pid, mark)
            or (outputs and _writes_to(pid, outputs))
        )
    }
    found |= _below(table, found - protected)
    return [
        Identity(pid, int(table[pid][19]))
        for pid in sorted(found - protected)
        if table[pid][0] not in "ZX"
    ]


def _lineage(table: dict[int, list[str]]) -> set[int]:
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


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False  # gone, or another user's: then it is not ours


def _file_ids(folder: Path) -> Iterable[tuple[int, int]]:
    for name in (shim.OUT, shim.ERR):
        try:
            status = os.stat(folder / name, follow_symlinks=False)
        except OSError:
            continue
        yield status.st_dev, status.st_ino


def _writes_to(pid: int, files: set[tuple[int, int]]) -> bool:
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for number in numbers:
        try:
            status = os.stat(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in files and _open_for_writing(pid, number):
            return True
    return False


def _open_for_writing(pid: int, number: str) -> bool:
    try:
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
            flags = next(line for line in file if line.startswith("flags:"))
    except (OSError, StopIteration):
        return False
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def _holders_by_psutil(mark: str, agent: Identity | None) -> list[Identity]:
    """Without /proc: by the mark and the recorded agent only."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            carries = process.environ().get(MARK_VARIABLE) == mark
            identity = Identity(process.pid, int(process.create_time() * 100))
        except (psutil.Error, OSError):
            continue
        if carries and process.pid != os.getpid():
            found.append(identity)
    if agent is not None and agent.start_ticks and alive(agent.pid, agent.start_ticks):
        found.append(agent)
    return found
