"""Keeping what an attempt has made before its worktree goes.

Commits, uncommitted files, what was staged, conflicts and stashes get refs of their own under
`refs/gangsaw/`. A ref once made never moves: other content gets the next free number. What git
ignores, and repositories nested in the worktree, cannot be kept; the latter are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.candidates import commit_tree
from gangsaw.git.contents import (
    Contents,
    empty_index,
    read_contents,
    read_records,
    write_tree,
)
from gangsaw.git.deleting import aside_of
from gangsaw.git.named_commits import heads_of, named_ids, unheld
from gangsaw.git.refs import (
    Moved,
    RefCreated,
    branch_ref,
    create_ref,
    delete_ref,
    list_refs,
    read_ref,
)
from gangsaw.git.repository import Repository, is_folder, nul
from gangsaw.git.runner import WRITE_TIMEOUT_S, GitFailed, Place
from gangsaw.git.work import Status, read_status, require_place

ATTEMPTS = "refs/gangsaw/attempts"
STASHES = "refs/gangsaw/stashes"
LOST = "refs/gangsaw/lost"
KEPT_MAX = 1000
STASHES_MAX = 1000
LEFT_REFS_MAX = 20
"""So many commits left behind get a ref each; more of them share one."""
LEFT_BUNDLE_MAX = 5000
MOVES_MAX = 5
_SNAPSHOT = "uncommitted files\n\nGangsaw-Kept: snapshot\n"
_ABOUT = {
    "dirty": "uncommitted files",
    "index": "staged files",
    "raw": "exact bytes of uncommitted files",
    "progress": "a conflict or something in progress",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The refs that hold the attempt's work now; `left_out` is what no commit of this repository
    can hold: nested repositories, submodules with changes, what cannot be read."""

    refs: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def snapshot_worktree(repo: Repository, path: Path) -> str | None:
    """A commit on top of HEAD with every uncommitted file that git does not ignore; None when
    there is none. Neither the worktree nor its index is touched."""
    contents = read_contents(repo, require_place(repo, path), None)
    if contents.dirty is None:
        return None
    return snapshot_commit(repo, contents.dirty, contents.head, _SNAPSHOT)


def keep_attempt(repo: Repository, run: str, attempt: str, path: Path | None, branch: str) -> Kept:
    """Refs on everything the attempt has: HEAD as `work`, uncommitted files as `dirty`, what was
    staged as `index` if different, the branch as `branch` if HEAD is elsewhere, a conflict or
    something in progress as `progress`, commits that only reflogs name as `left-…`, all stashes.

    Without a worktree (None or gone) the branch alone is kept, as `work`. Safe to repeat.
    """
    contents = None if path is None else contents_at(repo, path, branch)
    return keep_contents(repo, run, attempt, contents, branch)


def keep_contents(
    repo: Repository, run: str, attempt: str, contents: Contents | None, branch: str
) -> Kept:
    """The same for contents that were just read; None where there is no worktree."""
    prefix = f"{ATTEMPTS}/{run}/{attempt}"
    refs: list[str] = []
    if contents is None:
        tip = read_ref(repo, branch_ref(branch))
        known = () if tip is None else (tip,)
        loose = heads_of(unheld(repo, named_ids(repo, None, branch), known))
        if tip is not None:
            refs.append(_keep_commit(repo, f"{prefix}/work", tip))
        refs += _keep_loose(repo, prefix, attempt, loose)
        return Kept((*refs, *keep_stashes(repo)))
    if contents.head is not None:
        refs.append(_keep_commit(repo, f"{prefix}/work", contents.head))
    if contents.tip is not None and contents.tip != contents.head:
        refs.append(_keep_commit(repo, f"{prefix}/branch", contents.tip))
    for name, tree in contents.trees.items():
        refs.append(_keep_tree(repo, prefix, name, tree, contents.head, attempt))
    refs += _keep_loose(repo, prefix, attempt, contents.loose)
    return Kept((*refs, *keep_stashes(repo)), contents.left_out)


def is_kept(repo: Repository, path: Path, branch: str | None = None) -> bool:
    """Whether removing the worktree at `path`, and its branch, would lose nothing that can be kept.

    True too when there is no worktree. False while it holds a nested repository.
    """
    contents = contents_at(repo, path, branch)
    return contents is None or (not contents.left_out and is_held(repo, contents))


def is_held(repo: Repository, contents: Contents) -> bool:
    """Whether refs of ours hold all of the contents that a ref can hold."""
    if contents.loose:
        return False
    commits = [commit for commit in (contents.head, contents.tip) if commit is not None]
    if unheld(repo, commits, strictly=True):
        return False
    wanted = set(contents.trees.values())
    if not wanted:
        return True
    kept = kept_trees(repo, ATTEMPTS)
    return wanted <= {tree for _, _, tree, parent in kept if parent == (contents.head or "")}


def drop_branch(repo: Repository, run: str, attempt: str, branch: str) -> None:
    """Delete the attempt's branch, with what it and its log name held by refs at that moment.

    Gone already is as good. Raises `GitFailed` while somebody goes on moving it.
    """
    for _ in range(MOVES_MAX):
        tip = read_ref(repo, branch_ref(branch))
        if tip is None:
            return
        named = named_ids(repo, None, branch)
        if unheld(repo, [tip, *named], strictly=True):
            _hold_branch(repo, f"{ATTEMPTS}/{run}/{attempt}", attempt, tip, named)
        if isinstance(delete_ref(repo, branch_ref(branch), tip), Moved):
            return
    raise GitFailed(["update-ref", "-d", branch], 1, "it moves all the time")


