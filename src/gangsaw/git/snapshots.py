"""The uncommitted work of a live worktree as a commit, taken while its agent is at work.

Everything goes through a copy of the agent's index that is kept between snapshots, into a
quarantine: the agent's index, its locks and the user's store are as before. A file may be caught
half-written, so a snapshot is good for advice only.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from gangsaw.git.repository import (
    DEFAULT_EMAIL,
    DEFAULT_NAME,
    Identity,
    Repository,
    with_index,
)
from gangsaw.git.runner import GitFailed, Place
from gangsaw.git.work import Changed, Status, merge_head, read_status, stage

FILE_MAX_MB = 16
"""A larger uncommitted file is left out: it would fill the memory, and lines of it do not merge."""
FILES_MAX = 5000
"""With more uncommitted files than this, what is committed stands for the worktree."""
TRIES = 2
_MEGA = 1 << 20
_NOBODY = Identity(DEFAULT_NAME, DEFAULT_EMAIL, DEFAULT_NAME, DEFAULT_EMAIL)
_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`commit` is HEAD, or a commit on top of it with the `files` that are not committed."""

    commit: str
    head: str
    files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The worktree cannot be taken now, for this reason; `head` is what is committed, if known."""

    head: str | None
    reason: str


@dataclass(slots=True)
class _Kept:
    """The index copy of one worktree, what the agent's own was when it was made, and what came of
    it last."""

    index: Path
    stamp: _Stamp | None
    last: Snapshot | None = None


class Snapshots:
    """Takes snapshots into `objects`, with the index copies below `folder`."""

    def __init__(self, repo: Repository, folder: Path, objects: Path) -> None:
        self._repo, self._folder, self._objects = repo, folder, objects
        self._kept: dict[Path, _Kept] = {}
        self._commits: dict[Path, tuple[tuple[str, ...], str]] = {}

    def take(self, path: Path) -> Snapshot | Unreadable:
        """The worktree at `path` as it lies there."""
        place = self._repo.place(path)
        if place is None or place.git_dir is None:
            return Unreadable(None, "there is no worktree")
        place = replace(place, objects=self._objects)
        reason, head = "", None
        for _ in range(TRIES):
            try:
                taken = self._take(path, place)
            except (GitFailed, OSError) as error:
                # The copy may name objects that are gone from the store since: once more, anew.
                self._kept.pop(path, None)
                reason = str(error)
                continue
            if isinstance(taken, Snapshot):
                return taken
            reason, head = taken.reason, taken.head
        return Unreadable(head, reason)

    def forget(self, path: Path) -> None:
        """The worktree is over."""
        kept = self._kept.pop(path, None)
        self._commits.pop(path, None)
        if kept is not None:
            with suppress(FileNotFoundError):
                kept.index.unlink()

    def _take(self, path: Path, place: Place) -> Snapshot | Unreadable:
        kept = self._copy(path, place)
        own = with_index(place, kept.index)
        status = read_status(self._repo, own, submodules=False)
        if status.head is None:
            return Unreadable(None, "it is on a branch without a commit")
        if status.unmerged:
            return Unreadable(status.head, f"a conflict stands in {status.unmerged[0]}")
        if len(status.changed) > FILES_MAX:
            return Unreadable(status.head, f"{len(status.changed)} uncommitted files are too many")
        if not status.changed:
            kept.last = Snapshot(status.head, status.head)
            return kept.last
        fresh, left_out = _to_stage(path, status)
        if kept.last is not None and not fresh and kept.last.head == status.head:
            return kept.last
        stage(self._repo, own, fresh)
        commit = self._commit(path, own, status.head)
        now = self._repo.git("rev-parse", "--verify", "HEAD", place=place).text
        if now != status.head:
            # Files of one commit on top of another would look like a change of everything between.
            return Unreadable(now, "its agent was just committing")
        files = tuple(item.path for item in status.changed)
        kept.last = Snapshot(commit, status.head, files, left_out)
        return kept.last

    def _commit(self, path: Path, own: Place, head: str) -> str:
        """A commit of the index copy; of the same files on the same commit the same one again."""
        tree = self._repo.git("write-tree", place=own).text
        merging = merge_head(own)
        parents = (head,) if merging is None else (head, merging)
        known = self._commits.get(path)
        if known is not None and known[0] == (tree, *parents):
            return known[1]
        named = [part for parent in parents for part in ("-p", parent)]
        commit = self._repo.git(
            "commit-tree", tree, *named, place=own, stdin=b"uncommitted files\n",
            env=_NOBODY.environment(),
        ).text  # fmt: skip
        self._commits[path] = ((tree, *parents), commit)
        return commit

    def _copy(self, path: Path, place: Place) -> _Kept:
        """The index copy: the one from last time, or a new one where the agent's has changed."""
        assert place.git_dir is not None
        source = place.git_dir / "index"
        stamp = _stamp(source)
        kept = self._kept.get(path)
        if kept is not None and kept.stamp == stamp and kept.index.exists():
            return kept
        name = sha256(os.fsencode(path)).hexdigest()[:16]
        index = self._folder / f"index-{name}"
        for left in (index, Path(f"{index}.lock")):
            left.unlink(missing_ok=True)
        if stamp is not None:
            shutil.copyfile(source, index)
            # By the index's own time git knows which files it has to read to see a change.
            os.utime(index, ns=(stamp[0], stamp[0]))
        self._kept[path] = _Kept(index, stamp)
        return self._kept[path]


def _stamp(index: Path) -> _Stamp | None:
    """What tells one state of the agent's index from another, without reading it."""
    try:
        found = index.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _to_stage(root: Path, status: Status) -> tuple[tuple[Changed, ...], tuple[str, ...]]:
    """What has to be brought into the index copy, and the paths that cannot be."""
    fresh: list[Changed] = []
    left_out: list[str] = []
    for item in status.changed:
        if item.code[1] == ".":
            continue
        if not item.nested_repository and _can_be_read(root / item.path):
            fresh.append(item)
        else:
            left_out.append(item.path)
    return tuple(fresh), tuple(left_out)


def _can_be_read(path: Path) -> bool:
    """Whether git can take what lies there, or its absence, into an index."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    if stat.S_ISREG(found.st_mode):
        return os.access(path, os.R_OK) and found.st_size <= FILE_MAX_MB * _MEGA
    return stat.S_ISLNK(found.st_mode) or stat.S_ISDIR(found.st_mode)
