"""Removing an attempt's worktree so that nothing in it is lost, whatever happens meanwhile.

The order is what makes it safe. Everything is kept by refs. The folder is renamed aside: whatever
still looks for it by name does not find it. It is read once more from there, and what was written
in between is kept too. A `git gc` that began before the refs stood is waited for, and every object
behind the refs is proved to be there. Only then is the folder renamed to where it may be deleted.

The caller has seen to it that the attempt's processes are dead: an attempt is closed only after
its turn has ended, which the shim's record or its free lock and the absence of any holder prove.
What is neither dead nor ours (a shell, an editor) has its way until the second reading.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.collecting import await_collection
from gangsaw.git.contents import Contents, read_contents
from gangsaw.git.deleting import aside_of, trash_of
from gangsaw.git.keeping import Kept, contents_at, keep_contents, worktree_place
from gangsaw.git.pool import Pool
from gangsaw.git.repository import Repository, is_folder, real
from gangsaw.git.runner import WRITE_TIMEOUT_S
from gangsaw.git.worktrees import RemovalBlocked, Removed, forget_worktree, put_in_pool


@dataclass(frozen=True, slots=True)
class NotHeld:
    """The worktree stays: no ref can hold these things in it."""

    paths: tuple[str, ...]


def remove_kept(
    repo: Repository,
    run: str,
    attempt: str,
    path: Path,
    branch: str,
    contents: Contents | None = None,
    pool: Pool | None = None,
) -> tuple[Kept, Removed | RemovalBlocked | NotHeld]:
    """Keep everything in the attempt's worktree and remove it, and say what came of both. Its
    `contents` may have been read already; they are read once more before anything goes. With a
    pool, files that nobody has touched may go there.

    Safe to repeat after a kill at any point; a worktree that is gone is `Removed`. Raises
    `UserError` while a `git gc` does not come to its end, `GitFailed` when git cannot read it.
    """
    path = real(path)
    contents = contents or contents_at(repo, path, branch)
    kept = keep_contents(repo, run, attempt, contents, branch)
    place = worktree_place(repo, path)
    if place is None:
        with repo.lane():
            known = repo.admin_dir(path) is not None
        if not known and is_folder(path):
            return kept, RemovalBlocked(f"{path} is not a linked worktree of this repository")
        return kept, forget_worktree(repo, path)
    aside = aside_of(path)
    if kept.left_out:
        _bring_back(path, aside)
        return kept, NotHeld(kept.left_out)
    if place.work_tree != aside:
        if os.path.lexists(aside):
            return kept, RemovalBlocked(f"{aside} is in the way")
        durable("git.folder_aside", lambda: os.rename(path, aside), str(path))
    later = contents_at(repo, path, branch)
    again = kept if later == contents else keep_contents(repo, run, attempt, later, branch)
    refs = tuple(dict.fromkeys((*kept.refs, *again.refs)))
    if again.left_out or (path.exists() and aside.exists()):
        _bring_back(path, aside)
        return Kept(refs, again.left_out), NotHeld(again.left_out or (str(aside),))
    prove_whole(repo, refs)
    if os.path.lexists(trash_of(path)):
        forget_worktree(repo, path, trash_only=True)
    if pool is None or not put_in_pool(repo, pool, path, aside):
        durable("git.folder_rename", lambda: os.rename(aside, trash_of(path)), str(path))
    return Kept(refs), forget_worktree(repo, path)


def unholdable(repo: Repository, path: Path) -> tuple[str, ...]:
    """What lies in the worktree that no ref of this repository can hold; it stays because of it."""
    place = worktree_place(repo, path)
    return () if place is None else read_contents(repo, place, None).left_out


def ignored_files(repo: Repository, path: Path) -> int:
    """Bytes of the files in the worktree that git ignores, and that nothing holds."""
    place = worktree_place(repo, path)
    if place is None or place.work_tree is None:
        return 0
    out = repo.git(
        "ls-files", "-z", "--others", "--ignored", "--exclude-standard",
        place=place, timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    total = 0
    for name in out.fields:
        with suppress(FileNotFoundError):
            total += os.lstat(place.work_tree / name).st_size
    return total


def prove_whole(repo: Repository, refs: Sequence[str]) -> None:
    """Every object behind the refs is in the repository, and stays: a `git gc` that may have begun
    before the refs stood has ended. Raises `GitFailed` when one is missing."""
    await_collection(repo)
    if not refs:
        return
    repo.git(
        "rev-list", "--objects", "--quiet", "--stdin", "--not", "--remotes",
        "--exclude=gangsaw/*", "--branches",
        stdin="".join(f"{ref}\n" for ref in refs).encode(), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip


def bring_back(repo: Repository, path: Path) -> bool:
    """Take up what a removal cut short has left: a folder still aside comes back, and then the
    answer is True; what was on its way out goes."""
    aside = aside_of(real(path))
    if repo.place_at(path, aside) is not None and not os.path.lexists(path):
        _bring_back(real(path), aside)
        return True
    forget_worktree(repo, path, trash_only=True)
    return False


def _bring_back(path: Path, aside: Path) -> None:
    """Put the folder back where it was, unless something new lies there."""
    if os.path.lexists(aside) and not os.path.lexists(path):
        durable("git.folder_back", lambda: os.rename(aside, path))
