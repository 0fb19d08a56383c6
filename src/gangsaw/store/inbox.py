"""Requests of people and other processes to the engine, one file each, and a bell to wake it.

A request is complete or not there: written aside, synced, renamed. Its key is chosen by the sender
and says "this very request": sent twice it is one. The engine writes a request into the log, key
included, and discards the file afterwards; a kill in between shows it the file again, and the key
in the log says that it is old news. Requests come from outside: size, links, types and names are
checked, and what is wrong is moved to `bad/` and reported, never obeyed and never fatal.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.control import make_private_folder, sync_folder
from gangsaw.store.errors import DiskFull

REQUEST_MAX_BYTES = 256 * 1024
PENDING_MAX = 1000
"""Files looked at in one call of `pending`; the others wait for the next."""
BAD_KEPT = 100
"""How many files `bad/` keeps; the oldest go."""
RINGS_READ_MAX = 65536

_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAME = re.compile(r"([0-9]{1,15})-([A-Za-z0-9_-]{1,80})\.json")
NESTING_MAX = 32
"""What is read here must fit into an event, which is encoded with a stack of its own."""

_AT_MAX = 99_999_999_999  # epoch seconds; milliseconds fit the 15 digits of a name
_WAKE = ".wake"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks of the engine. `key`: up to 80 of `A-Z a-z 0-9 _ -`, one per wish;
    `args`: JSON values; `at`: epoch seconds by the sender's clock; `by`: who, in words."""

    key: str
    verb: str
    args: dict[str, Any]
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A file that is no request. `path` is where it lies now, in `bad/`."""

    path: Path
    why: str


def submit(folder: Path, request: Request) -> Path:
    """The request's file, safe on disk. If a request with that key is waiting already, its file.

    `folder` is the inbox. `UserError` if the request is too long or the folder cannot be written,
    `DiskFull` for want of room. Call `ring` afterwards.
    """
    if not _KEY.fullmatch(request.key):
        raise ValueError(f"not a request key: {request.key!r}")
    fields = {
        "key": request.key,
        "verb": request.verb,
        "args": request.args,
        "at": request.at,
        "by": request.by,
    }
    content = json.dumps(fields, allow_nan=False).encode()
    if len(content) > REQUEST_MAX_BYTES:
        raise UserError(
            f"cannot send {request.verb}: {len(content)} bytes are more than the "
            f"{REQUEST_MAX_BYTES} allowed; try a shorter text"
        )
    path = folder / f"{max(0, int(request.at * 1000)):015d}-{request.key}.json"
    try:
        # What is garbled will be set aside: it does not stand for the wish.
        files = _files_of(folder, request.key)
        waiting = [file for file in files if isinstance(_read(file), Request)]
        return waiting[0] if waiting else durable("store.inbox.submit", lambda: _put(path, content))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"cannot send {request.verb}: no room in {folder}; try freeing space on that disk"
            ) from error
        raise UserError(
            f"cannot send {request.verb}: {folder}: {error.strerror}; "
            "try as the user who started the run"
        ) from error


def pending(folder: Path) -> list[Request | BadRequest]:
    """The waiting requests, oldest first, one per key; then what was no request, now moved aside.

    At most `PENDING_MAX` files are looked at. Files still being written are not seen.
    """
    found: dict[str, Request] = {}
    bad: list[BadRequest] = []
    names = sorted(name for name in _names(folder) if name != "bad" and not name.startswith("."))
    for name in sorted(names[:PENDING_MAX], key=_order):
        outcome = _read(folder / name)
        match outcome:
            case Request():
                found.setdefault(outcome.key, outcome)
            case str():
                bad.append(_set_aside(folder, name, outcome))
            case None:
                pass
    return [*found.values(), *bad]


def discard(folder: Path, key: str) -> None:
    """Remove the request with that key, once the log has it. No such request: nothing happens."""
    paths = _files_of(folder, key)

    def remove() -> None:
        for path in paths:
            path.unlink(missing_ok=True)
        sync_folder(folder)

    if paths:
        durable("store.inbox.discard", remove)


# --- the bell ------------------------------------------------------------------------------------


def open_wake(folder: Path) -> int:
    """A descriptor that becomes readable when somebody rings; the caller closes it.

    Open for writing too, so that it never reads as ended when a sender leaves.
    """
    path = folder / _WAKE
    try:
        if not stat.S_ISFIFO(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):
        durable("store.inbox.wake", lambda: os.mkfifo(path, 0o600))
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)


def ring(folder: Path) -> None:
    """Wake the engine if one is listening; otherwise nothing happens."""
    try:
        fd = os.open(folder / _WAKE, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ELOOP, errno.EACCES):
            return
        raise
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.write(fd, b"!")
    except (BlockingIOError, BrokenPipeError):
        pass  # rung often enough already, or the listener has just gone
    finally:
        os.close(fd)


def quiet(wake_fd: int) -> None:
    """Take the rings heard so far off the bell. Call before `pending`, so that none is missed."""
    with suppress(BlockingIOError):
        os.read(wake_fd, RINGS_READ_MAX)


# --- files ---------------------------------------------------------------------------------------


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _files_of(folder: Path, key: str) -> list[Path]:
    matches = (_NAME.fullmatch(name) for name in sorted(_names(folder)))
    return [folder / match.group() for match in matches if match and match.group(2) == key]


def _order(name: str) -> tuple[int, str]:
    match = _NAME.fullmatch(name)
    return (int(match.group(1)) if match else 0, name)


def _put(path: Path, content: bytes) -> Path:
    aside = path.with_name(f".{path.stem}-{os.getpid()}-{time.monotonic_ns()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        aside.rename(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return path


def _read(path: Path) -> Request | str | None:
    """The request in the file, or why it is none; `None` if the file is gone by now."""
    name = _NAME.fullmatch(path.name)
    if name is None:
        return "its name is not <milliseconds>-<key>.json"
    try:
        # NONBLOCK: somebody's fifo of that name must not hold us up.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return "it is a link" if error.errno == errno.ELOOP else f"{error.strerror}"
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "it is not a file"
        content = os.read(fd, REQUEST_MAX_BYTES + 1)
    finally:
        os.close(fd)
    if len(content) > REQUEST_MAX_BYTES:
        return f"it is longer than {REQUEST_MAX_BYTES} bytes"
    return _parsed(content, name.group(2))


def _parsed(content: bytes, key: str) -> Request | str:
    try:
        value = json.loads(content, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    match value:
        case {
            "key": str(found),
            "verb": str(verb),
            "args": dict(args),
            "at": int() | float() as at,
            "by": str(by),
        } if not isinstance(at, bool):
            if found != key:
                return "its key is not the one in its name"
            if not 0 <= at <= _AT_MAX:
                return "its time is out of range"
            if not _is_shallow(args, NESTING_MAX):
                return f"its args are nested deeper than {NESTING_MAX}"
            return Request(key, verb, args, float(at), by)
    return "it needs key, verb, args, at and by"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _is_shallow(value: Any, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_is_shallow(item, left - 1) for item in inner)


def _set_aside(folder: Path, name: str, why: str) -> BadRequest:
    bad = folder / "bad"
    make_private_folder(bad)
    # A new name: the old one may be too long to be prefixed, or taken.
    aside = bad / f"{time.time_ns():020d}.json"
    durable("store.inbox.set_aside", lambda: (folder / name).rename(aside))
    for old in sorted(bad.iterdir())[:-BAD_KEPT]:
        if old.is_symlink() or not old.is_dir():
            old.unlink()
    return BadRequest(aside, f"{name!r}: {why}")
