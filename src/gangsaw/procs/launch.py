"""Start one turn, at most once per folder, however often and by whomever it is asked.

Order: folder, lock, spec and standard input (durable), spawn. The lock is taken here and handed to
the shim as an open descriptor, so it is held without a gap from before the spawn to the shim's end,
also when we are killed in between. Never a `preexec_fn` and never a fork of ours: either would copy
our whole memory; what forks is the nursery, a small process of its own.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gangsaw.core.faults import durable
from gangsaw.core.launch import LaunchSpec
from gangsaw.procs import shim
from gangsaw.procs.children import (
    MARK_VARIABLE,
    adopt,
    note,
    script_path,
    shim_environment,
    spawn,
)
from gangsaw.procs.identity import containment
from gangsaw.procs.nursery import open_nursery
from gangsaw.procs.records import SpecRecord, spec_text

LOCK_WAIT_MAX_S = 2.0
LOCK_PAUSE_S = 0.002
_MARK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")


@dataclass(frozen=True, slots=True)
class Started:
    """A shim was spawned for the folder. The agent is not yet known to run; `probe` tells."""

    shim_pid: int


@dataclass(frozen=True, slots=True)
class AlreadyClaimed:
    """The folder was executed before, or is being executed; nothing was started."""


def launch(
    folder: Path, spec: LaunchSpec, *, mark: str, grace_s: float
) -> Started | AlreadyClaimed:
    """Start `spec` in `folder` unless that ever happened before. Does not wait for the agent.

    `mark` is a fresh unguessable token (8 to 128 letters, digits, `._-`), put into the agent's
    environment as `GANGSAW_MARK`; it is how leftovers are found. `grace_s` is the time between
    TERM and KILL when the turn is stopped. After `Started`, a folder that `probe` calls `Absent`
    lost its shim before the claim and may be launched again.

    Raises `OSError` when nothing was started, `ValueError` for an unusable spec or mark.
    """
    handover = _encode(spec, mark, grace_s)
    if (folder / shim.CLAIM).exists():
        return AlreadyClaimed()
    durable("procs.folder", lambda: _make_folder(folder), str(folder))
    with _locked(folder) as lock_fd:
        # Looked at again under the lock: whoever had it before may have executed the folder.
        if lock_fd is None or (folder / shim.CLAIM).exists():
            return AlreadyClaimed()
        durable("procs.spec", lambda: _write_spec(folder, spec, mark, grace_s), str(folder))
        pid = durable("procs.spawn", lambda: _start(folder, handover, lock_fd, mark), str(folder))
    return Started(pid)


def _make_folder(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """The descriptor of the locked lock file, or `None` if somebody is executing the folder.

    Read-only: a descriptor open for writing is what marks a process as part of the agent's tree.
    Closing ours does not unlock, as long as a shim has inherited it.
    """
    fd = os.open(folder / shim.LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd if _lock(folder, fd) else None
    finally:
        os.close(fd)


def _lock(folder: Path, fd: int) -> bool:
    """Take the lock. A held lock without a claim is a shim that is starting, another launcher, or
    a probe of a moment: the wait for either the lock or the claim is short and bounded."""
    deadline = time.monotonic() + LOCK_WAIT_MAX_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if (folder / shim.CLAIM).exists() or time.monotonic() > deadline:
                return False
            time.sleep(LOCK_PAUSE_S)
        else:
            return True


def _write_spec(folder: Path, spec: LaunchSpec, mark: str, grace_s: float) -> None:
    names = tuple(sorted(name for name, _ in spec.env))
    record = SpecRecord(spec.argv, spec.cwd, names, mark, grace_s)
    if spec.stdin is not None:
        _write(folder / shim.STDIN, spec.stdin)
    _write(folder / shim.SPEC, spec_text(record))
    _sync_folder(folder)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    fresh.rename(path)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _encode(spec: LaunchSpec, mark: str, grace_s: float) -> bytes:
    """The spec as the shim reads it. It is handed over in an unnamed file, because variables may
    be secrets and because the file is complete before the shim exists."""
    if not _MARK.fullmatch(mark):
        raise ValueError(f"mark {mark!r} is not 8 to 128 of A-Z a-z 0-9 . _ -")
    if not spec.argv or not spec.argv[0]:
        raise ValueError("a launch needs a program")
    env = dict(spec.env) | {MARK_VARIABLE: mark}
    if any(not name or "=" in name for name in env):
        raise ValueError("a variable needs a name without '='")
    fields = [f"{shim.PROTOCOL}.{shim.MINOR}", containment().value, repr(float(grace_s))]
    fields += [str(int(spec.stdin is not None)), mark, spec.cwd, str(len(spec.argv)), *spec.argv]
    fields += [f"{name}={value}" for name, value in env.items()]
    if any("\0" in field for field in fields):
        raise ValueError("an argument or a variable holds a NUL character")
    return b"\0".join(os.fsencode(field) for field in fields)


def _start(folder: Path, handover: bytes, lock_fd: int, mark: str) -> int:
    """The pid of a new shim: forked by the nursery if one is open, else spawned. A nursery that
    dies may have forked one all the same; of two shims only the one that claims executes."""
    nursery = open_nursery()
    if nursery is not None:
        with _spec_file(handover) as spec_fd:
            forked = nursery.fork(folder, mark, lock_fd, spec_fd)
        if forked is not None:
            note(folder, forked)
            return forked.pid
    with _spec_file(handover) as spec_fd:
        process = spawn(
            [script_path(shim.__file__), str(lock_fd), str(folder)],
            cwd=folder,
            env=shim_environment(mark),
            stdin=spec_fd,
            lock_fd=lock_fd,
        )
    adopt(folder, process)
    return process.pid


@contextmanager
def _spec_file(handover: bytes) -> Iterator[int]:
    """The descriptor of an unnamed file with this content, to be read from its beginning."""
    with _unnamed_file() as file:
        file.write(handover)
        file.seek(0)
        yield file.fileno()


def _unnamed_file() -> BinaryIO:
    """An empty file that nobody can find; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gangsaw-spec"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()
