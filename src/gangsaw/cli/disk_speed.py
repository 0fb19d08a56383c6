"""How fast a folder's disk takes what is written to it: a few megabytes, and many small files."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gangsaw.cli import clock

WRITE_MB = 8
FILES = 200
SPEND_MAX_S = 5.0
"""A very slow disk is not kept busy longer than this, for each of the two."""
FREE_MIN_MB = 256
"""With less room nothing is written."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DiskSpeed:
    """Megabytes a second, written and synced; small files made a second."""

    write_mb_s: float
    files_s: float


def disk_speed(folder: Path) -> DiskSpeed | None:
    """The speed in this folder, of which nothing is left behind; `None` where it cannot be
    written to."""
    try:
        with tempfile.TemporaryDirectory(prefix="gangsaw-bench-", dir=folder) as name:
            return DiskSpeed(_write(Path(name)), _make(Path(name)))
    except OSError:
        return None


def _write(folder: Path) -> float:
    begun, written = clock.steady_s(), 0
    # Content that cannot be packed: some file systems do.
    fd = os.open(folder / "written", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while written < WRITE_MB and clock.steady_s() - begun < SPEND_MAX_S:
            os.write(fd, os.urandom(_CHUNK_BYTES))
            written += 1
        getattr(os, "fdatasync", os.fsync)(fd)
    finally:
        os.close(fd)
    return written / max(1e-6, clock.steady_s() - begun)


def _make(folder: Path) -> float:
    begun, made = clock.steady_s(), 0
    while made < FILES and clock.steady_s() - begun < SPEND_MAX_S:
        (folder / f"file-{made}").write_bytes(b"gangsaw\n")
        made += 1
    return made / max(1e-6, clock.steady_s() - begun)
