"""Linked worktrees: added, adopted and removed, one at a time.

git's own `worktree add` fails under parallel use and leaves half of its work behind when it is
killed. So everything that adds or removes goes through the lane, and a note (`making/…` in the
control folder) is written before and removed after the making: while the note is there nobody has
been given the folder, and what is found may be cleared; without it nothing is ever cleared.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.deleting import delete_folder, delete_into, delete_trash, trash_of
from gangsaw.git.files import write_synced
from gangsaw.git.making import (
    Kind,
    drop_draft,
    is_plain,
    make,
    make_by_git,
    pointer,
    read_mark,
    settings_of,
)
from gangsaw.git.pool import Pool, can_take, forget, put_in, remember, take
from gangsaw.git.refs import (
    branch_ref,
    create_ref,
    delete_ref,
    read_ref,
    set_ref,
)
from gangsaw.git.repository import Repository, is_folder, real, worktree_of_admin
from gangsaw.git.runner import Place

_OK_ANY = (0, 1, 128, 255)
READING_MAX_S = 5.0
"""So long no git takes between two looks at the same worktree."""


@dataclass(frozen=True, slots=True)
class WorktreeReady:
    """The worktree stands; `branch` is None for a detached one, `base` what it was made from."""

    path: Path
    branch: str | None
    base: str


@dataclass(frozen=True, slots=True)
class WorktreeBlocked:
    """The worktree cannot be made here without touching what is not ours to touch."""

    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The worktree is gone, now or before."""

    path: Path


@dataclass(frozen=True, slots=True)
class RemovalBlocked:
    """What lies at the path is no linked worktree of this repository."""

    reason: str


@dataclass(frozen=True, slots=True)
class WorktreeEntry:
    """One worktree as git knows it. `kind` is None when it is not ours."""

    path: Path
    head: str | None
    branch: str | None
    kind: Kind | None
    missing: bool


def add_worktree(
    repo: Repository, path: Path, branch: str, base: str, pool: Pool | None = None
) -> WorktreeReady | WorktreeBlocked:
    """Make (or adopt) the worktree at `path` on `branch`, made from commit `base`, with files from
    the pool where there are some.

    The branch is made at `base` when it does not exist. It is proved that the worktree's HEAD
    contains `base`. Safe to repeat after a kill at any point. Raises `UserError` when the branch
    name is blocked by another ref.
    """
    path = real(path)
    with repo.lane() as lock:
        if is_half_made(repo, path):
            _clear_half_made(repo, path)
        if is_folder(path) and repo.admin_dir(path) is not None:
            return _adopt(repo, path, branch, base)
        if (blocked := _obstacle(path)) is not None:
            return blocked
        tip = read_ref(repo, branch_ref(branch))
        if tip is not None and not repo.is_ancestor(base, tip):
            return WorktreeBlocked(f"branch {branch} exists and does not contain {base}")
        # A branch that does not exist yet is nowhere checked out.
        for entry in list_worktrees(repo) if tip is not None else ():
            if entry.branch == branch and entry.path != path and not entry.missing:
                return WorktreeBlocked(f"branch {branch} is checked out at {entry.path}")
        drop_admin(repo, path)
        _write_note(repo, path, branch if tip is None else None, base)
        if tip is None:
            create_ref(repo, branch_ref(branch), base)
        made = _make(repo, path, branch, tip or base, Kind.ATTEMPT, lock, pool=pool)
        if made is not None:
            _clear_half_made(repo, path)
            return made
        _remove_note(repo, path)
        return WorktreeReady(path, branch, base)


def add_detached(repo: Repository, path: Path, commit: str) -> WorktreeReady | WorktreeBlocked:
    """Make (or adopt, moved to `commit`) a worktree without a branch: a verification slot."""
    path = real(path)
    with repo.lane() as lock:
        if is_half_made(repo, path):
            _clear_half_made(repo, path)
        if is_folder(path) and repo.admin_dir(path) is not None:
            return WorktreeReady(path, None, commit)
        if (blocked := _obstacle(path)) is not None:
            return blocked
        drop_admin(repo, path)
        _write_note(repo, path, None, commit)
        made = _make(repo, path, None, commit, Kind.SLOT, lock)
        if made is not None:
            _clear_half_made(repo, path)
            return made
        _remove_note(repo, path)
        return WorktreeReady(path, None, commit)


def make_from(
    repo: Repository, path: Path, commit: str, furnish: Callable[[Place], None]
) -> WorktreeReady | WorktreeBlocked:
    """Make an attempt's worktree at `path` without any file, and let `furnish` fill it and its
    admin folder. One that stands there is left as it is. Safe to repeat after a kill."""
    path = real(path)
    with repo.lane() as lock:
        if is_half_made(repo, path):
            _clear_half_made(repo, path)
        if is_folder(path) and repo.admin_dir(path) is not None:
            return WorktreeReady(path, None, commit)
        if (blocked := _obstacle(path)) is not None:
            return blocked
        drop_admin(repo, path)
        _write_note(repo, path, None, commit)
        made = _make(repo, path, None, commit, Kind.ATTEMPT, lock, filled=False)
        if made is not None:
            _clear_half_made(repo, path)
            return made
        place = repo.place(path)
        assert place is not None  # it has just been made, in our lane
        furnish(place)
        _remove_note(repo, path)
        return WorktreeReady(path, None, commit)


