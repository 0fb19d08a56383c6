"""Who works inside of a folder: so that nobody's ground is taken away."""

from __future__ import annotations

import os
from pathlib import Path

from gangsaw.procs.identity import HAS_PROC


def working_in(folder: Path) -> tuple[int, ...]:
    """The pids of processes whose current folder is `folder` or lies in it, as far as we may see
    them. Nothing follows from it but a sentence: nobody is signalled."""
    root = os.path.realpath(folder)
    return tuple(
        sorted(pid for pid, cwd in _folders() if cwd == root or cwd.startswith(root + "/"))
    )


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
