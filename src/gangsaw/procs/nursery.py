"""A small process of ours from which shims are forked, instead of starting an interpreter each.

Opt-in: while a `Nursery` is open, every `launch` of this process goes through it. The lock and the
spec travel as descriptors; ours stay open until the answer is there, so the lock is held without a
gap. If there is no answer, the caller spawns the shim itself. Should the nursery have forked one
before it died, there are two, and the claim decides as it always does.

It must not be needed: without it, or where the system cannot, all is as before, only slower.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path

from gangsaw.procs import forks, shim
from gangsaw.procs.children import Child, end, script_path, shim_environment, spawn
from gangsaw.procs.identity import Identity

ANSWER_MAX_S = 10.0
EXIT_MAX_S = 5.0
STARTS_MAX = 2
_SUPPORTED = sys.platform.startswith("linux")

_open_lock = threading.Lock()
_open: Nursery | None = None


def open_nursery() -> Nursery | None:
    """The nursery that serves this process at present."""
    return _open


class Nursery:
    """While it is open, as a context, it serves every launch of this process, from any thread.

    Its process starts with the first launch. If it dies or does not answer, it is started once
    more by the next launch; after that, launches go without. A nursery opened while another is
    open does nothing.
    """

    def __init__(self, *, answer_max_s: float = ANSWER_MAX_S) -> None:
        self._answer_max_s = answer_max_s
        self._mutex = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: Child | None = None
        self._starts = 0

    @property
    def pid(self) -> int | None:
        """The number of its process, `None` while there is none."""
        return self._process.pid if self._process is not None else None

    def fork(self, folder: Path, mark: str, lock_fd: int, spec_fd: int) -> Identity | None:
        """The shim that was forked for `folder`, or `None`: the caller must spawn one itself."""
        fault = os.environ.get(shim.FAULT_VARIABLE, "")
        request = b"\0".join(os.fsencode(field) for field in (mark, fault, str(folder)))
        if len(request) > forks.REQUEST_BYTES_MAX:
            return None
        with self._mutex:
            channel = self._connect()
            if channel is None:
                return None
            try:
                socket.send_fds(channel, [request], [lock_fd, spec_fd])
                answer = channel.recv(forks.ANSWER_BYTES_MAX)
            except OSError:  # it is dead, or silent for too long
                answer = b""
            if not answer:
                self._close(0.0)
                return None
        if answer == forks.REFUSED:
            return None
        pid, _, ticks = answer.partition(b" ")
        return Identity(int(pid), int(ticks))

    def __enter__(self) -> Nursery:
        global _open
        with _open_lock:
            _open = _open or self
        return self

    def __exit__(self, *error: object) -> None:
        global _open
        with _open_lock:
            _open = None if _open is self else _open
        with self._mutex:
            self._starts = STARTS_MAX  # a launch that still holds on to us goes without
            self._close(EXIT_MAX_S)

    def _connect(self) -> socket.socket | None:
        """Our end of the channel. Under the mutex."""
        if self._channel is None and self._starts < STARTS_MAX and _SUPPORTED:
            self._starts += 1
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                room = str(Path(shim.__file__).parent)
                self._process = spawn(
                    [script_path(forks.__file__), room],
                    cwd=Path("/"),
                    # The marks of the forks are written over this one.
                    env=shim_environment("-" * forks.MARK_BYTES_MAX),
                    stdin=theirs.fileno(),
                )
            ours.settimeout(self._answer_max_s)
            self._channel = ours
        return self._channel

    def _close(self, patience_s: float) -> None:
        """End its process, gently by the end of its channel, and reap it. Under the mutex."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            end(self._process, patience_s)
        self._channel = self._process = None