def remove_worktree(repo: Repository, path: Path) -> Removed | RemovalBlocked:
    """Remove the linked worktree at `path` with everything in it; the branch stays.

    The caller keeps the work first (`keep_attempt`, `is_kept`). Works when the folder or git's
    knowledge of it has vanished; nothing there is `Removed` too. Links are never followed.
    """
    path = real(path)
    with repo.lane():
        _drop_drafts(repo)
        half_made = is_half_made(repo, path)
        admin = repo.admin_dir(path)
        if os.path.lexists(path) and admin is None and not half_made:
            return RemovalBlocked(f"{path} is not a linked worktree of this repository")
        if _contains(path, repo.common_dir):
            return RemovalBlocked(f"{path} contains the repository itself")
        delete_folder(path)
        drop_admin(repo, path)
        forget(repo, path)
        if half_made:
            _remove_note(repo, path)
        return Removed(path)


def put_in_pool(repo: Repository, pool: Pool, path: Path, aside: Path) -> bool:
    """Let the pool have the folder of a worktree, which lies aside and might be deleted as well;
    False when it does not want it. What it leaves is in the worktree's trash place."""
    path = real(path)
    with repo.lane():
        if os.path.lexists(trash_of(path)) or not can_take(repo, pool, path, aside):
            return False
        put_in(repo, pool, path, aside, lambda: drop_admin(repo, path))
        return True


def forget_worktree(
    repo: Repository, path: Path, *, trash_only: bool = False
) -> Removed | RemovalBlocked:
    """Delete what has been renamed to the worktree's trash place and, unless `trash_only`, git's
    knowledge of the worktree. What lies at `path` itself is not touched, and blocks."""
    path = real(path)
    with repo.lane():
        delete_trash(path)
        if trash_only:
            return Removed(path)
        if os.path.lexists(path):
            return RemovalBlocked(f"something new lies at {path}")
        drop_admin(repo, path)
        forget(repo, path)
        if is_half_made(repo, path):
            _remove_note(repo, path)
        return Removed(path)


def list_worktrees(repo: Repository) -> tuple[WorktreeEntry, ...]:
    """Every worktree of the repository, the main one first."""
    kinds = _kinds(repo)
    fields = repo.git("worktree", "list", "--porcelain", "-z").fields
    entries: list[WorktreeEntry] = []
    block: dict[str, str] = {}
    for item in (*fields, ""):
        if item:
            key, _, value = item.partition(" ")
            block[key] = value
        elif block:
            path = real(Path(block["worktree"]))
            branch = block.get("branch")
            entries.append(
                WorktreeEntry(
                    path=path,
                    head=block.get("HEAD"),
                    branch=branch.removeprefix("refs/heads/") if branch else None,
                    kind=kinds.get(str(path)),
                    missing=not is_folder(path),
                )
            )
            block = {}
    return tuple(entries)


# -- making ------------------------------------------------------------------------------------


