"""Repositories inside of a worktree, whose commits no ref of this repository can hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gangsaw.git.repository import Repository, is_folder
from gangsaw.git.runner import Place

_POINTER_BYTES_MAX = 16_384


def own_repository(root: Path) -> tuple[str, ...]:
    """`(".git/",)` when an agent has put a repository of its own in the place of the worktree's
    pointer, and something is in it."""
    return (".git/",) if is_folder(root / ".git") and _has_objects(root / ".git") else ()


def nested_repositories(
    repo: Repository, root: Path, links: Iterable[str], paths: Iterable[str]
) -> tuple[str, ...]:
    """Folders of the worktree that are repositories with something of their own: submodules
    (`links`) with commits that none of their remotes has, and repositories in a folder of
    which git sees the other files (`paths`)."""
    found = [link for link in sorted(links) if _has_own_commits(repo, root / link)]
    folders = {path.rpartition("/")[0] for path in paths} - {""}
    for folder in list(folders):
        parts = folder.split("/")
        folders.update("/".join(parts[:count]) for count in range(1, len(parts)))
    found += [f"{name}/" for name in sorted(folders) if os.path.lexists(root / name / ".git")]
    return tuple(found)


def _has_objects(git_dir: Path) -> bool:
    return any(names for _, _, names in os.walk(git_dir / "objects"))


def _has_own_commits(repo: Repository, folder: Path) -> bool:
    """Whether a submodule has commits that are on none of its remotes' branches; True when its
    repository cannot be read. Only refs and commits are looked at: its settings take no effect."""
    pointer = folder / ".git"
    if not os.path.lexists(pointer):
        return False
    git_dir = pointer
    if not is_folder(pointer):
        try:
            with open(os.open(pointer, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                named = os.fsdecode(file.read(_POINTER_BYTES_MAX)).removeprefix("gitdir: ").strip()
        except OSError:
            return True
        git_dir = Path(os.path.normpath(folder / named))
    out = repo.git(
        "rev-list", "--max-count=1", "--all", "--reflog", "HEAD", "--not", "--remotes", "--tags",
        "--",
        # A work tree is named, for the one in its settings may be anywhere, and gone.
        place=Place(git_dir, None, repo.common_dir, cwd=repo.common_dir), ok=(0, 1, 128, 129),
    )  # fmt: skip
    return out.code != 0 or bool(out.text)
