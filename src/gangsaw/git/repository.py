"""One opened repository: where its folders are, and the questions asked most often.

Everything else in this room is a function that takes a `Repository`. It holds no open files
and may be used from several threads.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.git.files import write_synced
from gangsaw.git.locks import held
from gangsaw.git.runner import READ_TIMEOUT_S, Output, Place, run_git

GIT_MIN = (2, 38)
DEFAULT_NAME = "gangsaw"
DEFAULT_EMAIL = "gangsaw@localhost"
_COMMIT_SUFFIX = "^{commit}"
_GITDIR_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Identity:
    """Who authors and commits."""

    author_name: str
    author_email: str
    committer_name: str
    committer_email: str

    def environment(self, at: int | None = None) -> dict[str, str]:
        """The variables that make git use it; with `at` (epoch seconds) the date is fixed too."""
        env = {
            "GIT_AUTHOR_NAME": self.author_name,
            "GIT_AUTHOR_EMAIL": self.author_email,
            "GIT_COMMITTER_NAME": self.committer_name,
            "GIT_COMMITTER_EMAIL": self.committer_email,
        }
        if at is not None:
            env["GIT_AUTHOR_DATE"] = env["GIT_COMMITTER_DATE"] = f"@{at} +0000"
        return env


class Repository:
    """An opened repository; made by `open_repository`."""

    def __init__(self, root: Path, git_dir: Path, common_dir: Path, *, bare: bool) -> None:
        self.root = root
        """The worktree we are in; of a bare repository, its folder."""
        self.git_dir = git_dir
        """The git folder of that worktree."""
        self.common_dir = common_dir
        self.attribute_files: tuple[str, tuple[tuple[str, str], ...]] | None = None
        """A commit, and path and blob of its files with attributes: what `attributes` goes on
        from."""
        self.bare = bare
        self.control_dir = common_dir / "gangsaw"

    # -- running git -----------------------------------------------------------------------

    @property
    def store(self) -> Place:
        """The place for refs and objects: no worktree is touched or read."""
        return Place(self.common_dir, cwd=self.common_dir)

    @property
    def here(self) -> Place:
        """The place of the worktree that was opened."""
        if self.bare:
            return self.store
        return Place(self.git_dir, self._common_for(self.git_dir), self.root, cwd=self.root)

    def place(self, path: Path) -> Place | None:
        """The place of the worktree at `path`; None when it or its admin folder is missing.

        Computed from the common folder, never from the worktree's `.git`.
        """
        path = real(path)
        if not is_folder(path):
            return None
        admin = self.admin_dir(path)
        if admin is not None:
            _mend_common(admin, self.common_dir)
            return Place(admin, self.common_dir, path, cwd=path)
        if path == self.root and not self.bare:
            return self.here
        if path == self.main_root:
            return Place(self.common_dir, None, path, cwd=path)
        return None

    def place_at(self, path: Path, folder: Path) -> Place | None:
        """The place of the linked worktree that git knows at `path` while its files lie in
        `folder`; None when either is missing."""
        admin = self.admin_dir(path)
        if admin is None or not is_folder(folder):
            return None
        _mend_common(admin, self.common_dir)
        return Place(admin, self.common_dir, folder, cwd=folder)

    def admin_dir(self, path: Path) -> Path | None:
        """`<common>/worktrees/<name>` of the linked worktree at `path`, even if the folder is
        gone; None when there is none."""
        wanted = str(real(path))
        folder = self.common_dir / "worktrees"
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        names.sort(key=lambda name: not name.startswith(path.name))
        for name in names:
            if is_folder(folder / name) and worktree_of_admin(folder / name) == wanted:
                return folder / name
        return None

    def git(
        self,
        *args: str,
        place: Place | None = None,
        stdin: bytes = b"",
        timeout_s: float = READ_TIMEOUT_S,
        ok: tuple[int, ...] = (0,),
        env: Mapping[str, str] | None = None,
        lock: int | None = None,
    ) -> Output:
        """How git ended, by default in `store`. `lock` is the held lock git shares with us."""
        return run_git(
            args,
            place or self.store,
            stdin=stdin,
            timeout_s=timeout_s,
            ok=ok,
            extra_env=env,
            pass_fds=() if lock is None else (lock,),
        )

    @contextmanager
    def lane(self) -> Iterator[int]:
        """The one lane in which worktrees are added and removed, across all processes."""
        with held(self.control_dir / "locks" / "worktrees.lock") as lock:
            yield lock

    @contextmanager
    def claim(self, path: Path) -> Iterator[int]:
        """One of us at a time writes in the worktree at `path`."""
        name = hashlib.sha256(os.fsencode(real(path))).hexdigest()[:16]
        with held(self.control_dir / "locks" / f"tree-{name}.lock") as lock:
            yield lock

    # -- questions -------------------------------------------------------------------------

    @cached_property
    def main_root(self) -> Path | None:
        """The main worktree; None for a bare repository, and where nothing names it: seen from a
        linked worktree when the git folder is kept elsewhere.

        Not what `git worktree list` says first: of a submodule, or with a git folder kept
        elsewhere, that is the git folder itself.
        """
        if self.is_bare:
            return None
        if self.git_dir == self.common_dir:
            return self.root
        named = self.git("config", "--get", "core.worktree", ok=(0, 1))
        if named.code == 0:
            return real(Path(os.path.normpath(self.common_dir / named.text)))
        return self.common_dir.parent if self.common_dir.name == ".git" else None

    @cached_property
    def is_bare(self) -> bool:
        """Whether the repository has no main worktree, wherever it was opened."""
        first = self.git("worktree", "list", "--porcelain", "-z").fields
        return "bare" in first[: first.index("")]

    def head_branch(self) -> str | None:
        """The branch checked out in `root`, without `refs/heads/`; None when detached."""
        out = self.git("symbolic-ref", "-q", "HEAD", place=self.here, ok=(0, 1))
        return out.text.removeprefix("refs/heads/") if out.code == 0 else None

    def resolve(self, rev: str) -> str | None:
        """The full id of the commit that `rev` names; None when there is no such commit."""
        wanted = rev + _COMMIT_SUFFIX
        out = self.git(
            "rev-parse", "--verify", "-q", "--end-of-options", wanted,
            place=self.here, ok=(0, 1, 128),
        )  # fmt: skip
        return out.text if out.code == 0 else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `descendant` is or contains `ancestor` (both full ids); raises when one of two
        different ones is unknown."""
        if ancestor == descendant:
            return True
        out = self.git("merge-base", "--is-ancestor", ancestor, descendant, ok=(0, 1))
        return out.code == 0

    def tree_of(self, commit: str) -> str:
        """The id of the commit's tree."""
        return self.git("rev-parse", "--verify", f"{commit}^{{tree}}").text

    def commit_count(self, base: str, commit: str) -> int:
        """How many commits `commit` has that `base` has not."""
        return int(self.git("rev-list", "--count", f"{base}..{commit}").text)

    def config(self, key: str) -> str | None:
        """The value the user's configuration has for the key; None when it has none."""
        out = self.git("config", "--get", key, place=self.here, ok=(0, 1))
        return out.text if out.code == 0 else None

    @cached_property
    def identity(self) -> Identity:
        """The user's identity by environment and configuration, else a plain default."""
        name = self.config("user.name") or DEFAULT_NAME
        email = self.config("user.email") or DEFAULT_EMAIL
        env = os.environ
        return Identity(
            author_name=env.get("GIT_AUTHOR_NAME") or self.config("author.name") or name,
            author_email=env.get("GIT_AUTHOR_EMAIL") or self.config("author.email") or email,
            committer_name=env.get("GIT_COMMITTER_NAME") or self.config("committer.name") or name,
            committer_email=env.get("GIT_COMMITTER_EMAIL")
            or self.config("committer.email")
            or email,
        )

    @cached_property
    def signs(self) -> bool:
        """Whether the user has asked for signed commits (`commit.gpgsign`)."""
        out = self.git(
            "config", "--type=bool", "--get", "commit.gpgsign", place=self.here, ok=(0, 1)
        )
        return out.text == "true"

    def _common_for(self, git_dir: Path) -> Path | None:
        return None if git_dir == self.common_dir else self.common_dir


