"""Where git finds the hooks of a repository; none of them is run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gangsaw.git.repository import Repository

HUSKY = (".husky", "_")
"""Where the program husky writes hooks of its own, each of which runs one of the user's above."""


@dataclass(frozen=True, slots=True)
class HooksFolder:
    """The folder of the hooks. `is_shared`: other repositories of the user have it as well;
    `is_own`: it lies in the git folder, where nothing is tracked; `is_husky`: husky runs what is in
    it by `sh -e`, whatever its mode and its first line are."""

    path: Path
    is_shared: bool
    is_own: bool
    is_husky: bool = False


def hooks_folder(repo: Repository) -> HooksFolder:
    """Where hooks of the worktree that was opened belong, by `core.hooksPath` or without."""
    out = repo.git(
        "config", "--show-scope", "--type=path", "--get-all", "core.hooksPath", place=repo.here,
        ok=(0, 1),
    )  # fmt: skip
    rows = [line.partition("\t") for line in out.text.split("\n") if "\t" in line]
    ours = [(scope, value) for scope, _, value in rows if scope != "command"]
    scope, value = ours[-1] if ours else ("", "")
    if not value:
        return HooksFolder(repo.common_dir / "hooks", False, True)
    path = repo.root / value
    is_husky = path.parts[-2:] == HUSKY
    if is_husky:
        path = path.parent
    is_own = path.resolve().is_relative_to(repo.common_dir)
    return HooksFolder(path, scope in ("global", "system"), is_own, is_husky)
