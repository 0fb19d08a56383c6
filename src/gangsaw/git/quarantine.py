"""Folders for objects that must not come into the user's store: merges that are only tried, and
snapshots of what is being written.

They lie in memory where the machine offers that: such objects are small, many and short-lived.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gangsaw.git.attributes import attribute_files, laid_out
from gangsaw.git.repository import Repository, nul
from gangsaw.git.runner import Place

MEMORY_FREE_MIN_MB = 256
"""A memory-backed folder with less room than this is left alone: containers often have 64 MB."""
_MEMORY_FOLDERS = ("/dev/shm",)
_MEGA = 1 << 20


def scratch_parent() -> Path:
    """Where quarantines are made: in memory if possible, else the folder for temporary files."""
    named = [os.environ.get("XDG_RUNTIME_DIR", "")]
    for place in (*_MEMORY_FOLDERS, *named):
        if place and _has_room(Path(place)):
            return Path(place)
    return Path(tempfile.gettempdir())


def _has_room(folder: Path) -> bool:
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= MEMORY_FREE_MIN_MB * _MEGA


class Scratch:
    """A folder in memory that is thrown away at the end; what a killed owner left is thrown away
    by the next one. A lock says that its owner lives."""

    def __init__(self, repo: Repository, parent: Path | None = None) -> None:
        place = parent or scratch_parent()
        whose = hashlib.sha256(os.fsencode(repo.common_dir)).hexdigest()[:12]
        prefix = f"gangsaw-radar-{os.getuid()}-{whose}-"
        for left in place.glob(f"{prefix}*"):
            _throw_away_if_left(left)
        # Under a name that nobody looks for, until the lock is held.
        fresh = Path(tempfile.mkdtemp(prefix="gangsaw-new-", dir=place))
        self._lock = _try_lock(fresh)
        self.folder = place / f"{prefix}{fresh.name.removeprefix('gangsaw-new-')}"
        fresh.rename(self.folder)

    def close(self) -> None:
        """Throw it away."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _try_lock(folder: Path) -> int | None:
    """The folder, locked; `None` where it is gone or another has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _throw_away_if_left(folder: Path) -> None:
    descriptor = _try_lock(folder)
    if descriptor is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def make_object_folder(folder: Path, others: tuple[Path, ...]) -> Path:
    """An object folder of its own that also sees the objects in `others`; returns it."""
    (folder / "info").mkdir(parents=True)
    lines = "".join(f"{other}\n" for other in others)
    (folder / "info" / "alternates").write_bytes(os.fsencode(lines))
    return folder


@contextmanager
def passing_objects(parent: Path, others: tuple[Path, ...]) -> Iterator[Path]:
    """An object folder that is thrown away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pass-", dir=parent))
    try:
        yield make_object_folder(folder / "objects", others)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def objects_of(repo: Repository) -> Path:
    """The user's object store."""
    return repo.common_dir / "objects"


class Attributes:
    """What the radar merges with: the attributes of one commit, and the repository's own."""

    def __init__(self, repo: Repository, parent: Path) -> None:
        self._repo, self._parent = repo, parent

    def at(self, commit: str) -> tuple[str, Place]:
        """What stands for these attributes (the same for the same ones), and the place to merge."""
        files = attribute_files(self._repo, commit)
        key = hashlib.sha256(repr(files).encode("utf-8", "surrogateescape") + self._own())
        return key.hexdigest()[:16], laid_out(self._repo, files, self._parent / "attributes")

    def _own(self) -> bytes:
        try:
            return (self._repo.common_dir / "info" / "attributes").read_bytes()
        except FileNotFoundError:
            return b""


def existing(repo: Repository, place: Place, names: list[str]) -> list[str]:
    """For each name of an object (`TREE:PATH`) its id, empty where there is none. What has a
    newline in its name is not looked for."""
    asked = [name for name in names if "\n" not in name]
    if not asked:
        return [""] * len(names)
    out = repo.git(
        "cat-file", "-z", "--batch-check=%(objectname)", place=place, stdin=nul(asked)
    ).text
    found = {
        name: "" if line.endswith(" missing") else line
        for name, line in zip(asked, out.split("\n"), strict=True)
    }
    return [found.get(name, "") for name in names]
