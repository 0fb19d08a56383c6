"""The control folder: `<git-common-dir>/gangsaw`, private to its owner, and the names in it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable

FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Control:
    """Where everything in the control folder is; nothing of it need exist."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def lock(self) -> Path:
        return self.root / "engine.lock"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def reserve(self) -> Path:
        return self.root / "reserve"


def make_control(root: Path) -> Control:
    """The control folder at `root` with its inbox, made if missing, readable by its owner only.

    The parent must exist. Safe to repeat. A link, a file or somebody else's folder in its place
    is a `UserError`.
    """
    control = Control(root)
    make_private_folder(control.root)
    make_private_folder(control.inbox)
    return control


def make_private_folder(path: Path) -> None:
    """`path` is a folder of ours with mode 0700, its name safe on disk; else `UserError`."""
    durable("store.control.make", lambda: _make_private_folder(path), str(path))


def _make_private_folder(path: Path) -> None:
    try:
        path.mkdir(mode=FOLDER_MODE)
        sync_folder(path.parent)
    except FileExistsError:
        pass
    except PermissionError as error:
        raise UserError(
            f"cannot create {path}: {error.strerror}; try making {path.parent} writable"
        ) from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UserError(f"cannot use {path}: it is not a folder; try moving it away")
    if found.st_uid != os.geteuid():
        raise UserError(
            f"cannot use {path}: it belongs to user {found.st_uid}; "
            "try running as that user, or move it away"
        )
    if stat.S_IMODE(found.st_mode) != FOLDER_MODE:
        path.chmod(FOLDER_MODE)


def sync_folder(path: Path) -> None:
    """The names in the folder are safe on disk when this returns."""
    folder_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_fd)
    finally:
        os.close(folder_fd)
