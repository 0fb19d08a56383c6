"""A scratch repository for the demo: files of our own in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gangsaw.git.repository import Repository, open_repository
from gangsaw.git.runner import Place, run_git

_IDENTITY = {
    "GIT_AUTHOR_NAME": "gangsaw demo",
    "GIT_AUTHOR_EMAIL": "demo@localhost",
    "GIT_COMMITTER_NAME": "gangsaw demo",
    "GIT_COMMITTER_EMAIL": "demo@localhost",
}


def make_scratch_repository(path: Path, files: Mapping[str, str]) -> Repository:
    """A new repository at `path` (which must not exist) with the files in one commit on `main`."""
    path.mkdir(parents=True)
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    place = Place(None, cwd=path)
    run_git(["init", "--quiet", "--initial-branch=main", "--template="], place)
    for name in ("user.name", "user.email"):
        value = "gangsaw demo" if name == "user.name" else "demo@localhost"
        run_git(["config", name, value], place)
    run_git(["add", "--all"], place)
    run_git(["commit", "--quiet", "--message", "A shopping list"], place, extra_env=_IDENTITY)
    return open_repository(path)
