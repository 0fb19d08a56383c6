"""Keeping what an attempt has made before its worktree goes.

Commits, uncommitted files, what was staged, and stashes get refs of their own under
`refs/gangsaw/`. A ref once made never moves: other content gets the next free number. What git
ignores, and repositories nested in the worktree, cannot be kept; the latter are named.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.candidates import commit_tree
from gangsaw.git.refs import RefCreated, branch_ref, create_ref, list_refs, read_ref
from gangsaw.git.repository import Repository, with_index
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed, Place
from gangsaw.git.work import (
    Status,
    merge_head,
    nested_left_out,
    read_status,
    require_place,
    stage,
)

ATTEMPTS = "refs/gangsaw/attempts"
STASHES = "refs/gangsaw/stashes"
KEPT_MAX = 1000
STASHES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """The refs that hold the attempt's work now; `left_out` are nested repositories and
    submodules with changes, which no commit of this repository can hold."""

    refs: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A worktree's uncommitted state: `dirty` has every file as it lies there, `index` what was
    staged where that is something else again. None: nothing of the kind."""

    head: str | None
    dirty: str | None
    index: str | None
    left_out: tuple[str, ...]


def snapshot_worktree(repo: Repository, path: Path) -> str | None:
    """A commit on top of HEAD with every uncommitted file that git does not ignore; None when
    there is none. Neither the worktree nor its index is touched."""
    trees = _uncommitted_trees(repo, require_place(repo, path))
    if trees.dirty is None:
        return None
    return _snapshot_commit(repo, trees.dirty, trees.head, "uncommitted files")


def keep_attempt(
    repo: Repository,
    run: str,
    attempt: str,
    path: Path | None,
    branch: str,
    *,
    turn: tuple[int, str] | None = None,
) -> Kept:
    """Refs on everything the attempt has: HEAD as `work`, uncommitted files as `dirty`, what was
    staged as `index` if different, the branch as `branch` if HEAD is elsewhere, and all stashes.

    With `turn` (launch, base) the work after the last launch is held as `keep_turn` does, too.
    Without a worktree (None or gone) the branch alone is kept, as `work`. Safe to repeat.
    """
    prefix = f"{ATTEMPTS}/{run}/{attempt}"
    tip = read_ref(repo, branch_ref(branch))
    place = None if path is None else repo.place(path)
    refs: list[str] = []
    if place is None:
        if tip is not None:
            refs.append(_keep_commit(repo, f"{prefix}/work", tip))
        return Kept((*refs, *keep_stashes(repo)))
    snapshot = _uncommitted_trees(repo, place)
    if snapshot.head is not None:
        refs.append(_keep_commit(repo, f"{prefix}/work", snapshot.head))
    if tip is not None and tip != snapshot.head:
        refs.append(_keep_commit(repo, f"{prefix}/branch", tip))
    for name, tree in (("dirty", snapshot.dirty), ("index", snapshot.index)):
        if tree is not None:
            about = f"{attempt}: {'uncommitted' if name == 'dirty' else 'staged'} files"
            refs.append(_keep_tree(repo, f"{prefix}/{name}", tree, snapshot.head, about))
    if turn is not None:
        _keep_turn(repo, turn_ref(run, attempt, turn[0]), place, snapshot, turn[1])
    return Kept((*refs, *keep_stashes(repo)), snapshot.left_out)


def turn_ref(run: str, attempt: str, launch: int) -> str:
    """The ref on the work of an attempt as it stood after a launch."""
    return f"{ATTEMPTS}/{run}/{attempt}/turn-{launch}"


def keep_turn(
    repo: Repository, run: str, attempt: str, launch: int, path: Path, base: str
) -> str | None:
    """The ref on the worktree as it stands after the launch, uncommitted files included.

    None when there is nothing that a later attempt could start from: no worktree, no change, or
    work that does not contain `base`. The first that was kept for a launch stays.
    """
    ref = turn_ref(run, attempt, launch)
    if read_ref(repo, ref) is not None:
        return ref
    place = repo.place(path)
    if place is None:
        return None
    return _keep_turn(repo, ref, place, _uncommitted_trees(repo, place), base)


def turn_refs(repo: Repository, run: str, attempt: str) -> tuple[str, ...]:
    """The refs on the work of an attempt after each of its launches, as far as it was kept."""
    prefix = turn_ref(run, attempt, 0)[:-1]
    found = list_refs(repo, f"{ATTEMPTS}/{run}/{attempt}/")
    return tuple(ref for ref in found if ref.startswith(prefix))


def _keep_turn(
    repo: Repository, ref: str, place: Place, snapshot: Snapshot, base: str
) -> str | None:
    head = snapshot.head
    if head is None or (head == base and snapshot.dirty is None):
        return None
    if not repo.is_ancestor(base, head):
        return None
    commit = head if snapshot.dirty is None else _turn_commit(repo, ref, place, snapshot)
    create_ref(repo, ref, commit)
    return ref


