"""Merging the integration branch into an attempt's worktree, for the agent to resolve."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.repository import Repository
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, GitFailed, Place
from gangsaw.git.work import IndexLocked, merge_head, read_status, require_place


@dataclass(frozen=True, slots=True)
class UpToDate:
    """The worktree's HEAD contains the commit, without or since a former merge."""

    commit: str


@dataclass(frozen=True, slots=True)
class MergedIn:
    """The merge went without conflict and is committed."""

    commit: str


@dataclass(frozen=True, slots=True)
class Conflicted:
    """The merge stands in the worktree with markers in these paths; empty when the agent has
    marked all of them as resolved but not committed."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirtyWorktree:
    """Uncommitted changes, or files the merge would write over, are in the way."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherMerge:
    """Another merge is in progress in the worktree."""

    merging: str


MergeBegun = UpToDate | MergedIn | Conflicted | DirtyWorktree | OtherMerge | IndexLocked


def begin_merge(
    repo: Repository, path: Path, onto: str, *, stale_lock_ok: bool = False
) -> MergeBegun:
    """Merge the commit `onto` into the worktree at `path`; a conflict stays there.

    Safe to repeat. `stale_lock_ok` as for `commit_leftovers`. Raises `UserError` when the worktree
    is not there.
    """
    place = require_place(repo, path)
    assert place.git_dir is not None
    with repo.claim(path) as lock:
        status = read_status(repo, place)
        merging = merge_head(place)
        if merging is not None:
            return Conflicted(status.unmerged) if merging == onto else OtherMerge(merging)
        if status.head is not None and repo.is_ancestor(onto, status.head):
            return UpToDate(status.head)
        if status.dirty:
            return DirtyWorktree(status.dirty)
        index_lock = place.git_dir / "index.lock"
        if index_lock.exists():
            if not stale_lock_ok:
                return IndexLocked(index_lock)
            index_lock.unlink(missing_ok=True)
        return _merge(repo, place, onto, lock)


def _merge(repo: Repository, place: Place, onto: str, lock: int) -> MergeBegun:
    out = durable(
        "git.merge_begin",
        lambda: repo.git(
            "-c", "merge.conflictStyle=zdiff3", "-c", "merge.stat=false",
            "merge", "-q", "--no-ff", "--no-edit", "--no-verify", "--commit", "--no-squash",
            "--no-autostash", "--no-verify-signatures", onto,
            place=place, env=repo.identity.environment(), timeout_s=CHECKOUT_TIMEOUT_S,
            ok=(0, 1, 2, 128), lock=lock,
        ),
    )  # fmt: skip
    status = read_status(repo, place)
    if out.code == 0 and status.head is not None:
        return MergedIn(status.head)
    if merge_head(place) == onto:
        return Conflicted(status.unmerged)
    listed = repo.git("ls-tree", "-r", "-z", "--name-only", onto).fields
    in_the_way = _overlapping(status.untracked, listed)
    if in_the_way:
        return DirtyWorktree(in_the_way)
    raise GitFailed(["merge", onto], out.code, out.trouble)


def _overlapping(untracked: tuple[str, ...], incoming: tuple[str, ...]) -> tuple[str, ...]:
    """Untracked files where the merge wants a file or a folder of its own."""
    names = set(incoming)
    folders = {parent for name in incoming for parent in _folders(name)}
    return tuple(
        path
        for path in untracked
        if path in names or path in folders or not names.isdisjoint(_folders(path))
    )


def _folders(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))
