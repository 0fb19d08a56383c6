"""Which live processes belong to a folder of a test: by what they carry, never by their name.

A process belongs to a folder if the folder's path stands in its environment or arguments, or if it
works somewhere below it. Test folders have unique paths, so nobody else's process is ever meant.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """A live process. `env` is its environment at its start."""

    pid: int
    argv: tuple[str, ...]
    cwd: str
    env: frozenset[str]

    @property
    def is_agent(self) -> bool:
        """Whether it was started by an agent or as one."""
        return any(value.startswith("GANGSAW_TURN=") for value in self.env)

    @property
    def is_shim(self) -> bool:
        """Whether it is the shim of a turn or of a check: only those work in the records."""
        return not self.is_agent and ("/gangsaw/attempts/" in self.cwd or self.is_of_check)

    @property
    def is_of_check(self) -> bool:
        """Whether it is the shim of a check."""
        return "/gangsaw/checks/" in self.cwd


def processes_of(folder: Path) -> list[Found]:
    """The live processes that belong to the folder, without ourselves and without the dead."""
    found = (_look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [one for one in found if one and one.pid != os.getpid() and _is_of(one, str(folder))]


def process_of(pid: int, folder: Path) -> Found | None:
    """That process, if it is alive and belongs to the folder: a number may have been reused."""
    found = _look(pid)
    return found if found is not None and _is_of(found, str(folder)) else None


def parent_of(pid: int) -> int:
    """The number of its parent, 0 if there is no such process."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _is_of(found: Found, folder: str) -> bool:
    carried = (found.cwd, *found.argv, *found.env)
    return any(folder in text for text in carried)


def _look(pid: int) -> Found | None:
    """The process, or `None` if it has ended, is a zombie, or is another user's."""
    place = Path("/proc") / str(pid)
    try:
        if is_dead(pid):
            return None
        argv, env = (
            [os.fsdecode(word) for word in (place / name).read_bytes().split(b"\0") if word]
            for name in ("cmdline", "environ")
        )
        return Found(pid, tuple(argv), os.readlink(place / "cwd"), frozenset(env))
    except OSError:
        return None


def children_of(pid: int) -> list[int]:
    """The live children of a process, in no order."""
    wanted = f"\nPPid:\t{pid}\n"
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if wanted in (Path("/proc") / name / "status").read_text():
                found.append(int(name))
    return [child for child in found if not is_dead(child)]


def is_dead(pid: int) -> bool:
    """Whether there is no such process, or only what its parent has not yet taken away."""
    return state_of(pid) in "ZX"


def state_of(pid: int) -> str:
    """The kernel's letter for what the process is doing; `X` if there is none."""
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except OSError:
        return "X"
    return stat.rpartition(")")[2].split()[0]


def end(pid: int) -> bool:
    """KILL one process by its number; whether it was still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
