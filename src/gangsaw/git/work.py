"""What an agent has done in its worktree, and committing what it left lying there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.git.refs import branch_ref, read_ref
from gangsaw.git.repository import Repository, nul
from gangsaw.git.runner import WRITE_TIMEOUT_S, Place

_BINARY_PROBE_BYTES = 8000
_FIELDS_BEFORE_PATH = {"1": 8, "u": 10, "?": 1, "!": 1}


@dataclass(frozen=True, slots=True)
class Changed:
    """One line of git's status: `code` is the two letters (index, worktree), `??` untracked."""

    code: str
    path: str
    submodule: bool = False
    head_blob: str = ""
    index_blob: str = ""
    index_mode: str = ""

    @property
    def nested_repository(self) -> bool:
        """Whether it is an untracked repository of its own, which cannot be committed here."""
        return self.path.endswith("/")


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a worktree's files. `head` is None on a branch without a commit."""

    head: str | None
    branch: str | None
    changed: tuple[Changed, ...]
    unreadable: tuple[str, ...] = ()
    """Folders that git could not look into."""

    @property
    def unmerged(self) -> tuple[str, ...]:
        """Paths with a conflict that is not marked as resolved."""
        return tuple(item.path for item in self.changed if item.code in _UNMERGED)

    @property
    def untracked(self) -> tuple[str, ...]:
        """Paths git does not know and is not told to ignore."""
        return tuple(item.path for item in self.changed if item.code == "??")

    @property
    def dirty(self) -> tuple[str, ...]:
        """Tracked paths that differ from HEAD, staged or not."""
        return tuple(item.path for item in self.changed if item.code != "??")


_UNMERGED = frozenset({"DD", "AU", "UD", "UA", "DU", "AA", "UU"})


@dataclass(frozen=True, slots=True)
class Work:
    """What stands in an attempt's worktree; `head` contains the base.

    `head_branch` is what is checked out (None: detached); `branch_tip` is where the attempt's own
    branch is, which differs from `head` when the agent went elsewhere.
    """

    head: str
    head_branch: str | None
    branch_tip: str | None
    tree: str
    commits_ahead: int
    dirty: tuple[str, ...]
    untracked: tuple[str, ...]
    unmerged: tuple[str, ...]
    merging: bool
    rebasing: bool

    @property
    def clean(self) -> bool:
        """Nothing is uncommitted and nothing is in progress."""
        return not (self.dirty or self.untracked or self.merging or self.rebasing)


@dataclass(frozen=True, slots=True)
class WorkAstray:
    """HEAD does not contain the base: reset, rewritten, another branch, or no commit (None)."""

    head: str | None
    head_branch: str | None
    branch_tip: str | None
    base: str


@dataclass(frozen=True, slots=True)
class WorkGone:
    """There is no worktree at the path; `branch_tip` is what is left."""

    branch_tip: str | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The worktree's HEAD; `made` is False when there was nothing to commit."""

    commit: str
    made: bool


@dataclass(frozen=True, slots=True)
class StillConflicted:
    """A merge is in progress and these paths are not resolved."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexLocked:
    """git's `index.lock` lies in the worktree's admin folder."""

    path: Path


def read_status(
    repo: Repository, place: Place, *, untracked: bool = True, submodules: bool = True
) -> Status:
    """The status of the worktree at `place`; takes no lock and writes nothing. Without
    `submodules` files in them are not looked at, only their commits."""
    out = repo.git(
        "status", "--porcelain=v2", "-z", "--branch", "--no-renames",
        f"--ignore-submodules={'none' if submodules else 'dirty'}",
        f"--untracked-files={'all' if untracked else 'no'}",
        place=place, timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    head: str | None = None
    branch: str | None = None
    changed: list[Changed] = []
    for line in out.fields:
        if line.startswith("# "):
            _, key, value = line.split(" ", 2)
            if key == "branch.oid":
                head = None if value == "(initial)" else value
            elif key == "branch.head":
                branch = None if value == "(detached)" else value
        else:
            changed.append(_changed(line))
    return Status(head, branch, tuple(changed), _unreadable(out.stderr))


def _unreadable(stderr: bytes) -> tuple[str, ...]:
    found = re.findall(rb"could not open directory '(.+)': ", stderr)
    return tuple(os.fsdecode(path) for path in found)


def _changed(line: str) -> Changed:
    parts = line.split(" ", _FIELDS_BEFORE_PATH[line[0]])
    if parts[0] == "?":
        return Changed("??", parts[-1])
    if parts[0] == "u":
        return Changed(parts[1], parts[-1], parts[2].startswith("S"))
    return Changed(
        parts[1],
        parts[-1],
        parts[2].startswith("S"),
        head_blob=parts[6],
        index_blob=parts[7],
        index_mode=parts[4],
    )


def inspect_work(
    repo: Repository, path: Path, branch: str, base: str
) -> Work | WorkAstray | WorkGone:
    """What the agent has done in its worktree since `base`. Reads only."""
    tip = read_ref(repo, branch_ref(branch))
    place = repo.place(path)
    if place is None:
        return WorkGone(tip)
    status = read_status(repo, place)
    if status.head is None or not repo.is_ancestor(base, status.head):
        return WorkAstray(status.head, status.branch, tip, base)
    return Work(
        head=status.head,
        head_branch=status.branch,
        branch_tip=tip,
        tree=repo.tree_of(status.head),
        commits_ahead=repo.commit_count(base, status.head),
        dirty=status.dirty,
        untracked=status.untracked,
        unmerged=status.unmerged,
        merging=merge_head(place) is not None,
        rebasing=_is_rebasing(place),
    )


def merge_head(place: Place) -> str | None:
    """The commit being merged in that worktree; None when no merge is in progress."""
    assert place.git_dir is not None
    try:
        return (place.git_dir / "MERGE_HEAD").read_text("ascii").split("\n")[0]
    except FileNotFoundError:
        return None


def _is_rebasing(place: Place) -> bool:
    assert place.git_dir is not None
    return any((place.git_dir / name).is_dir() for name in ("rebase-merge", "rebase-apply"))


def require_place(repo: Repository, path: Path) -> Place:
    """The place of the worktree at `path`; raises `UserError` when it is not there."""
    place = repo.place(path)
    if place is None or place.git_dir is None:
        raise UserError(
            f"cannot find the worktree {path}; try `git worktree list` in {repo.root}", exit_code=1
        )
    return place


def git_dirs(repo: Repository, path: Path) -> tuple[str, ...]:
    """The folders that git writes to when something is committed in the worktree at `path`: its
    own and the repository's; none when it is not there."""
    place = repo.place(path)
    if place is None or place.git_dir is None:
        return ()
    return tuple(dict.fromkeys((str(place.git_dir), str(repo.common_dir))))


