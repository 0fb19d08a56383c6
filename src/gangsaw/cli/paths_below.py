"""Paths as an agent writes them, made relative to the root of its worktree."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from gangsaw.cli.place import here
from gangsaw.core.errors import UserError


def paths_below(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths (or patterns), relative to the root of the worktree that we are in. `UserError` for
    one outside of it."""
    place = here()
    root = next((one for one in (place, *place.parents) if (one / ".git").exists()), place)
    return tuple(_below(path, place, root) for path in paths)


def _below(path: str, place: Path, root: Path) -> str:
    whole = Path(os.path.normpath(place / path))
    if not whole.is_relative_to(root):
        raise UserError(f"cannot claim {path}: it is not in {root}; try a path below it")
    return str(PurePosixPath(whole.relative_to(root)))
