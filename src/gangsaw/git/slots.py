"""Verification slots: worktrees of ours that go from commit to commit.

In a slot is exactly a commit, and besides it at most what the caller declares to be caches, of
which only what git ignores stays. Most caches of tools believe a source file by its size and the
second in which it was written. So caches stay only where no file can have been written twice in one
second, and no check has written to a tracked file; byte code of sources that change goes anyway.
"""

from __future__ import annotations

import os
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.making import Kind, read_mark
from gangsaw.git.repository import Repository, real
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, GitFailed, Place
from gangsaw.git.worktrees import (
    RemovalBlocked,
    WorktreeBlocked,
    WorktreeReady,
    add_detached,
    is_half_made,
    remove_worktree,
)

_STAMP = "gangsaw-checkout"
_OK_ANY = (0, 1, 128, 255)
_SKEW_NS = 50_000_000
"""The clock of file times may be behind by a few of its ticks."""
_SECOND_NS = 1_000_000_000
_BYTE_CODE = "__pycache__"


def recycle(
    repo: Repository, path: Path, commit: str, keep: tuple[str, ...] = ()
) -> WorktreeReady | WorktreeBlocked:
    """Bring the verification slot at `path` to exactly `commit`: no other file, no change. `keep`
    are patterns, as in `.gitignore`, of ignored files that may stay.

    The slot is made when it is missing and made anew when it cannot be brought to that state.
    Only for slots: whatever else is in the folder is deleted.
    """
    path = real(path)
    with repo.claim(path) as lock:
        # A kill cut its making short: make it anew.
        place = None if is_half_made(repo, path) else repo.place(path)
        if place is not None and place.git_dir == repo.common_dir:
            return WorktreeBlocked(f"{path} is the main worktree")
        if place is not None:
            if read_mark(place.git_dir) is not Kind.SLOT:
                return WorktreeBlocked(f"{path} is not a verification slot")
            kept = _reset(repo, place, commit, keep, lock)
            if _is_exact(repo, place, path, commit, kept=kept):
                return WorktreeReady(path, None, commit)
        blocked = remove_worktree(repo, path)
        if isinstance(blocked, RemovalBlocked):
            return WorktreeBlocked(blocked.reason)
        made = add_detached(repo, path, commit)
        if isinstance(made, WorktreeBlocked):
            return made
        place = repo.place(path)
        if place is None or not _is_exact(repo, place, path, commit, kept=False):
            raise GitFailed(["worktree", "add"], 0, f"{path} is not clean right after checkout")
        _touch(place)
        return made


def altered_files(repo: Repository, path: Path, commit: str) -> tuple[str, ...]:
    """The tracked files in the slot at `path` that are not as in `commit`, sorted."""
    place = repo.place(path)
    if place is None:
        return (".",)
    out = repo.git(
        "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", commit, "--",
        place=place, timeout_s=CHECKOUT_TIMEOUT_S,
    )  # fmt: skip
    return tuple(sorted(out.fields))


def put_back(repo: Repository, path: Path, commit: str) -> None:
    """Bring the tracked files of the slot at `path` back to `commit`; others stay."""
    place = repo.place(path)
    if place is not None:
        _checkout(repo, place, commit, None)


# -- reset ---------------------------------------------------------------------------------------


def _reset(repo: Repository, place: Place, commit: str, keep: tuple[str, ...], lock: int) -> bool:
    """Bring the slot towards the commit; what does not succeed shows in the proof afterwards.
    Whether caches were kept."""
    assert place.git_dir is not None
    # We hold the claim, and a git of a former life shares it: this lock has no owner.
    (place.git_dir / "index.lock").unlink(missing_ok=True)
    changed = _to_change(repo, place, commit) if keep else None
    at = str(place.work_tree)
    durable("git.slot_checkout", lambda: _checkout(repo, place, commit, lock), at)
    if changed is None:
        durable("git.slot_clean", lambda: _clean(repo, place, (), lock), at)
    else:
        durable("git.slot_clean", lambda: _clean(repo, place, keep, lock), at)
        _drop_byte_code(place, changed)
    _touch(place)
    return changed is not None


