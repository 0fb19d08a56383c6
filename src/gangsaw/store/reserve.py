"""Room put by for a full disk: a file that can be deleted so that the journal can say its last.

The content is noise, so that no file system stores it in less than its length.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.store.control import sync_folder

RESERVE_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024


def ensure_reserve(path: Path) -> bool:
    """Whether the reserve is there in full, made now if it was not. `False`: there is no room
    for it, and nothing is left behind."""
    if _is_whole(path):
        return True
    return durable("store.reserve.make", lambda: _make(path))


def release_reserve(path: Path) -> bool:
    """Delete the reserve; whether there was one."""

    def remove() -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True

    return durable("store.reserve.release", remove)


def _is_whole(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return found.st_size == RESERVE_BYTES and found.st_blocks * 512 >= RESERVE_BYTES


def _make(path: Path) -> bool:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for _ in range(RESERVE_BYTES // _PIECE_BYTES):
            _write_all(fd, os.urandom(_PIECE_BYTES))
        os.fsync(fd)
    except OSError as error:
        path.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return False
        raise
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return True


def _write_all(fd: int, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[os.write(fd, left) :]
