"""The nursery's own process: it has the shim loaded and forks a ready one for every request.

Like the shim it is a single file of the standard library, run as a script. It is started by
`procs.nursery` as a child of the engine, with the engine's socket as its standard input, and ends
when that is closed. Argument 1 is the folder of the shim's module.

Rules: one request at a time; no threads, because it forks; a fork becomes a shim in every respect
(own session, its mark in its environment, the spec as standard input, no descriptor but the lock)
before it does anything; the lock is closed here before the answer is given, so that who has the
answer knows that the shim alone holds it. A death at any point leaves a shim that goes on, or none.

It must not: read the spec, touch a turn's folder, know what became of a shim.
"""

from __future__ import annotations

# The plain C modules, as in the shim: they are what every fork shares.
import _signal  # type: ignore[import-not-found]
import _socket
import gc
import os
import select
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MARK_BYTES_MAX = 128
REQUEST_BYTES_MAX = 16384
ANSWER_BYTES_MAX = 64
REFUSED = b"!"
_FDS_MAX = 256
_ENV_START = 47  # in the fields of /proc/PID/stat, counted from the state on
_INT_BYTES = 4


class Nursery:
    """What every fork needs: the shim's module, and where a mark is shown to other processes."""

    __slots__ = ("channel", "env_start", "shim", "step", "variable")

    def __init__(self, shim: Any) -> None:
        self.shim = shim
        self.channel = _socket.socket(fileno=0)
        self.step: Callable[[str], None] = shim.Turn(-1).at
        self.variable = b""
        self.env_start = 0

    def find_environment(self) -> None:
        """Where the system reads our environment when somebody asks for it. Raises if that cannot
        be told or written: a shim without its mark would not be found."""
        with open("/proc/self/environ", "rb") as file:
            entry = file.read().partition(b"\0")[0]
        name, _, placeholder = entry.partition(b"=")
        if len(placeholder) != MARK_BYTES_MAX:
            raise ValueError("no room for a mark")
        self.variable = name
        self.env_start = int(self.shim.stat_fields("self")[_ENV_START])
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            if os.pread(memory.fileno(), len(entry), self.env_start) != entry:
                raise ValueError("the environment is elsewhere")
        self.show_mark(placeholder)

    def show_mark(self, mark: bytes) -> None:
        """Put the mark into our environment as other processes see it, over its placeholder."""
        entry = self.variable + b"=" + mark.ljust(MARK_BYTES_MAX, b"\0")
        fd = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            if os.pwrite(fd, entry, self.env_start) != len(entry):
                raise OSError("the environment cannot be written")
        finally:
            os.close(fd)


def receive(nursery: Nursery) -> tuple[bytes, list[int]]:
    """One request and the descriptors that came with it; an empty request at the end."""
    text, extra, _, _ = nursery.channel.recvmsg(
        REQUEST_BYTES_MAX, _socket.CMSG_SPACE(2 * _INT_BYTES), _socket.MSG_CMSG_CLOEXEC
    )
    fds = []
    for level, kind, content in extra:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            for start in range(0, len(content) - len(content) % _INT_BYTES, _INT_BYTES):
                fds.append(int.from_bytes(content[start : start + _INT_BYTES], sys.byteorder))
    return text, fds


def answer(nursery: Nursery, request: bytes, fds: list[int]) -> bytes:
    """Fork the shim that was asked for: its number and its start in ticks, or `REFUSED`."""
    mark, fault, folder = request.split(b"\0", 2)
    if fault:
        os.environ[nursery.shim.FAULT_VARIABLE] = os.fsdecode(fault)
    else:
        os.environ.pop(nursery.shim.FAULT_VARIABLE, None)
    try:
        nursery.step("nursery-received")
        lock_fd, spec_fd = fds
        pid = os.fork()
        if pid == 0:
            become_shim(nursery, mark, folder, lock_fd, spec_fd)
        nursery.step("nursery-forked")
    except (OSError, ValueError):
        return REFUSED
    finally:
        for fd in fds:
            os.close(fd)
    nursery.step("nursery-closed")
    # Not reaped before the answer is out, so the number is the shim's even if it has ended.
    return b"%d %d" % (pid, nursery.shim.start_ticks(pid))


def become_shim(nursery: Nursery, mark: bytes, folder: bytes, lock_fd: int, spec_fd: int) -> None:
    """In the fork: be what a shim is that was started as a program. Never returns. Whatever fails
    here comes before the claim, so that nothing has happened."""
    code = 1
    try:
        nursery.step("nursery-fork")
        os.setsid()
        nursery.show_mark(mark)
        os.dup2(spec_fd, 0)  # in the place of the engine's socket
        _signal.set_wakeup_fd(-1)
        os.closerange(3, lock_fd)
        os.closerange(lock_fd + 1, _FDS_MAX)
        os.chdir(folder)
        sys.argv = [nursery.shim.__file__, str(lock_fd), os.fsdecode(folder)]
        code = nursery.shim.main()
    finally:
        os._exit(code)


def reap() -> None:
    """Collect the shims that have ended."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def wake_on_child() -> int:
    """A descriptor that becomes readable when a shim ends."""
    wake_r, wake_w = os.pipe()
    os.set_blocking(wake_r, False)
    os.set_blocking(wake_w, False)
    _signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    # A handler, also in the place of an inherited "ignore", under which no status would be left.
    _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
    _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    return wake_r


def serve(nursery: Nursery) -> None:
    """Answer requests until the engine is gone."""
    wake_r = wake_on_child()
    ready = select.poll()
    for fd in (0, wake_r):
        ready.register(fd, select.POLLIN)
    while True:
        woken = [fd for fd, _ in ready.poll()]
        if 0 in woken:
            request, fds = receive(nursery)
            if not request:
                return
            reply = answer(nursery, request, fds)
            try:
                nursery.channel.send(reply)
            except BrokenPipeError:
                return
            nursery.step("nursery-answered")
        if wake_r in woken:
            os.read(wake_r, 4096)
            reap()


def load_for_all(nursery: Nursery) -> None:
    """What every shim would load for itself: to become a subreaper, to reap, to read text."""
    for name in ("_ctypes", "resource"):
        try:
            __import__(name)
        except ImportError:
            continue
    nursery.shim.boot_id()
    gc.freeze()  # what is not looked at again stays shared


def main() -> int:
    """Load what a shim needs, once, and serve."""
    # Last, so that no name of the room stands before one of the standard library.
    sys.path.append(sys.argv[1])
    nursery = Nursery(__import__("shim"))  # by this name only here: the room is not a package now
    nursery.find_environment()
    load_for_all(nursery)
    serve(nursery)
    return 0


if __name__ == "__main__":
    os._exit(main())  # the shims live on
