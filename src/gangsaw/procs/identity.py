"""Which process is it, and is it still alive? Identity is pid, start time and boot, never a name.

A pid alone means nothing: it is reused within minutes. A zombie counts as dead. A signal is sent
through a pidfd that was opened before the identity was checked, so that it cannot hit a successor.
"""

from __future__ import annotations

import errno
import functools
import os
import signal
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gangsaw.procs import shim

HAS_PROC = Path("/proc/self/stat").exists()
_TICKS_PER_S = 100  # only for systems without /proc; both sides of a comparison use it


@dataclass(frozen=True, slots=True)
class Identity:
    """A process: its number and its start in clock ticks since boot (0: the system of the shim
    did not tell, then any start matches)."""

    pid: int
    start_ticks: int


class Containment(StrEnum):
    """How surely a whole tree of processes can be ended; the strongest first."""

    NAMESPACE = "namespace"
    CGROUP = "cgroup"
    SUBREAPER = "subreaper"
    GROUP = "group"


@functools.cache
def containment() -> Containment:
    """The level in force on this system. A shim that finds it has less fails."""
    if not sys.platform.startswith("linux"):
        return Containment.GROUP
    try:
        import _ctypes  # noqa: F401  # the shim's way to the kernel; some Pythons have none
    except ImportError:
        return Containment.GROUP
    return Containment.SUBREAPER


@functools.cache
def boot_id() -> str:
    """Identity of this boot, or "" where the system has none; comparable with the shim's record.
    Raises `OSError` if it cannot be read."""
    return shim.boot_id()


_BLIND = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN})


def raise_if_blind(error: OSError) -> None:
    """Raise an error that says something about us, such as too many open files, rather than about
    the process we looked at: what cannot be seen must not be taken for dead."""
    if error.errno in _BLIND:
        raise error


def stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat as in the shim, `None` only where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError as error:
        raise_if_blind(error)
        return None
    return text[text.rfind(b")") + 2 :].decode("ascii", "replace").split()


def processes() -> dict[int, list[str]]:
    """pid -> stat fields of every process. Raises `OSError` where that cannot be told."""
    numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid: fields for pid in numbers if (fields := stat_fields(pid))}


def identify(pid: int) -> Identity | None:
    """The live process with this number, or `None` if there is none or only a zombie."""
    if HAS_PROC:
        fields = stat_fields(pid)
        if fields is None or fields[0] in "ZX":
            return None
        return Identity(pid, int(fields[19]))
    import psutil  # only where /proc is missing

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, int(process.create_time() * _TICKS_PER_S))
    except psutil.Error:
        return None


def alive(pid: int, start_ticks: int) -> bool:
    """Whether exactly this process still runs (a zombie does not)."""
    found = identify(pid)
    return found is not None and start_ticks in (0, found.start_ticks)


def is_stopped(pid: int) -> bool:
    """Whether the process with this number is stopped by a signal; false where nobody can tell."""
    fields = stat_fields(pid) if HAS_PROC else None
    return fields is not None and fields[0] in "tT"


def open_pidfd(identity: Identity) -> int | None:
    """A descriptor that becomes readable when this very process ends; `None` when it has ended
    or the system has no such descriptors. The caller closes it."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        fd = os.pidfd_open(identity.pid)
    except OSError as error:
        raise_if_blind(error)
        return None
    if alive(identity.pid, identity.start_ticks):
        return fd
    os.close(fd)
    return None


def send(identity: Identity, number: signal.Signals) -> bool:
    """Signal exactly this process. False when it is gone or may not be signalled."""
    if not hasattr(os, "pidfd_open"):
        if not alive(identity.pid, identity.start_ticks):
            return False
        try:
            os.kill(identity.pid, number)
        except OSError:
            return False
        return True
    fd = open_pidfd(identity)
    if fd is None:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
