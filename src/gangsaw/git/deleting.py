"""Deleting whole folders that an agent has worked in, without ever following a link.

A folder is first renamed (atomic, and nobody can use it by its old name any more), then deleted.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable

ASIDE_PREFIX = ".gangsaw-aside."
TRASH_PREFIX = ".gangsaw-removed."


def aside_of(path: Path) -> Path:
    """Where a worktree's folder is put aside, out of everybody's way, to be looked through for
    the last time; from there it goes to `trash_of` or comes back."""
    return path.with_name(ASIDE_PREFIX + path.name)


def trash_of(path: Path) -> Path:
    """Where the folder is renamed to before it is deleted: beside it, so on the same disk."""
    return path.with_name(TRASH_PREFIX + path.name)


def delete_folder(path: Path) -> None:
    """Delete the folder at `path`, or go on with a deletion begun in a former life.

    Nothing there is as good. Raises `UserError` when files belong to somebody else.
    """
    trash = trash_of(path)
    unlink_tree(trash)
    if os.path.lexists(path):
        durable("git.folder_rename", lambda: os.rename(path, trash), str(path))
        durable("git.folder_delete", lambda: unlink_tree(trash), str(path))


def delete_trash(path: Path) -> None:
    """Delete what was renamed to the folder's trash place, and nothing at `path` itself."""
    if os.path.lexists(trash_of(path)):
        durable("git.folder_delete", lambda: unlink_tree(trash_of(path)), str(path))


def delete_into(path: Path, trash: Path) -> None:
    """Like `delete_folder`, with the given trash place on the same disk."""
    unlink_tree(trash)
    if os.path.lexists(path):
        trash.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.rename(path, trash)
        unlink_tree(trash)


def unlink_tree(path: Path) -> None:
    """Delete whatever lies at the path, links as such; nothing there is as good. Raises `UserError`
    when files belong to somebody else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(path)
        return
    try:
        shutil.rmtree(path)
        return
    except PermissionError:
        # Tools make read-only folders (module caches); make ours writable and try once more.
        _make_writable(path)
    try:
        shutil.rmtree(path)
    except PermissionError as error:
        raise UserError(
            f"cannot delete {path}: {error.strerror} ({error.filename}); "
            f"try `sudo rm -rf {path}` after a look at it",
            exit_code=1,
        ) from error


def _make_writable(path: Path) -> None:
    _allow(path.name, os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY), close=True)
    for _, folders, _, descriptor in os.fwalk(path, follow_symlinks=False):
        for name in folders:
            _allow(name, descriptor)


def _allow(name: str, parent: int, *, close: bool = False) -> None:
    """Give the owner all rights on a folder; links and folders of others are left alone."""
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            os.chmod(name, 0o700, dir_fd=parent)
    finally:
        if close:
            os.close(parent)
