"""Linked worktrees: added, adopted, recycled and removed, one at a time.

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
from enum import StrEnum
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.deleting import delete_folder, delete_into, delete_trash
from gangsaw.git.files import write_synced
from gangsaw.git.refs import (
    branch_ref,
    create_ref,
    delete_ref,
    read_ref,
    set_ref,
)
from gangsaw.git.repository import Repository, is_folder, real, worktree_of_admin
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, GitFailed, Place

_MARK = "gangsaw-kind"
_OK_ANY = (0, 1, 128, 255)


class Kind(StrEnum):
    """What a worktree of ours is for."""

    ATTEMPT = "attempt"
    SLOT = "slot"


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
    repo: Repository, path: Path, branch: str, base: str
) -> WorktreeReady | WorktreeBlocked:
    """Make (or adopt) the worktree at `path` on `branch`, made from commit `base`.

    The branch is made at `base` when it does not exist. It is proved that the worktree's HEAD
    contains `base`. Safe to repeat after a kill at any point. Raises `UserError` when the branch
    name is blocked by another ref.
    """
    path = real(path)
    with repo.lane() as lock:
        if _note(repo, path).exists():
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
        _drop_admin(repo, path)
        _write_note(repo, path, branch if tip is None else None, base)
        if tip is None:
            create_ref(repo, branch_ref(branch), base)
        made = _make(repo, path, [branch], Kind.ATTEMPT, lock)
        if made is not None:
            _clear_half_made(repo, path)
            return made
        _remove_note(repo, path)
        return WorktreeReady(path, branch, base)


def add_detached(repo: Repository, path: Path, commit: str) -> WorktreeReady | WorktreeBlocked:
    """Make (or adopt, moved to `commit`) a worktree without a branch: a verification slot."""
    path = real(path)
    with repo.lane() as lock:
        if _note(repo, path).exists():
            _clear_half_made(repo, path)
        if is_folder(path) and repo.admin_dir(path) is not None:
            return WorktreeReady(path, None, commit)
        if (blocked := _obstacle(path)) is not None:
            return blocked
        _drop_admin(repo, path)
        _write_note(repo, path, None, commit)
        made = _make(repo, path, ["--detach", commit], Kind.SLOT, lock)
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
        if _note(repo, path).exists():
            _clear_half_made(repo, path)
        if is_folder(path) and repo.admin_dir(path) is not None:
            return WorktreeReady(path, None, commit)
        if (blocked := _obstacle(path)) is not None:
            return blocked
        _drop_admin(repo, path)
        _write_note(repo, path, None, commit)
        made = _make(repo, path, ["--detach", "--no-checkout", commit], Kind.ATTEMPT, lock)
        if made is not None:
            _clear_half_made(repo, path)
            return made
        place = repo.place(path)
        assert place is not None  # it has just been made, in our lane
        furnish(place)
        _remove_note(repo, path)
        return WorktreeReady(path, None, commit)


def recycle(repo: Repository, path: Path, commit: str) -> WorktreeReady | WorktreeBlocked:
    """Bring the verification slot at `path` to exactly `commit`: no other file, no change.

    The slot is made when it is missing and made anew when it cannot be brought to that state.
    Only for slots: whatever else is in the folder is deleted.
    """
    path = real(path)
    with repo.claim(path) as lock:
        half_made = _note(repo, path).exists()  # a kill cut its making short: make it anew
        place = None if half_made else repo.place(path)
        if place is not None and place.git_dir == repo.common_dir:
            return WorktreeBlocked(f"{path} is the main worktree")
        if place is not None:
            if _read_mark(place.git_dir) is not Kind.SLOT:
                return WorktreeBlocked(f"{path} is not a verification slot")
            _reset_slot(repo, place, commit, lock)
            if _slot_is_exact(repo, place, path, commit):
                return WorktreeReady(path, None, commit)
        blocked = remove_worktree(repo, path)
        if isinstance(blocked, RemovalBlocked):
            return WorktreeBlocked(blocked.reason)
        made = add_detached(repo, path, commit)
        if isinstance(made, WorktreeBlocked):
            return made
        place = repo.place(path)
        if place is None or not _slot_is_exact(repo, place, path, commit):
            raise GitFailed(["worktree", "add"], 0, f"{path} is not clean right after checkout")
        return made


def remove_worktree(repo: Repository, path: Path) -> Removed | RemovalBlocked:
    """Remove the linked worktree at `path` with everything in it; the branch stays.

    The caller keeps the work first (`keep_attempt`, `is_kept`). Works when the folder or git's
    knowledge of it has vanished; nothing there is `Removed` too. Links are never followed.
    """
    path = real(path)
    with repo.lane():
        half_made = _note(repo, path).exists()
        admin = repo.admin_dir(path)
        if os.path.lexists(path) and admin is None and not half_made:
            return RemovalBlocked(f"{path} is not a linked worktree of this repository")
        if _contains(path, repo.common_dir):
            return RemovalBlocked(f"{path} contains the repository itself")
        delete_folder(path)
        _drop_admin(repo, path)
        if half_made:
            _remove_note(repo, path)
        return Removed(path)


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
        _drop_admin(repo, path)
        if _note(repo, path).exists():
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
    repo: Repository, path: Path, what: list[str], kind: Kind, lock: int
) -> WorktreeBlocked | None:
    """Let git make the worktree and mark it as ours; why not, if git refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = durable(
        "git.worktree_add",
        lambda: repo.git(
            "worktree", "add", "-q", str(path), *what,
            timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock,
        ),
        str(path),
    )  # fmt: skip
    if out.code != 0:
        return WorktreeBlocked(out.trouble)
    admin = repo.admin_dir(path)
    if admin is None:
        raise GitFailed(["worktree", "add"], 0, f"made no admin folder for {path}")
    durable(
        "git.worktree_mark", lambda: write_synced(admin / _MARK, kind.value.encode()), str(path)
    )
    # An existing log is written to whatever the settings say; what an agent leaves is found by it.
    log = admin / "logs" / "HEAD"
    log.parent.mkdir(exist_ok=True)
    log.touch()
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
        (path / ".git").write_bytes(_pointer(place.git_dir))
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
    delete_folder(path)
    _drop_admin(repo, path)
    if written is not None and written.made_branch is not None:
        # Only the branch we made, and only while nothing was committed on it.
        delete_ref(repo, branch_ref(written.made_branch), written.base)
    _remove_note(repo, path)


