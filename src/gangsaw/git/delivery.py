"""Delivery: moving the user's branch to what landed, by fast-forward only.

Where nobody has the branch checked out the ref moves by compare-and-swap. Else the one checkout
that has it is brought along first (git's two-way `read-tree -m -u`, which refuses to write over a
changed file) and the ref moves last; a kill in between leaves files which already are what is
delivered, and the next time they count as such. The user's changes are never touched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from gangsaw.core.faults import durable
from gangsaw.git.carrying import (
    Change,
    Owner,
    carried_files,
    put_all,
    take_back,
    tell_index,
)
from gangsaw.git.refs import Moved, RefElsewhere, branch_ref, move_ref, read_ref
from gangsaw.git.repository import Repository, is_folder, nul, real, worktree_of_admin
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, WRITE_TIMEOUT_S, Output, Place
from gangsaw.git.work import Changed, read_status

_GITLINK = "160000"
_SYMLINK = "120000"
_ABSENT_MODE = "000000"
_BUSY_SIGNS = {
    "MERGE_HEAD": "a merge is in progress",
    "CHERRY_PICK_HEAD": "a cherry-pick is in progress",
    "REVERT_HEAD": "a revert is in progress",
    "rebase-merge": "a rebase is in progress",
    "rebase-apply": "a rebase is in progress",
    "BISECT_LOG": "a bisection is in progress",
    "index.lock": "git's index.lock is there (another git is at work, or died)",
}

_HIDDEN = (
    "; git status may hide the change: git ls-files -v lists such files in small letters or with "
    "an S, git update-index --no-assume-unchanged --no-skip-worktree FILE shows it again"
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The branch is at `commit`; `checkout` is the worktree that was brought along, if any."""

    commit: str
    checkout: Path | None


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The branch contains the commit; `commit` is where the branch is."""

    commit: str


@dataclass(frozen=True, slots=True)
class TargetMoved:
    """The branch is at `commit`, which what landed does not contain."""

    commit: str


@dataclass(frozen=True, slots=True)
class TargetMissing:
    """There is no such branch."""

    branch: str


@dataclass(frozen=True, slots=True)
class CheckoutDirty:
    """The checkout that has the branch has changes, or files that would be written over."""

    path: Path
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckoutBusy:
    """The checkout that has the branch is in the middle of something."""

    reason: str


Delivery = Delivered | AlreadyThere | TargetMoved | TargetMissing | CheckoutDirty | CheckoutBusy


def deliver(
    repo: Repository, target_branch: str, new: str, *, owner: Owner | None = None
) -> Delivery:
    """Fast-forward the user's branch (without `refs/heads/`) to the commit `new`. Repeatable.

    What its `owner` writes in files of the user's is no reason to wait: as long as what is
    delivered does not touch them, a change in them stays as it is; else they get the delivered
    version with the same written on it, where that is all that they differ by.
    """
    with repo.claim(repo.control_dir / "delivery"):
        old = read_ref(repo, branch_ref(target_branch))
        if old is None:
            return TargetMissing(target_branch)
        if old == new:
            return AlreadyThere(old)
        if not repo.is_ancestor(old, new):
            return AlreadyThere(old) if repo.is_ancestor(new, old) else TargetMoved(old)
        checkouts, busy = _checkouts(repo, target_branch)
        if busy is not None:
            return CheckoutBusy(busy)
        if not checkouts:
            moved = move_ref(repo, branch_ref(target_branch), new, old)
            return _moved(moved, target_branch, new, None)
        if len(checkouts) > 1:
            return CheckoutBusy(f"{target_branch} is checked out in more than one worktree")
        with repo.claim(checkouts[0]) as lock:
            return _into_checkout(repo, checkouts[0], target_branch, old, new, lock, owner)


def _moved(
    moved: Moved | RefElsewhere, branch: str, new: str, checkout: Path | None
) -> Delivered | TargetMoved | TargetMissing:
    match moved:
        case Moved():
            return Delivered(new, checkout)
        case RefElsewhere(found):
            return TargetMissing(branch) if found is None else TargetMoved(found)
        case _:
            assert_never(moved)


# -- which checkout ----------------------------------------------------------------------------


def _checkouts(repo: Repository, branch: str) -> tuple[list[Path], str | None]:
    """The worktrees that have the branch checked out; or why the branch is in use otherwise."""
    found: list[Path] = []
    for git_dir, path in _worktrees(repo):
        on_it = _read_line(git_dir / "HEAD") == f"ref: {branch_ref(branch)}"
        if path is None and on_it and git_dir == repo.common_dir and not repo.is_bare:
            nameless = "in the main worktree, which nothing names from here"
            return [], f"{branch} is checked out {nameless}; run gangsaw there"
        if path is None or not is_folder(path):
            continue
        for state in ("rebase-merge", "rebase-apply"):
            if _read_line(git_dir / state / "head-name") == branch_ref(branch):
                return [], f"{branch} is being rebased in {path}"
        if _read_line(git_dir / "BISECT_START") == branch:
            return [], f"{branch} is being bisected in {path}"
        if on_it:
            found.append(path)
    return found, None


def _worktrees(repo: Repository) -> list[tuple[Path, Path | None]]:
    folder = repo.common_dir / "worktrees"
    admins = [folder / name for name in sorted(os.listdir(folder))] if folder.is_dir() else []
    linked = [(admin, worktree_of_admin(admin)) for admin in admins]
    return [
        (repo.common_dir, repo.main_root),
        *((admin, None if path is None else Path(path)) for admin, path in linked),
    ]


def _read_line(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "surrogateescape").split("\n")[0]
    except (FileNotFoundError, NotADirectoryError):
        return None


# -- into a checkout ---------------------------------------------------------------------------


def _into_checkout(
    repo: Repository,
    path: Path,
    branch: str,
    old: str,
    new: str,
    lock: int,
    owner: Owner | None,
) -> Delivery:
    place = repo.place(path)
    if place is None or place.git_dir is None:
        return CheckoutBusy(f"the checkout {path} cannot be read")
    for sign, reason in _BUSY_SIGNS.items():
        if os.path.lexists(place.git_dir / sign):
            return CheckoutBusy(f"{reason} in {path}")
    incoming = _incoming(repo, old, new)
    present, blocking = _sort_changes(repo, place, incoming)
    files = carried_files(repo, place, owner, blocking, incoming) if owner is not None else []
    carried = tuple(each.path for each in files)
    blocking = tuple(
        name for name in blocking
        if name not in carried and (name in incoming or not _is_owned(owner, path / name))
    )  # fmt: skip
    if blocking:
        return CheckoutDirty(path, blocking)
    ref = branch_ref(branch)
    staged, before = _staged(repo, place, present, old), old

    def back(tip: str | None = None) -> None:
        _put_back(repo, place, staged, lock)
        if owner is not None:
            take_back(repo, place, owner, files, lock, tip)

    tell_index(repo, place, files, lock)
    if owner is not None and not put_all(owner, files):
        back()
        return CheckoutDirty(path, carried)
    if present:
        # Files which are already what is delivered: tell the index, then the rest follows.
        durable(
            "git.deliver_present",
            lambda: repo.git(
                "update-index", "--add", "--remove", "--replace", "-z", "--stdin",
                place=place, stdin=nul(present), timeout_s=WRITE_TIMEOUT_S, lock=lock,
            ),
        )  # fmt: skip
    if present or files:
        before = repo.git("write-tree", place=place, timeout_s=WRITE_TIMEOUT_S).text

    out = durable("git.deliver_files", lambda: _two_way(repo, place, old, new, lock))
    if out is not None:
        back()
        return CheckoutBusy(f"{out} in {path}{_HIDDEN}")
    moved = move_ref(repo, ref, new, old, place=place)
    if not isinstance(moved, Moved):
        # Somebody committed in this very moment: take our files back out again, but no others.
        _two_way(repo, place, new, before, lock)
        back(moved.found)
    return _moved(moved, branch, new, path)


def _is_owned(owner: Owner | None, full: Path) -> bool:
    return owner is not None and owner.has(real(full))


def _staged(repo: Repository, place: Place, paths: Sequence[str], old: str) -> tuple[str, ...]:
    """What the index has for these paths, or that it has nothing, as `update-index` reads it."""
    if not paths:
        return ()
    lines = repo.git("ls-files", "--stage", "-z", place=place, timeout_s=WRITE_TIMEOUT_S).fields
    known = {line.partition("\t")[2]: line for line in lines}
    nothing = f"0 {'0' * len(old)}\t"
    return tuple(known.get(path, nothing + path) for path in paths)


def _put_back(repo: Repository, place: Place, staged: Sequence[str], lock: int) -> None:
    """Give the index what it had: nothing of a delivery that was refused stays staged."""
    if not staged:
        return
    repo.git(
        "update-index", "-z", "--index-info",
        place=place, stdin=nul(staged), timeout_s=WRITE_TIMEOUT_S, lock=lock,
    )  # fmt: skip


def _two_way(repo: Repository, place: Place, old: str, new: str, lock: int) -> str | None:
    """Carry index and files from `old` to `new`; git's reason if it refuses (nothing changed)."""

    def carry() -> Output:
        return repo.git(
            "read-tree", "-m", "-u", old, new,
            place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=(0, 1, 128), lock=lock,
        )  # fmt: skip

    out = carry()
    if out.code != 0:
        # It refuses for a file that was only touched, or copied along with its repository: what
        # the index knows of its times is old, its content is not.
        repo.git(
            "update-index", "-q", "--refresh",
            place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=(0, 1, 128), lock=lock,
        )  # fmt: skip
        out = carry()
    return None if out.code == 0 else out.trouble


