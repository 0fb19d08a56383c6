"""The two halves of a linked worktree, git's records of it and its files, made so that no other git
ever sees one of them half-made.

git's own `worktree add` writes its records where every other git of the repository reads them at
that moment, and now and then fails over. So the records are made aside, in the layout that git
documents, and renamed to their place. Where the repository has settings that say something about
worktrees, git makes them itself.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from gangsaw.core.faults import durable
from gangsaw.git.deleting import unlink_tree
from gangsaw.git.files import write_synced
from gangsaw.git.repository import Repository
from gangsaw.git.runner import CHECKOUT_TIMEOUT_S, GitFailed, Place

_MARK = "gangsaw-kind"
_OK_ANY = (0, 1, 128, 255)
_MADE_BY_GIT = frozenset(
    {
        *("core.sparsecheckout", "core.worktree", "core.sharedrepository", "core.bare"),
        *("extensions.worktreeconfig", "extensions.refstorage", "extensions.relativeworktrees"),
        "worktree.userelativepaths",
    }
)
_OFF = frozenset({"", "false", "no", "off", "0"})
_NAMES_MAX = 10_000


class Kind(StrEnum):
    """What a worktree of ours is for."""

    ATTEMPT = "attempt"
    SLOT = "slot"


Stock = Callable[[Path], Path | None]
"""Puts files of an earlier worktree to a path where nothing is, and gives the index of them."""


def settings_of(repo: Repository) -> bytes:
    """All of git's settings for the repository, and the attributes that are not in a commit: what
    may say how files are written."""
    attributes = repo.common_dir / "info" / "attributes"
    own = attributes.read_bytes() if attributes.is_file() else b""
    return repo.git("config", "--list", "-z").stdout + b"\0" + own


def is_plain(repo: Repository, settings: bytes) -> bool:
    """Whether nothing in the settings says how worktrees are made."""
    for line in settings.split(b"\0"):
        key, _, value = line.partition(b"\n")
        if (
            key.decode("utf-8", "replace") in _MADE_BY_GIT
            and value.decode("utf-8", "replace").lower() not in _OFF
        ):
            return False
    return not (repo.common_dir / "reftable").is_dir()


def read_mark(admin: Path | None) -> Kind | None:
    """What an admin folder's worktree is for; None when it is not ours."""
    if admin is None:
        return None
    try:
        text = (admin / _MARK).read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return Kind(text) if text in tuple(Kind) else None


def pointer(admin: Path) -> bytes:
    """What a worktree's `.git` says."""
    return b"gitdir: " + os.fsencode(admin) + b"\n"


def drop_draft(repo: Repository, path: Path) -> None:
    """Remove records of the worktree at `path` that were not yet in their place."""
    unlink_tree(_draft(repo, path))


def make_by_git(repo: Repository, path: Path, what: list[str], kind: Kind, lock: int) -> str | None:
    """Let git make the worktree and mark it as ours; why not, if git refuses."""
    out = durable(
        "git.worktree_add",
        lambda: repo.git(
            "worktree", "add", "-q", str(path), *what,
            timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock,
        ),
        str(path),
    )  # fmt: skip
    if out.code != 0:
        return out.trouble
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


def make(
    repo: Repository,
    path: Path,
    branch: str | None,
    commit: str,
    kind: Kind,
    lock: int,
    *,
    filled: bool = True,
    stock: Stock | None = None,
) -> str | None:
    """Make the worktree at `path`, on the branch or detached, with the files of the commit if it is
    to be `filled`; why not, if git refuses."""

    def step() -> str | None:
        index = None if stock is None or not filled else stock(path)
        path.mkdir(exist_ok=True)
        place = _put_records(repo, path, branch, commit, kind, index)
        if not filled:
            return None
        if index is not None:
            why = _fill(repo, place, lock)
            if why is None and _is_exact(repo, place):
                return None
            _clear(place)
        return _fill(repo, place, lock)

    return durable("git.worktree_add", step, str(path))


def _fill(repo: Repository, place: Place, lock: int) -> str | None:
    out = repo.git(
        "read-tree", "--reset", "-u", "HEAD",
        place=place, timeout_s=CHECKOUT_TIMEOUT_S, ok=_OK_ANY, lock=lock,
    )  # fmt: skip
    return None if out.code == 0 else out.trouble or "git cannot write its files"


def _is_exact(repo: Repository, place: Place) -> bool:
    """Whether the worktree has exactly the files of its HEAD."""
    out = repo.git(
        "status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored",
        place=place, ok=_OK_ANY, timeout_s=CHECKOUT_TIMEOUT_S,
    )  # fmt: skip
    return out.code == 0 and not out.stdout


def _clear(place: Place) -> None:
    """Remove all files, to begin anew."""
    assert place.work_tree is not None
    assert place.git_dir is not None
    for name in os.listdir(place.work_tree):
        if name != ".git":
            unlink_tree(place.work_tree / name)
    (place.git_dir / "index").unlink(missing_ok=True)


def _put_records(
    repo: Repository, path: Path, branch: str | None, commit: str, kind: Kind, index: Path | None
) -> Place:
    draft = _draft(repo, path)
    unlink_tree(draft)
    (draft / "logs").mkdir(parents=True)
    head = commit if branch is None else f"ref: refs/heads/{branch}"
    (draft / "HEAD").write_text(f"{head}\n", "utf-8", "surrogateescape")
    (draft / "commondir").write_bytes(b"../..\n")
    (draft / "gitdir").write_bytes(os.fsencode(path / ".git") + b"\n")
    if index is not None:
        shutil.copyfile(index, draft / "index")
    write_synced(draft / _MARK, kind.value.encode())
    # An existing log is written to whatever the settings say; what an agent leaves is found by it.
    (draft / "logs" / "HEAD").write_bytes(_first_entry(repo, draft, commit))
    worktrees = repo.common_dir / "worktrees"
    worktrees.mkdir(exist_ok=True)
    for name in _names(path):
        admin = worktrees / name
        if os.path.lexists(admin):
            continue
        # First the pointer: records of a worktree that is not there would be pruned.
        (path / ".git").write_bytes(pointer(admin))
        try:
            os.rename(draft, admin)
        except OSError:
            if not os.path.lexists(admin):
                raise
            continue  # somebody was quicker
        return Place(admin, repo.common_dir, path, cwd=path)
    raise GitFailed(["worktree", "add"], 1, f"{_NAMES_MAX} worktrees are called {path.name}")


def _first_entry(repo: Repository, draft: Path, commit: str) -> bytes:
    """What git writes into a new worktree's log."""
    who = repo.identity
    at = int((draft / "HEAD").stat().st_mtime)
    name = who.committer_name.replace("\n", " ")
    line = f"{'0' * len(commit)} {commit} {name} <{who.committer_email}> {at} +0000\n"
    return os.fsencode(line)


def _draft(repo: Repository, path: Path) -> Path:
    return repo.control_dir / "drafts" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def _names(path: Path) -> list[str]:
    """Names for the records of a worktree there, each of them one that a ref may have."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", path.name).replace("..", "-")
    name = re.sub(r"^\.|\.$|\.lock$", "-", name) or "worktree"
    return [name, *(f"{name}{number}" for number in range(1, _NAMES_MAX))]