def _turn_commit(repo: Repository, ref: str, place: Place, snapshot: Snapshot) -> str:
    """A commit of the uncommitted files on top of HEAD: one that is kept already, or a new one. A
    merge in progress is its second parent, so that what was merged in counts as merged."""
    assert snapshot.dirty is not None
    assert snapshot.head is not None
    merging = merge_head(place)
    if merging is not None:
        parents = (snapshot.head, merging)
        return commit_tree(repo, snapshot.dirty, parents, f"{ref}: unfinished merge", sign=False)
    for _, commit, tree, parent in _kept_trees(repo, ref.rpartition("/")[0]):
        if (tree, parent) == (snapshot.dirty, snapshot.head):
            return commit
    return _snapshot_commit(repo, snapshot.dirty, snapshot.head, f"{ref}: uncommitted files")


def is_kept(repo: Repository, path: Path) -> bool:
    """Whether removing the worktree at `path` would lose nothing that can be kept.

    True too when there is no worktree. False while it holds a nested repository.
    """
    place = repo.place(path)
    if place is None:
        return True
    snapshot = _uncommitted_trees(repo, place)
    if snapshot.left_out:
        return False
    kept = _kept_trees(repo, ATTEMPTS)
    if snapshot.head is not None and snapshot.head not in {commit for _, commit, _, _ in kept}:
        return False
    wanted = {tree for tree in (snapshot.dirty, snapshot.index) if tree is not None}
    return wanted <= {tree for _, _, tree, parent in kept if parent == (snapshot.head or "")}


def keep_stashes(repo: Repository) -> tuple[str, ...]:
    """Refs on every entry of the stash, which all worktrees share and anybody can drop from."""
    if read_ref(repo, "refs/stash") is None:
        return ()
    out = repo.git("log", "-g", f"--max-count={STASHES_MAX}", "--format=%H", "refs/stash", "--")
    refs = tuple(f"{STASHES}/{commit}" for commit in dict.fromkeys(out.text.split()))
    for ref in refs:
        create_ref(repo, ref, ref.rpartition("/")[2])
    return refs


# -- trees of what is uncommitted --------------------------------------------------------------


def _uncommitted_trees(repo: Repository, place: Place) -> Snapshot:
    """The trees (not commits) of the worktree's files and of its index, where they differ."""
    status = read_status(repo, place)
    left_out = nested_left_out(status)
    if not status.changed:
        return Snapshot(status.head, None, None, left_out)
    head_tree = None if status.head is None else repo.tree_of(status.head)
    index_tree = None
    with _index_copy(repo, place) as copy:
        if not status.unmerged:
            index_tree = _write_tree(repo, copy)
        durable("git.snapshot_staged", lambda: stage(repo, copy, status.changed))
        files_tree = _write_tree(repo, copy)
    return Snapshot(
        status.head,
        dirty=None if files_tree == head_tree else files_tree,
        index=None if index_tree in (head_tree, files_tree, None) else index_tree,
        left_out=left_out,
    )


def _write_tree(repo: Repository, place: Place) -> str:
    return repo.git("write-tree", place=place, timeout_s=WRITE_TIMEOUT_S).text


@contextmanager
def _index_copy(repo: Repository, place: Place) -> Iterator[Place]:
    """The same place with a copy of its index, so that the agent's own stays as it is."""
    assert place.git_dir is not None
    repo.control_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="index-", dir=repo.control_dir) as folder:
        copy = Path(folder) / "index"
        if (place.git_dir / "index").exists():
            shutil.copyfile(place.git_dir / "index", copy)
        yield with_index(place, copy)


def _snapshot_commit(repo: Repository, tree: str, head: str | None, message: str) -> str:
    parents = () if head is None else (head,)
    return durable(
        "git.snapshot_commit", lambda: commit_tree(repo, tree, parents, message, sign=False)
    )


# -- refs that never move ----------------------------------------------------------------------


def _keep_commit(repo: Repository, ref: str, commit: str) -> str:
    """The ref (numbered if need be) that is at the commit now."""
    for number in range(1, KEPT_MAX + 1):
        name = ref if number == 1 else f"{ref}-{number}"
        if isinstance(create_ref(repo, name, commit), RefCreated):
            return name
    raise GitFailed(["update-ref", ref], 1, f"{KEPT_MAX} values are kept already")


def _keep_tree(repo: Repository, ref: str, tree: str, head: str | None, message: str) -> str:
    """The ref at a commit with that tree on that parent: an earlier one, or a new commit."""
    for name, _, kept_tree, parent in _kept_trees(repo, ref.rpartition("/")[0]):
        same_kind = name == ref or name.startswith(f"{ref}-")
        if same_kind and kept_tree == tree and parent == (head or ""):
            return name
    return _keep_commit(repo, ref, _snapshot_commit(repo, tree, head, message))


def _kept_trees(repo: Repository, prefix: str) -> list[tuple[str, str, str, str]]:
    """Ref, commit, tree and first parent ("" without one) of everything kept under the prefix."""
    out = repo.git("for-each-ref", "--format=%(refname) %(objectname) %(tree) %(parent)", prefix)
    lines = [line.split(" ") for line in out.text.split("\n") if line]
    return [(parts[0], parts[1], parts[2], parts[3]) for parts in lines]


def status_of(repo: Repository, path: Path) -> Status | None:
    """The status of the worktree at `path`; None when it is not there."""
    place = repo.place(path)
    return None if place is None else read_status(repo, place)
