"""Who may write: one engine per control folder, by a lock of the kernel on a file.

The lock itself is the truth: the kernel frees it when its holder ends, however it ends. The record
in the file (pid, start of that process, since when) is only there to tell people who it is. The
descriptor is closed on exec, so no agent ever inherits the lock. The file is never deleted: two
holders of two files of one name would both believe themselves alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from gangsaw.core.errors import UserError

GHOST_WAIT_S = 2.0
"""How long a lock is waited for whose recorded holder is dead: a process just killed is still
being taken apart, or somebody is asking at this instant."""
GHOST_POLL_S = 0.01
WAITS_MAX = 80
RECORD_BYTES = 256
"""The record has a fixed size, so that writing it again needs no room on a full disk."""


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Another process holds the lock. `pid` is `None` if it has not said who it is; `since` is
    epoch seconds; `waits` is what it cannot go on without, empty while it can."""

    pid: int | None
    since: float | None
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """We hold the lock until `release`, or until this process ends."""

    path: Path
    fd: int

    def release(self) -> None:
        """Give the lock back. Call once."""
        os.pwrite(self.fd, b" " * RECORD_BYTES, 0)
        os.close(self.fd)

    def is_in_place(self) -> bool:
        """Whether the lock we hold is still the one that others find under its name."""
        return _is_at(self.fd, self.path)

    def say(self, waits: str) -> None:
        """Tell everybody what we cannot go on without; empty: we can. Needs no room on the disk."""
        _write_record(self.fd, self.path, waits[:WAITS_MAX])

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class WriterLock:
    """The two questions one can ask of the lock file."""

    @staticmethod
    def acquire(path: Path) -> Held | HeldBy:
        """`Held`, or who has it already. Does not wait for a live holder."""
        deadline = time.monotonic() + GHOST_WAIT_S
        while True:
            fd = _open(path)
            locked = _locked(fd, fcntl.LOCK_EX)
            if locked and _is_at(fd, path):
                _begin_record(fd, path)
                return Held(path, fd)
            found = None if locked else _read_record(fd)
            os.close(fd)
            if found is not None or time.monotonic() > deadline:
                return found or HeldBy(None, None)
            time.sleep(GHOST_POLL_S)

    @staticmethod
    def holder(path: Path) -> HeldBy | None:
        """Who holds the lock now, `None` if nobody does. Changes nothing."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            if _locked(fd, fcntl.LOCK_SH):
                return None
            return _read_record(fd) or HeldBy(None, None)
        finally:
            os.close(fd)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(
            f"cannot open {path}: {error.strerror}; try making its folder writable"
        ) from error


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    """Whether the open file is still the one of that name: somebody may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False


def _begin_record(fd: int, path: Path) -> None:
    try:
        _write_record(fd, path, "")
    except OSError as error:
        os.close(fd)
        raise UserError(
            f"cannot write {path}: {error.strerror}; try freeing space on that disk"
        ) from error


def _write_record(fd: int, path: Path, waits: str) -> None:
    before = _read_record(fd)
    since = before.since if before is not None and before.pid == os.getpid() else time.time()
    pid = os.getpid()
    record = {"pid": pid, "start": _process_start(pid), "since": since, "waits": waits}
    os.pwrite(fd, json.dumps(record).encode().ljust(RECORD_BYTES), 0)


def _read_record(fd: int) -> HeldBy | None:
    """The recorded holder if that very process is alive, else `None`."""
    try:
        record = json.loads(os.pread(fd, RECORD_BYTES, 0))
        pid, start, since = int(record["pid"]), record["start"], float(record["since"])
        waits = str(record.get("waits", ""))
    except (ValueError, KeyError, TypeError):
        return None  # empty or half written: the holder is about to say who it is
    return HeldBy(pid, since, waits) if _process_start(pid) == start else None


def _process_start(pid: int) -> str | None:
    """When the process started, in the kernel's ticks since boot; `None` if there is no such
    process or no `/proc` (macOS), where the record is then believed."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name, in brackets, may hold anything; the fields after it do not. Z and X are dead.
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else fields[19].decode()
