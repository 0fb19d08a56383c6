"""Ignored files that a fresh worktree should have nevertheless: `.worktreeinclude`."""

from __future__ import annotations

from pathlib import Path

from gangsaw.git.repository import Repository

LIST_NAME = ".worktreeinclude"


def included_files(repo: Repository, root: Path) -> tuple[str, ...]:
    """The files of the checkout at `root` that git ignores and that `.worktreeinclude`, in the
    syntax of `.gitignore`, names; relative to `root`, sorted."""
    place = repo.place(root)
    if place is None or not (root / LIST_NAME).is_file():
        return ()
    listing = ("ls-files", "-z", "--others", "--ignored")
    ignored = repo.git(*listing, "--exclude-standard", place=place).fields
    named = repo.git(*listing, f"--exclude-from={root / LIST_NAME}", place=place).fields
    return tuple(sorted(set(ignored) & set(named)))
