"""The processes this process itself started, and its shims that are still to be watched.

A shim outlives us by design, so nothing here waits at exit and nothing warns. A shim that the
nursery forked is no child of ours; it is known here until somebody watches it or it has ended.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from gangsaw.procs import shim
from gangsaw.procs.identity import Identity, alive, identify

MARK_VARIABLE = "GANGSAW_MARK"
KILLED_MAX_S = 5.0
# What a Python built with a shared library may need to start at all.
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", shim.FAULT_VARIABLE)


class Child(subprocess.Popen[bytes]):
    """A started process. Unlike its base it may be left running when the program ends."""

    def __del__(self) -> None:
        """Nothing: the base would warn about a process that is meant to live on."""


_lock = threading.Lock()
_children: dict[int, tuple[Path, Child]] = {}
_forked: dict[Path, Identity] = {}


def spawn(
    script: Sequence[str], *, cwd: Path, env: dict[str, str], stdin: int, lock_fd: int | None = None
) -> Child:
    """Run a Python script, with nothing but the standard library, in a session of its own."""
    return Child(
        [sys.executable, "-I", "-S", "-B", *script],
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=() if lock_fd is None else (lock_fd,),
        start_new_session=True,
    )


def shim_environment(mark: str) -> dict[str, str]:
    """The environment of a shim; the mark comes first."""
    return {MARK_VARIABLE: mark} | script_environment()


def script_environment() -> dict[str, str]:
    """The environment of a script that belongs to no turn."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


@functools.cache
def script_path(source_file: str) -> str:
    """The compiled file of a script if it is there and matches the source, else the source:
    compiling would cost as much again as starting."""
    source = Path(source_file)
    compiled = Path(importlib.util.cache_from_source(str(source)))
    try:
        head = compiled.read_bytes()[:16]
        status = source.stat()
    except OSError:
        return str(source)
    expected = importlib.util.MAGIC_NUMBER + b"".join(
        (number & 0xFFFFFFFF).to_bytes(4, "little")
        for number in (0, int(status.st_mtime), status.st_size)
    )
    return str(compiled if head == expected else source)


def adopt(folder: Path, process: Child) -> None:
    """Remember a shim until it is reaped."""
    with _lock:
        _children[process.pid] = (folder, process)


def note(folder: Path, forked: Identity) -> None:
    """Remember a shim that the nursery forked, until it is watched or has ended."""
    with _lock:
        _forked[folder] = forked


def forget(folder: Path) -> None:
    """Somebody watches the folder's shim now, or it is over."""
    with _lock:
        _forked.pop(folder, None)


def shim_of(folder: Path) -> Identity | None:
    """Our own unreaped shim of this folder, or the one that was forked for it, or `None`."""
    with _lock:
        own = next((pid for pid, (where, _) in _children.items() if where == folder), None)
        if own is None:
            return _forked.get(folder)
    return identify(own)


def reap() -> set[Path]:
    """Collect our own shims that have ended; returns their folders. Never blocks."""
    ended = set()
    with _lock:
        for pid, (folder, process) in list(_children.items()):
            if process.poll() is not None:
                del _children[pid]
                ended.add(folder)
        for folder, forked in list(_forked.items()):
            if not alive(forked.pid, forked.start_ticks):
                del _forked[folder]
                ended.add(folder)
    return ended


def end(process: Child, patience_s: float) -> None:
    """Wait for a child of ours to end by itself, then KILL it; it is reaped either way."""
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(KILLED_MAX_S)
