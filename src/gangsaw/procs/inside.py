"""Who works inside of a folder: so that nobody's ground is taken away."""

from __future__ import annotations

import os
from pathlib import Path

from gangsaw.procs.identity import HAS_PROC, processes, raise_if_blind
from gangsaw.procs.settle import open_for_writing, open_numbers


def working_in(folder: Path) -> tuple[int, ...]:
    """The pids of processes whose current folder is `folder` or lies in it, as far as we may see
    them. Nothing follows from it but a sentence: nobody is signalled."""
    root = os.path.realpath(folder)
    return tuple(
        sorted(pid for pid, cwd in _folders() if cwd == root or cwd.startswith(root + "/"))
    )


def may_write_below(folder: Path) -> bool:
    """Whether a process has a file in `folder` open for writing, as far as we may see; True where
    the system does not tell. Nobody is signalled."""
    if not HAS_PROC:
        return True
    root = os.path.realpath(folder) + "/"
    for pid in processes():
        for number in open_numbers(pid):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{number}")
            except OSError as error:
                raise_if_blind(error)
                continue
            if target.startswith(root) and open_for_writing(pid, number):
                return True
    return False


def _folders() -> list[tuple[int, str]]:
    import psutil  # the way to a launch does without it

    found: list[tuple[int, str]] = []
    for pid in psutil.pids():
        try:
            cwd = os.readlink(f"/proc/{pid}/cwd") if HAS_PROC else psutil.Process(pid).cwd()
        except (OSError, psutil.Error):
            continue  # it has ended, or belongs to somebody else
        found.append((pid, cwd))
    return found