def open_repository(path: Path | str) -> Repository:
    """The repository that `path` lies in (a worktree, a folder in it, or a bare repository).

    Raises `UserError` when git is missing or too old, when there is no repository, no commit yet.
    """
    start = Path(path)
    if not start.is_dir():
        raise UserError(f"cannot open {start}: no such folder; try the folder of your repository")
    _require_git(start)
    out = run_git(
        ["rev-parse", "--path-format=absolute", "--git-common-dir", "--absolute-git-dir",
         "--is-bare-repository"],
        Place(None, cwd=start), ok=(0, 128),
    )  # fmt: skip
    if out.code != 0:
        raise UserError(_why_not_open(start, out.trouble))
    # The paths come one per line; a newline in a path would make more lines than three.
    lines = out.text.split("\n")
    if len(lines) != 3:
        raise UserError(f"cannot use {start}: its path has a newline; try another folder")
    common, git_dir, bare = Path(lines[0]), Path(lines[1]), lines[2] == "true"
    root = common if bare else _top(start)
    repo = Repository(real(root), real(git_dir), real(common), bare=bare)
    if repo.resolve("HEAD") is None and not repo.git("for-each-ref", "--count=1").text:
        raise UserError(
            f"cannot use {root}: the repository has no commit yet; "
            'try `git commit --allow-empty -m "first commit"`'
        )
    return repo