def _drop_admin(repo: Repository, path: Path) -> None:
    """Remove git's knowledge of a worktree whose folder is gone; its HEAD stays reachable.

    Not `git worktree prune`: that would also drop the user's worktrees on a disk not mounted.
    """
    admin = repo.admin_dir(path)
    if admin is not None and not os.path.lexists(path):
        _pin_lost_head(repo, admin)
        trash = repo.control_dir / "trash" / admin.name
        durable("git.admin_drop", lambda: delete_into(admin, trash), str(path))


def _pin_lost_head(repo: Repository, admin: Path) -> None:
    """A detached HEAD is the only name of its commits: give them another before it goes."""
    if _read_mark(admin) is Kind.SLOT:
        return
    place = Place(admin, repo.common_dir, None, cwd=repo.common_dir)
    if repo.git("symbolic-ref", "-q", "HEAD", place=place, ok=_OK_ANY).code == 0:
        return
    out = repo.git("rev-parse", "--verify", "-q", "HEAD^{commit}", place=place, ok=_OK_ANY)
    if out.code == 0 and not repo.git("for-each-ref", "--count=1", f"--contains={out.text}").text:
        set_ref(repo, f"refs/gangsaw/lost/{out.text}", out.text)


# -- slots -------------------------------------------------------------------------------------


def _reset_slot(repo: Repository, place: Place, commit: str, lock: int) -> None:
    """Bring the slot towards the commit; what does not succeed shows in the proof afterwards."""
    assert place.git_dir is not None
    # We hold the claim, and a git of a former life shares it: this lock has no owner.
    (place.git_dir / "index.lock").unlink(missing_ok=True)

    at = str(place.work_tree)

    def step(*args: str) -> None:
        repo.git(*args, place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock)

    durable("git.slot_checkout", lambda: step("checkout", "-q", "--detach", "-f", commit), at)
    durable("git.slot_clean", lambda: step("clean", "-ffdxq"), at)


def _slot_is_exact(repo: Repository, place: Place, path: Path, commit: str) -> bool:
    assert place.git_dir is not None
    head = repo.git("rev-parse", "--verify", "-q", "HEAD", place=place, ok=_OK_ANY)
    if head.code != 0 or head.text != commit:
        return False
    status = repo.git(
        "status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored",
        place=place, ok=_OK_ANY, timeout_s=CHECKOUT_TIMEOUT_S,
    )  # fmt: skip
    return status.code == 0 and not status.stdout and _points_home(path, place.git_dir)


def _points_home(path: Path, admin: Path) -> bool:
    """Whether the slot's `.git` is still the plain pointer file that git wrote."""
    pointer = path / ".git"
    if pointer.is_symlink() or not pointer.is_file():
        return False
    content = pointer.read_bytes()
    if not content.startswith(b"gitdir: "):
        return False
    named = os.fsdecode(content.removeprefix(b"gitdir: ").removesuffix(b"\n"))
    return os.path.normpath(os.path.join(path, named)) == str(admin)


def _pointer(admin: Path) -> bytes:
    return b"gitdir: " + os.fsencode(admin) + b"\n"


# -- notes and marks ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Making:
    """What is being made: `made_branch` is the branch made along with it, if any."""

    made_branch: str | None
    base: str


def _note(repo: Repository, path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return repo.control_dir / "making" / name


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


def _read_mark(admin: Path | None) -> Kind | None:
    if admin is None:
        return None
    try:
        text = (admin / _MARK).read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return Kind(text) if text in tuple(Kind) else None


def _kinds(repo: Repository) -> dict[str, Kind]:
    folder = repo.common_dir / "worktrees"
    found: dict[str, Kind] = {}
    for name in os.listdir(folder) if folder.is_dir() else []:
        path, kind = worktree_of_admin(folder / name), _read_mark(folder / name)
        if path is not None and kind is not None:
            found[path] = kind
    return found


def _contains(outer: Path, inner: Path) -> bool:
    return inner == outer or outer in inner.parents
