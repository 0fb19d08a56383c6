"""Verification slots: worktrees of ours in which commits are checked out for their checks.

A slot is recycled from commit to commit, which is several times cheaper than a fresh worktree; of
what is not in the commit only declared caches stay, so that only the commit counts.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.git import (
    Repository,
    WorktreeBlocked,
    WorktreeReady,
    altered_files,
    put_back,
    recycle,
    remove_worktree,
    sweep_records,
)


@dataclass(slots=True)
class Slots:
    """A fixed number of slot folders `<name>-<number>` below `root`; each is used by one verdict
    at a time, the lowest free one first, whose caches are the warmest. `keep` are patterns of
    ignored files that stay between checks."""

    repo: Repository
    root: Path
    name: str
    count: int
    keep: tuple[str, ...] = ()
    _free: queue.PriorityQueue[int] = field(default_factory=queue.PriorityQueue)

    def __post_init__(self) -> None:
        for number in range(self.count):
            self._free.put(number)

    @contextmanager
    def checked_out(self, commit: str, *, fresh: bool = False) -> Iterator[Path]:
        """A clean worktree of exactly this commit, until the end of the `with`; `fresh`: without
        any cache of earlier checks."""
        number = self._free.get()
        try:
            path = self._path(number)
            match recycle(self.repo, path, commit, () if fresh else self.keep):
                case WorktreeBlocked(reason):
                    raise UserError(f"cannot check out {commit[:12]} for its checks: {reason}")
                case WorktreeReady():
                    yield path
        finally:
            self._free.put(number)

    def put_right(self, path: Path, commit: str) -> tuple[str, ...]:
        """The tracked files that a check has changed, removed or replaced in the slot, which are
        as in the commit again."""
        altered = altered_files(self.repo, path, commit)
        if altered:
            put_back(self.repo, path, commit)
        return altered

    def _path(self, number: int) -> Path:
        return self.root / f"{self.name}-{number}"

    def remove(self) -> None:
        """Remove the slots' worktrees, and their folder and its parent where nothing else is left
        in them. Nothing in a slot is anybody's work."""
        for number in range(self.count):
            remove_worktree(self.repo, self._path(number))
        sweep_records(self.repo)
        for folder in (self.root, self.root.parent):
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, a mount of its own, or not ours to remove: nothing is lost