def _top(start: Path) -> Path:
    out = run_git(["rev-parse", "--show-toplevel"], Place(None, cwd=start), ok=(0, 128))
    if out.code != 0:
        raise UserError(f"cannot work inside the git folder {start}; try the worktree beside it")
    return Path(out.text)


def _require_git(start: Path) -> None:
    try:
        text = run_git(["version"], Place(None, cwd=start)).text
    except FileNotFoundError:
        raise UserError("cannot find git; try installing git 2.38 or newer") from None
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < GIT_MIN:
        raise UserError(f"cannot use {text.strip()}: it is too old; try git 2.38 or newer")


def _why_not_open(start: Path, trouble: str) -> str:
    if "dubious ownership" in trouble:
        return (
            f"cannot open {start}: it belongs to another user; "
            f"try `git config --global --add safe.directory {start}` if you trust it"
        )
    if "not a git repository" in trouble:
        return f"cannot find a git repository at {start}; try `git init` and a first commit there"
    return f"cannot open the repository at {start}: {trouble}; try `git status` there"


# -- paths -------------------------------------------------------------------------------------


def real(path: Path) -> Path:
    """The path with its parents resolved; the last part stays, even if it is a link or gone."""
    return Path(os.path.realpath(path.parent)) / path.name if path.name else Path(path)


def is_folder(path: Path) -> bool:
    """Whether a true folder (no link to one) is there."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def worktree_of_admin(admin: Path) -> str | None:
    """The worktree that an admin folder says it belongs to; None when it says nothing usable."""
    try:
        with open(admin / "gitdir", "rb") as file:
            content = os.fsdecode(file.read(_GITDIR_BYTES_MAX)).removesuffix("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    pointer = os.path.normpath(os.path.join(admin, content))
    return str(real(Path(os.path.dirname(pointer))))


def _mend_common(admin: Path, common_dir: Path) -> None:
    """Put the admin folder's `commondir` right if an agent has redirected it.

    git reads refs through that file even when `GIT_COMMON_DIR` says otherwise.
    """
    file = admin / "commondir"
    try:
        content = os.fsdecode(file.read_bytes()).removesuffix("\n")
    except FileNotFoundError:
        content = ""
    named = os.path.normpath(os.path.join(admin, content))
    if file.is_symlink() or not content or named != str(common_dir):
        write_synced(file, b"../..\n")


def with_index(place: Place, index: Path) -> Place:
    """The same place, working on another index file."""
    return replace(place, index=index)


def nul(paths: Sequence[str]) -> bytes:
    """Paths as git reads them with `-z`."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
