"""Locks between processes and threads: one file each, in the control folder.

The lock is a `flock` on a close-on-exec file. Only the git processes started under it get a copy:
if we are killed, the lock stays taken until the git we started has ended, so that the next
life never works beside it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gangsaw.core.errors import UserError

LOCK_WAIT_S = 900.0
_POLL_S = 0.01


@contextmanager
def held(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[int]:
    """Hold the lock file while inside; gives its descriptor, to be passed to git only.

    Raises `UserError` when somebody else holds it for longer than `wait_s` seconds.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, time.monotonic() + wait_s)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise UserError(
                    f"cannot get the lock {path}: another process has held it for too long; "
                    f"try `fuser {path}` to find it",
                    exit_code=1,
                ) from None
            time.sleep(_POLL_S)


def waited(fact: Callable[[], bool], wait_s: float) -> bool:
    """Whether the fact holds now or within `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while not fact():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True