def _make(
    repo: Repository,
    path: Path,
    branch: str | None,
    commit: str,
    kind: Kind,
    lock: int,
    *,
    filled: bool = True,
    pool: Pool | None = None,
) -> WorktreeBlocked | None:
    """Make the worktree and mark it as ours; why not, if git refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = settings_of(repo)
    if not is_plain(repo, settings):
        what = ["--detach", commit] if branch is None else [branch]
        why = make_by_git(repo, path, what if filled else ["--no-checkout", *what], kind, lock)
        return None if why is None else WorktreeBlocked(why)

    def stock(path: Path) -> Path | None:
        return None if pool is None else take(repo, pool, path, commit, settings)

    why = make(repo, path, branch, commit, kind, lock, filled=filled, stock=stock)
    if why is not None:
        return WorktreeBlocked(why)
    admin = repo.admin_dir(path)
    if pool is not None and admin is not None:
        remember(repo, path, admin, settings)
    return None


def _adopt(repo: Repository, path: Path, branch: str, base: str) -> WorktreeReady | WorktreeBlocked:
    """A complete worktree is there: ours again if its HEAD still contains the base."""
    place = repo.place(path)
    if place is None:
        return WorktreeBlocked(f"{path} cannot be read as a worktree")
    out = repo.git("rev-parse", "--verify", "-q", "HEAD^{commit}", place=place, ok=(0, 1, 128))
    if out.code != 0:
        return WorktreeBlocked(f"the worktree at {path} has no commit checked out")
    if not repo.is_ancestor(base, out.text):
        return WorktreeBlocked(f"the worktree at {path} does not contain {base}")
    if place.git_dir is not None and not os.path.lexists(path / ".git"):
        # The agent deleted the pointer; our calls do not need it, its own git does.
        (path / ".git").write_bytes(pointer(place.git_dir))
    return WorktreeReady(path, branch, base)


def _obstacle(path: Path) -> WorktreeBlocked | None:
    if not os.path.lexists(path):
        return None
    if is_folder(path) and not os.listdir(path):
        return None
    return WorktreeBlocked(f"{path} exists and is not a worktree of this repository")


def _clear_half_made(repo: Repository, path: Path) -> None:
    """Undo a making that a kill or a refusal cut short; nobody has been given the folder."""
    written = _read_note(repo, path)
    drop_draft(repo, path)
    delete_folder(path)
    drop_admin(repo, path)
    if written is not None and written.made_branch is not None:
        # Only the branch we made, and only while nothing was committed on it.
        delete_ref(repo, branch_ref(written.made_branch), written.base)
    _remove_note(repo, path)


def drop_admin(repo: Repository, path: Path) -> None:
    """Remove git's knowledge of a worktree whose folder is gone; its HEAD stays reachable.

    Not `git worktree prune`: that would also drop the user's worktrees on a disk not mounted. A git
    that lists worktrees at this moment fails if what it is reading goes away; without its `gitdir`
    it passes over the rest, which goes a while later.
    """
    admin = repo.admin_dir(path)
    if admin is not None and not os.path.lexists(path):
        _pin_lost_head(repo, admin)
        durable("git.admin_drop", lambda: (admin / "gitdir").unlink(missing_ok=True), str(path))
        _sweep(repo, older_than=admin.stat().st_mtime - READING_MAX_S)


def sweep_records(repo: Repository) -> None:
    """Delete what is left of the records of worktrees that are gone, when all is quiet."""
    with repo.lane():
        _sweep(repo, older_than=float("inf"))


def _sweep(repo: Repository, older_than: float) -> None:
    """Delete the records of our worktrees that git knows no more; those that were dropped before
    `older_than` (epoch seconds)."""
    folder = repo.common_dir / "worktrees"
    for name in os.listdir(folder) if folder.is_dir() else []:
        admin = folder / name
        if read_mark(admin) is None or os.path.lexists(admin / "gitdir"):
            continue
        if admin.stat().st_mtime < older_than:
            delete_into(admin, repo.control_dir / "trash" / name)


def _pin_lost_head(repo: Repository, admin: Path) -> None:
    """A detached HEAD is the only name of its commits: give them another before it goes."""
    if read_mark(admin) is Kind.SLOT:
        return
    place = Place(admin, repo.common_dir, None, cwd=repo.common_dir)
    if repo.git("symbolic-ref", "-q", "HEAD", place=place, ok=_OK_ANY).code == 0:
        return
    out = repo.git("rev-parse", "--verify", "-q", "HEAD^{commit}", place=place, ok=_OK_ANY)
    if out.code == 0 and not repo.git("for-each-ref", "--count=1", f"--contains={out.text}").text:
        set_ref(repo, f"refs/gangsaw/lost/{out.text}", out.text)


# -- notes and marks ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Making:
    """What is being made: `made_branch` is the branch made along with it, if any."""

    made_branch: str | None
    base: str


def is_half_made(repo: Repository, path: Path) -> bool:
    """Whether a kill cut the making of the worktree short; nobody has been given it."""
    return _note(repo, path).exists()


def _note(repo: Repository, path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return repo.control_dir / "making" / name


def _drop_drafts(repo: Repository) -> None:
    """Remove notes that a kill cut short; in our lane nobody else is writing one."""
    for draft in (repo.control_dir / "making").glob(".draft-*"):
        draft.unlink(missing_ok=True)


def _write_note(repo: Repository, path: Path, made_branch: str | None, base: str) -> None:
    text = json.dumps({"path": str(path), "made_branch": made_branch, "base": base})
    durable("git.making_note", lambda: write_synced(_note(repo, path), text.encode()), str(path))


def _read_note(repo: Repository, path: Path) -> _Making | None:
    try:
        fields = json.loads(_note(repo, path).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return _Making(fields["made_branch"], fields["base"])


def _remove_note(repo: Repository, path: Path) -> None:
    durable("git.making_done", lambda: _note(repo, path).unlink(missing_ok=True), str(path))


def _kinds(repo: Repository) -> dict[str, Kind]:
    folder = repo.common_dir / "worktrees"
    found: dict[str, Kind] = {}
    for name in os.listdir(folder) if folder.is_dir() else []:
        path, kind = worktree_of_admin(folder / name), read_mark(folder / name)
        if path is not None and kind is not None:
            found[path] = kind
    return found


def _contains(outer: Path, inner: Path) -> bool:
    return inner == outer or outer in inner.parents
