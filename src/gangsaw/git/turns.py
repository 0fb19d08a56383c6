"""The work of an attempt as it stood after each launch, for later attempts to start from."""

from __future__ import annotations

from pathlib import Path

from gangsaw.git.candidates import commit_tree
from gangsaw.git.contents import Contents, read_contents
from gangsaw.git.keeping import ATTEMPTS, kept_trees, snapshot_commit
from gangsaw.git.refs import create_ref, list_refs, read_ref
from gangsaw.git.repository import Repository
from gangsaw.git.runner import Place
from gangsaw.git.work import merge_head


def turn_ref(run: str, attempt: str, launch: int) -> str:
    """The ref on the work of an attempt as it stood after a launch."""
    return f"{ATTEMPTS}/{run}/{attempt}/turn-{launch}"


def keep_turn(
    repo: Repository,
    run: str,
    attempt: str,
    launch: int,
    path: Path,
    base: str,
    contents: Contents | None = None,
) -> str | None:
    """The ref on the worktree as it stands after the launch, uncommitted files included; its
    `contents`, where they were just read.

    None when there is nothing that a later attempt could start from: no worktree, no change, or
    work that does not contain `base`. The first that was kept for a launch stays.
    """
    ref = turn_ref(run, attempt, launch)
    if read_ref(repo, ref) is not None:
        return ref
    place = repo.place(path)
    if place is None:
        return None
    return _keep_turn(repo, ref, place, contents or read_contents(repo, place, None), base)


def turn_refs(repo: Repository, run: str, attempt: str) -> tuple[str, ...]:
    """The refs on the work of an attempt after each of its launches, as far as it was kept."""
    prefix = turn_ref(run, attempt, 0)[:-1]
    found = list_refs(repo, f"{ATTEMPTS}/{run}/{attempt}/")
    return tuple(ref for ref in found if ref.startswith(prefix))


def _keep_turn(
    repo: Repository, ref: str, place: Place, contents: Contents, base: str
) -> str | None:
    head = contents.head
    if head is None or (head == base and contents.dirty is None):
        return None
    if not repo.is_ancestor(base, head):
        return None
    commit = head if contents.dirty is None else _turn_commit(repo, ref, place, contents)
    create_ref(repo, ref, commit)
    return ref


def _turn_commit(repo: Repository, ref: str, place: Place, contents: Contents) -> str:
    """A commit of the uncommitted files on top of HEAD: one that is kept already, or a new one. A
    merge in progress is its second parent, so that what was merged in counts as merged."""
    assert contents.dirty is not None
    assert contents.head is not None
    merging = merge_head(place)
    if merging is not None:
        parents = (contents.head, merging)
        return commit_tree(repo, contents.dirty, parents, f"{ref}: unfinished merge", sign=False)
    for _, commit, tree, parent in kept_trees(repo, ref.rpartition("/")[0]):
        if (tree, parent) == (contents.dirty, contents.head):
            return commit
    return snapshot_commit(repo, contents.dirty, contents.head, f"{ref}: uncommitted files")
