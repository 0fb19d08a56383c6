"""What became of a turn folder: the recovery table, the lock read first, then the files.

Only looks. The lock is tested by taking it shared for a moment; `launch` knows about that.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from gangsaw.procs import shim
from gangsaw.procs.identity import alive, boot_id
from gangsaw.procs.records import (
    BrokenRecord,
    ExitRecord,
    ForeignRecord,
    StartedRecord,
    read_error,
    read_exit,
    read_spec,
    read_started,
)
from gangsaw.procs.settle import holders

LOOKS_MAX = 4
Ending = ExitRecord | BrokenRecord | ForeignRecord | None
Beginning = StartedRecord | BrokenRecord | ForeignRecord | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The agent ended and its tree is gone."""

    record: ExitRecord


@dataclass(frozen=True, slots=True)
class Running:
    """The shim lives and watches over the agent."""

    record: StartedRecord


@dataclass(frozen=True, slots=True)
class Starting:
    """The lock is held and nothing is on record yet. Wait; after a limit treat as headless."""


@dataclass(frozen=True, slots=True)
class Headless:
    """The shim is dead, the agent (or whoever holds the lock) is not. Settle; do not re-queue."""

    record: StartedRecord | None


@dataclass(frozen=True, slots=True)
class Dying:
    """Shim and agent are dead, leftovers of the tree are not. Settle again; do not re-queue."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing is left and no exit was recorded. `started`: the agent may have run, so it counts
    as a try. `reason` is for people."""

    started: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Nobody ever claimed this folder and nobody is about to: it never ran, `launch` may."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing is left, and a record is there that cannot be believed."""

    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """Started by a gangsaw whose records we cannot read, most likely a newer one. We neither
    adopt nor end it: only that version can tell what is true. `text` is for people."""

    text: str


Probed = Finished | Running | Starting | Headless | Dying | Lost | Absent | Broken | Foreign


def probe(folder: Path) -> Probed:
    """The state of the turn in `folder`, true at some moment during the call."""
    found: Probed | None = None
    for _ in range(LOOKS_MAX):
        found = _look(folder)
        if found is not None:
            return found
    # The lock is held over and over and its shim is dead: somebody else has the descriptor.
    started = read_started(folder)
    return Headless(started if isinstance(started, StartedRecord) else None)


def _look(folder: Path) -> Probed | None:
    """One reading of lock, then files; `None` if it must be repeated, because the shim may have
    ended properly between the two. Only the claim is looked for before the lock: a free lock
    without a claim means nothing about files that appear a moment later."""
    claimed = (folder / shim.CLAIM).exists()
    held = lock_held(folder)
    if not held and not claimed:
        return Absent()
    ended, started = read_exit(folder), read_started(folder)
    spec = read_spec(folder) if ended is None and started is None else None
    for record in (ended, started, spec):
        if isinstance(record, ForeignRecord):
            return Foreign(record.text)
    assert not isinstance(started, ForeignRecord)
    known = started if isinstance(started, StartedRecord) else None
    if known is not None and known.boot_id and boot_id() not in ("", known.boot_id):
        return _after_restart(ended)
    if held and known is not None and alive(known.shim.pid, known.shim.start_ticks):
        # An exit record beside it is the shim's last act, or somebody else's work, which the
        # shim will overwrite: either way its end tells the truth.
        return Running(known)
    if isinstance(ended, ExitRecord):
        return Finished(ended)
    if not held:
        return _without_shim(folder, known, ended, started)
    if isinstance(started, BrokenRecord):
        return Headless(None)
    return Starting() if known is None else None


def _after_restart(ended: Ending) -> Probed:
    """Of a former boot nothing can be alive, whatever the numbers and the lock say."""
    if isinstance(ended, ExitRecord):
        return Finished(ended)
    return Lost(started=True, reason="the machine was restarted")


def _without_shim(
    folder: Path, known: StartedRecord | None, *records: Ending | Beginning
) -> Probed:
    """The lock was free after the claim was made: the shim is dead, and none will come."""
    if known is not None and alive(known.agent.pid, known.agent.start_ticks):
        return Headless(known)
    if holders(folder):
        return Dying()
    for record in records:
        if isinstance(record, BrokenRecord):
            return Broken(record.text)
    return Lost(started=known is not None, reason=_reason(folder, known))


def _reason(folder: Path, started: StartedRecord | None) -> str:
    match read_error(folder):
        case None:
            pass
        case BrokenRecord(text) | ForeignRecord(text):
            return f"unreadable {text}"
        case error:
            return f"the shim failed at {error.step}: {error.error} ({error.text})"
    if started is None:
        return "the shim died before the agent was started"
    return "the shim died while the agent was running"


def lock_held(folder: Path) -> bool:
    """Whether anybody holds the folder's lock exclusively."""
    try:
        fd = os.open(folder / shim.LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
