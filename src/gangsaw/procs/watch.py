"""Sleep until a turn may have changed: one selector over the shims' pidfds, a wake-up pipe and
foreign descriptors. Polls only for what has no pidfd (a shim that is still starting and is not our
child, or a system without pidfds).
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from pathlib import Path

from gangsaw.procs.children import forget, reap, shim_of
from gangsaw.procs.identity import open_pidfd
from gangsaw.procs.probe import lock_held
from gangsaw.procs.records import StartedRecord, read_started

POLL_S = 0.05
WAIT_MAX_S = 3600.0


class Watch:
    """The folders that are waited for. `wait` and `close` belong to one thread; `add`, `add_fd`
    and `wake` may be called from any."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._mutex = threading.Lock()
        self._asked: list[Path] = []
        self._asked_fds: list[int] = []
        self._pidfds: dict[Path, int] = {}
        self._polled: set[Path] = set()
        self._closed = False
        self._woken = False
        self._wake_r, self._wake_w = os.pipe()
        for fd in (self._wake_r, self._wake_w):
            os.set_blocking(fd, False)
        self._selector.register(self._wake_r, selectors.EVENT_READ, None)

    def add(self, folder: Path) -> None:
        """Wait for the end of this turn too. It is reported once, then no longer watched; a turn
        that does not run is reported by the next `wait`. Adding twice is adding once."""
        with self._mutex:
            self._asked.append(folder)
            self._nudge()

    def add_fd(self, fd: int) -> None:
        """Let `wait` return when this descriptor is readable. The caller reads it empty."""
        with self._mutex:
            self._asked_fds.append(fd)
            self._nudge()

    def wake(self) -> None:
        """Let the current or the next `wait` return."""
        with self._mutex:
            self._woken = True
            self._nudge()

    def wait(self, timeout_s: float) -> set[Path]:
        """The folders that may have changed; empty after the timeout, a wake, or when a foreign
        descriptor is readable. Reaps our own shims that have ended."""
        deadline = time.monotonic() + min(max(timeout_s, 0.0), WAIT_MAX_S)
        while True:
            changed = self._take_in()
            left_s = 0.0 if changed else max(0.0, deadline - time.monotonic())
            pause_s = min(left_s, POLL_S) if self._polled else left_s
            ready = self._selector.select(pause_s)
            woken = False
            for key, _ in ready:
                if isinstance(key.data, Path):
                    changed.add(key.data)
                    self._drop(key.data)
                elif key.fd == self._wake_r:
                    woken = self._take_wake() or woken
                else:
                    woken = True
            changed |= self._poll()
            reap()
            if changed or woken or time.monotonic() >= deadline:
                return changed

    def close(self) -> None:
        """Give all descriptors back."""
        with self._mutex:
            self._closed = True
            os.close(self._wake_w)
        self._selector.close()
        for fd in (self._wake_r, *self._pidfds.values()):
            os.close(fd)
        self._pidfds.clear()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _nudge(self) -> None:
        """Let the selector return. Under the mutex."""
        if self._closed:
            return
        try:
            os.write(self._wake_w, b"w")
        except BlockingIOError:
            return  # full: it will return anyway

    def _take_wake(self) -> bool:
        """Whether somebody called `wake`, or only `add`."""
        with self._mutex:
            os.read(self._wake_r, 4096)
            woken, self._woken = self._woken, False
            return woken

    def _take_in(self) -> set[Path]:
        """Begin to watch what was asked for; returns what does not run at all."""
        with self._mutex:
            folders, self._asked = self._asked, []
            fds, self._asked_fds = self._asked_fds, []
        for fd in fds:
            if fd not in self._selector.get_map():
                self._selector.register(fd, selectors.EVENT_READ, None)
        return {folder for folder in folders if not self._follow(folder)}

    def _follow(self, folder: Path) -> bool:
        """Watch the folder by pidfd or by polling; false if there is nothing to wait for."""
        if folder in self._pidfds:
            return True
        self._polled.discard(folder)
        if _over(folder):
            forget(folder)
            return False
        pidfd = _shim_pidfd(folder)
        if pidfd is None:
            self._polled.add(folder)
        else:
            self._pidfds[folder] = pidfd
            forget(folder)
            self._selector.register(pidfd, selectors.EVENT_READ, folder)
        return True

    def _poll(self) -> set[Path]:
        return {folder for folder in list(self._polled) if not self._follow(folder)}

    def _drop(self, folder: Path) -> None:
        pidfd = self._pidfds.pop(folder)
        self._selector.unregister(pidfd)
        os.close(pidfd)


def _over(folder: Path) -> bool:
    """Whether there is no shim to wait for. One that has written its exit record has not ended."""
    return not lock_held(folder)


def _shim_pidfd(folder: Path) -> int | None:
    started = read_started(folder)
    identity = started.shim if isinstance(started, StartedRecord) else shim_of(folder)
    try:
        return open_pidfd(identity) if identity is not None else None
    except OSError:  # too many open files: it is polled for instead
        return None