def _hold_branch(
    repo: Repository, prefix: str, attempt: str, tip: str, named: Sequence[str]
) -> None:
    if unheld(repo, [tip], strictly=True):
        _keep_commit(repo, f"{prefix}/branch", tip)
    _keep_loose(repo, prefix, attempt, heads_of(unheld(repo, named, (tip,))))


def keep_folder(repo: Repository, run: str, attempt: str, folder: Path) -> Kept:
    """A ref on every file of an attempt's plain folder, as `folder`; none when it is empty.
    Repositories in it are left out and named."""
    if not is_folder(folder) or not any(folder.iterdir()):
        return Kept(())
    with empty_index(repo, folder) as place:
        # Nothing is ignored here: no rule of any repository speaks about this folder.
        out = repo.git(
            "ls-files", "-z", "--others", place=place, timeout_s=WRITE_TIMEOUT_S
        )  # fmt: skip
        nested = tuple(name for name in out.fields if name.endswith("/"))
        paths = [name for name in out.fields if not name.endswith("/")]
        if not paths:
            return Kept((), nested)
        repo.git(
            "-c", "core.autocrlf=false", "update-index", "--add", "-z", "--stdin",
            place=place, stdin=nul(paths), timeout_s=WRITE_TIMEOUT_S,
        )  # fmt: skip
        tree = write_tree(repo, place)
    prefix = f"{ATTEMPTS}/{run}/{attempt}"
    return Kept((_keep_tree(repo, prefix, "folder", tree, None, attempt),), nested)


def keep_stashes(repo: Repository) -> tuple[str, ...]:
    """Refs on every entry of the stash, which all worktrees share and anybody can drop from."""
    refs = tuple(f"{STASHES}/{commit}" for commit in stash_entries(repo))
    if refs:
        held = list_refs(repo, STASHES)
        for ref in refs:
            if ref not in held:
                create_ref(repo, ref, ref.rpartition("/")[2])
    return refs


def stash_entries(repo: Repository) -> tuple[str, ...]:
    """The commits of the stash, newest first."""
    if read_ref(repo, "refs/stash") is None:
        return ()
    out = repo.git("log", "-g", f"--max-count={STASHES_MAX}", "--format=%H", "refs/stash", "--")
    return tuple(dict.fromkeys(out.text.split()))


def contents_at(repo: Repository, path: Path, branch: str | None) -> Contents | None:
    """What the worktree at `path` holds; of one whose folder has vanished what git still knows.
    None when git knows of none there."""
    place = worktree_place(repo, path)
    if place is not None:
        return read_contents(repo, place, branch)
    admin = repo.admin_dir(path)
    return None if admin is None else read_records(repo, admin, branch)


def worktree_place(repo: Repository, path: Path) -> Place | None:
    """The place of the worktree at `path`, even while its removal has put its files aside."""
    return repo.place(path) or repo.place_at(path, aside_of(path))


def status_of(repo: Repository, path: Path) -> Status | None:
    """The status of the worktree at `path`; None when it is not there."""
    place = repo.place(path)
    return None if place is None else read_status(repo, place)


# -- refs that never move ------------------------------------------------------------------------


def snapshot_commit(repo: Repository, tree: str, head: str | None, message: str) -> str:
    """A commit of uncommitted files on top of HEAD."""
    parents = () if head is None else (head,)
    return durable(
        "git.snapshot_commit", lambda: commit_tree(repo, tree, parents, message, sign=False)
    )


def _keep_commit(repo: Repository, ref: str, commit: str) -> str:
    """The ref (numbered if need be) that is at the commit now."""
    for number in range(1, KEPT_MAX + 1):
        name = ref if number == 1 else f"{ref}-{number}"
        if isinstance(create_ref(repo, name, commit), RefCreated):
            return name
    raise GitFailed(["update-ref", ref], 1, f"{KEPT_MAX} values are kept already")


def _keep_tree(
    repo: Repository, prefix: str, kind: str, tree: str, head: str | None, attempt: str
) -> str:
    """The ref at a commit with that tree on that parent: an earlier one, or a new commit."""
    ref, known = f"{prefix}/{kind}", None
    for name, commit, kept_tree, parent in kept_trees(repo, prefix):
        if (kept_tree, parent) == (tree, head or ""):
            if name == ref or name.startswith(f"{ref}-"):
                return name
            known = commit  # as the work after a turn
    about = f"{attempt}: {_ABOUT.get(kind, 'its files')}\n\nGangsaw-Kept: {kind}\n"
    return _keep_commit(repo, ref, known or snapshot_commit(repo, tree, head, about))


def _keep_loose(repo: Repository, prefix: str, attempt: str, loose: Sequence[str]) -> list[str]:
    """Refs on commits that nothing else holds; those of earlier calls come back too."""
    commits = list(loose)
    if len(commits) > LEFT_REFS_MAX:
        about = f"{attempt}: commits left behind\n\nGangsaw-Kept: left\n"
        empty = repo.git("mktree").text
        commits = [
            commit_tree(
                repo, empty, tuple(loose[at : at + LEFT_BUNDLE_MAX]), about, 0, sign=False
            )
            for at in range(0, len(loose), LEFT_BUNDLE_MAX)
        ]  # fmt: skip
    for commit in commits:
        create_ref(repo, f"{prefix}/left-{commit[:16]}", commit)
    return list(list_refs(repo, f"{prefix}/left-*"))


def kept_trees(repo: Repository, prefix: str) -> list[tuple[str, str, str, str]]:
    """Ref, commit, tree and first parent ("" without one) of everything kept under the prefix."""
    out = repo.git("for-each-ref", "--format=%(refname) %(objectname) %(tree) %(parent)", prefix)
    lines = [line.split(" ") for line in out.text.split("\n") if line]
    return [(parts[0], parts[1], parts[2], parts[3]) for parts in lines]