def _incoming(repo: Repository, old: str, new: str) -> dict[str, Change]:
    fields = repo.git(
        "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new,
        timeout_s=WRITE_TIMEOUT_S,
    ).fields  # fmt: skip
    found: dict[str, Change] = {}
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        old_mode, new_mode, old_blob, new_blob, _ = about.removeprefix(":").split(" ")
        found[path] = Change(old_mode, new_mode, old_blob, new_blob)
    return found


def _sort_changes(
    repo: Repository, place: Place, incoming: dict[str, Change]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths that are already as delivered although the index does not say so; paths in the way."""
    present: list[str] = []
    blocking: list[str] = []
    seen: set[str] = set()
    for item in read_status(repo, place, untracked=False).changed:
        if _only_inside_submodule(item):
            continue
        seen.add(item.path)
        change = incoming.get(item.path)
        good = change is not None and _index_known(item, change)
        if change is not None and good and _is_as_delivered(repo, place, item.path, change):
            present.append(item.path)
        else:
            blocking.append(item.path)
    for path, change in incoming.items():
        if path in seen or change.old_mode != _ABSENT_MODE:
            continue
        obstacle = _obstacle(repo, place, path)
        if obstacle is None:
            continue
        if obstacle == path and _is_as_delivered(repo, place, path, change):
            present.append(path)
        else:
            blocking.append(obstacle)
    return tuple(present), tuple(dict.fromkeys(blocking))


def _only_inside_submodule(item: Changed) -> bool:
    """A submodule with changed files but at its commit; a fast-forward does not go in there."""
    return item.submodule and item.code == ".M" and item.head_blob == item.index_blob


def _index_known(item: Changed, change: Change) -> bool:
    """Whether what is staged is the old or the new content, so that nothing of it can be lost."""
    return (item.index_mode, item.index_blob) in (
        (change.old_mode, change.old_blob),
        (change.new_mode, change.new_blob),
    )


def _obstacle(repo: Repository, place: Place, path: str) -> str | None:
    """What lies, unknown to git, where the new file is to be written; ignored files count."""
    assert place.work_tree is not None
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        prefix = "/".join(parts[:count])
        full = place.work_tree / prefix
        if not os.path.lexists(full):
            return None
        if count < len(parts) and is_folder(full):
            continue
        if repo.git("ls-files", "-z", "--", f":(literal,top){prefix}", place=place).stdout:
            # Tracked and unchanged, or it would be in the status: git replaces it itself, and
            # refuses where an untracked file would be lost in a folder.
            return None
        if is_folder(full) and not any(files for _, _, files in os.walk(full)):
            return None
        return prefix
    return None


def _is_as_delivered(repo: Repository, place: Place, path: str, change: Change) -> bool:
    """Whether what lies at the path is exactly what is to be delivered there."""
    assert place.work_tree is not None
    full = real(place.work_tree / path)
    if change.new_mode == _ABSENT_MODE:
        return not os.path.lexists(full)
    if change.new_mode == _GITLINK or not os.path.lexists(full):
        return False
    if change.new_mode == _SYMLINK:
        if not full.is_symlink():
            return False
        out = repo.git("hash-object", "--stdin", stdin=os.fsencode(os.readlink(full)))
        return out.text == change.new_blob
    if full.is_symlink() or not full.is_file():
        return False
    executable = bool(full.stat().st_mode & 0o100)
    if executable != (change.new_mode == "100755"):
        return False
    out = repo.git("hash-object", "--", path, place=place, timeout_s=WRITE_TIMEOUT_S)
    return out.text == change.new_blob