def _checkout(repo: Repository, place: Place, commit: str, lock: int | None) -> None:
    repo.git(
        "checkout", "-q", "--detach", "-f", commit,
        place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock,
    )  # fmt: skip


def _clean(repo: Repository, place: Place, keep: tuple[str, ...], lock: int) -> None:
    def step(*args: str) -> int:
        return repo.git(
            "clean", "-ffd", "-q", *args,
            place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock,
        ).code  # fmt: skip

    if keep:
        # First without ignored files: a cache that git does not ignore must not stay.
        done = step() == 0 and step("-x", *(f"--exclude={each}" for each in keep)) == 0
        if done:
            return
    step("-x")


def _to_change(repo: Repository, place: Place, commit: str) -> tuple[str, ...] | None:
    """The tracked files that differ between the slot and the commit; None where caches cannot be
    believed: a check has written to tracked files, or the last checkout was in this second."""
    if not _touch(place):
        return None
    dirty = repo.git("diff-files", "--name-only", "-z", place=place, ok=_OK_ANY)
    if dirty.code != 0 or dirty.stdout:
        return None
    out = repo.git(
        "diff-index", "--cached", "--name-only", "-z", "--no-renames", commit, "--",
        place=place, ok=_OK_ANY,
    )  # fmt: skip
    return out.fields if out.code == 0 else None


def _touch(place: Place) -> bool:
    """Note that files are being written; whether it is a later second than the last time."""
    assert place.git_dir is not None
    stamp = place.git_dir / _STAMP
    before = stamp.stat().st_mtime_ns if stamp.exists() else None
    stamp.touch()
    now = stamp.stat().st_mtime_ns
    return before is not None and (now - _SKEW_NS) // _SECOND_NS > before // _SECOND_NS


def _drop_byte_code(place: Place, changed: tuple[str, ...]) -> None:
    """Byte code says of its source only size and time; it goes where the source has changed."""
    assert place.work_tree is not None
    for name in changed:
        source = place.work_tree / name
        folder = source.parent / _BYTE_CODE
        if source.suffix == ".py" and folder.is_dir() and not folder.is_symlink():
            for compiled in os.listdir(folder):
                if compiled.startswith(f"{source.stem}."):
                    (folder / compiled).unlink()


# -- proof ---------------------------------------------------------------------------------------


def _is_exact(repo: Repository, place: Place, path: Path, commit: str, *, kept: bool) -> bool:
    """Whether the commit is checked out, no other file there (ignored ones aside, if `kept`), and
    none hidden from git."""
    assert place.git_dir is not None
    head = repo.git("rev-parse", "--verify", "-q", "HEAD", place=place, ok=_OK_ANY)
    if head.code != 0 or head.text != commit:
        return False
    status = repo.git(
        "status", "--porcelain=v2", "-z", "--untracked-files=all",
        *(() if kept else ("--ignored",)),
        place=place, ok=_OK_ANY, timeout_s=CHECKOUT_TIMEOUT_S,
    )  # fmt: skip
    if status.code != 0 or status.stdout:
        return False
    return _points_home(path, place.git_dir) and not _hides_files(repo, place)


def _hides_files(repo: Repository, place: Place) -> bool:
    """Whether a check told git not to look at some files."""
    out = repo.git("ls-files", "-v", "-z", place=place, ok=_OK_ANY)
    tags = {line[:1] for line in out.fields}
    sparse = repo.git(
        "config", "--type=bool", "--get", "core.sparseCheckout", place=place, ok=_OK_ANY
    )
    return out.code != 0 or bool(tags - ({"H", "S"} if sparse.text == "true" else {"H"}))


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