def stage(
    repo: Repository, place: Place, items: tuple[Changed, ...], lock: int | None = None
) -> tuple[str, ...]:
    """Bring the given changes into the place's index; what was left out comes back.

    Nested repositories are left out: their files cannot be part of a commit here.
    """
    left_out = tuple(item.path for item in items if item.nested_repository)
    paths = [item.path for item in items if not item.nested_repository]
    if paths:
        repo.git(
            "update-index", "--add", "--remove", "--replace", "-z", "--stdin",
            place=place, stdin=nul(paths), timeout_s=WRITE_TIMEOUT_S, lock=lock,
        )  # fmt: skip
    return left_out


def commit_leftovers(
    repo: Repository,
    path: Path,
    message: str,
    paths: tuple[str, ...] | None = None,
    *,
    stale_lock_ok: bool = False,
    at: int | None = None,
) -> Committed | StillConflicted | IndexLocked:
    """Commit everything the agent left: staged, changed, deleted, new and not ignored.

    With `paths`, only those are brought in, besides what is staged. A merge in progress is
    concluded if no conflict is left. `stale_lock_ok` says that no process of the agent lives, so
    that an `index.lock` is nobody's. Raises `UserError` when the worktree is not there.
    """
    place = require_place(repo, path)
    assert place.git_dir is not None
    with repo.claim(path) as lock:
        index_lock = place.git_dir / "index.lock"
        if index_lock.exists():
            if not stale_lock_ok:
                return IndexLocked(index_lock)
            index_lock.unlink(missing_ok=True)
        status = read_status(repo, place)
        unresolved = tuple(item.path for item in status.changed if _is_unresolved(place, item))
        if unresolved:
            return StillConflicted(unresolved)
        chosen = tuple(
            item
            for item in status.changed
            if paths is None or item.path in paths or item.code in _UNMERGED
        )
        durable("git.leftovers_staged", lambda: stage(repo, place, chosen, lock))
        if status.head is not None and not _has_staged(repo, place):
            return Committed(status.head, made=False)
        durable(
            "git.leftovers_commit",
            lambda: repo.git(
                "commit", "-q", "--no-verify", "--allow-empty-message", "--cleanup=verbatim",
                "-F", "-", place=place, stdin=message.encode("utf-8", "surrogateescape"),
                env=repo.identity.environment(at), timeout_s=WRITE_TIMEOUT_S, lock=lock,
            ),
        )  # fmt: skip
        return Committed(repo.git("rev-parse", "HEAD", place=place).text, made=True)


def _has_staged(repo: Repository, place: Place) -> bool:
    if merge_head(place) is not None:
        return True
    out = repo.git(
        "diff-index", "--cached", "--quiet", "--ignore-submodules=dirty", "HEAD",
        place=place, ok=(0, 1), timeout_s=WRITE_TIMEOUT_S,
    )  # fmt: skip
    return out.code == 1


def _is_unresolved(place: Place, item: Changed) -> bool:
    """Whether an unmerged path still needs somebody.

    A text that both sides changed counts as resolved when its markers are gone; what cannot show
    markers (a deletion, a binary file) is resolved only when it has been added or removed.
    """
    if item.code not in _UNMERGED:
        return False
    if item.code not in ("UU", "AA") or place.work_tree is None:
        return True
    target = place.work_tree / item.path
    if target.is_symlink() or not target.is_file():
        return True
    content = target.read_bytes()
    if b"\0" in content[:_BINARY_PROBE_BYTES]:
        return True
    return any(line.startswith((b"<<<<<<< ", b">>>>>>> ")) for line in content.split(b"\n"))


def nested_left_out(status: Status) -> tuple[str, ...]:
    """What a commit of this status cannot hold: nested repositories, changed submodules."""
    return tuple(
        item.path
        for item in status.changed
        if item.nested_repository or (item.submodule and item.code != "??")
    )
