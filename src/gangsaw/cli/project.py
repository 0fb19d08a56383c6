"""The repository a command works on, and its settings: layers read, faults told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gangsaw.agents import foreign
from gangsaw.core.errors import UserError
from gangsaw.core.settings import Settings
from gangsaw.git import Repository, open_repository
from gangsaw.plan.config import Layer, load_settings

CONFIG_NAME = "gangsaw.toml"
PYPROJECT_NAME = "pyproject.toml"
PYPROJECT_TABLE = ("tool", "gangsaw")


@dataclass(frozen=True, slots=True)
class Project:
    """A repository and its settings; `warnings` are lines for standard error."""

    repo: Repository
    settings: Settings
    warnings: tuple[str, ...]


def open_project(folder: Path, environ: Mapping[str, str], config: Path | None = None) -> Project:
    """The repository that holds `folder`, with its settings. `UserError` with every fault."""
    repo = open_repository(folder)
    settings, warnings = read_settings(repo.root, environ, config)
    return Project(repo, settings, warnings)


def read_settings(
    root: Path, environ: Mapping[str, str], config: Path | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Settings from `gangsaw.toml` (or `[tool.gangsaw]`), the user's file, and the environment."""
    read = load_settings(_repo_layer(root, config), _user_layer(environ), environ, further=foreign)
    if read.settings is None:
        raise UserError("\n".join(str(complaint) for complaint in read.errors))
    return read.settings, tuple(str(complaint) for complaint in read.warnings)


def _repo_layer(root: Path, config: Path | None) -> Layer | None:
    if config is not None:
        if not config.is_file():
            raise UserError(f"cannot read {config}: there is no such file")
        return Layer(config.read_text(encoding="utf-8"), str(config))
    own = root / CONFIG_NAME
    if own.is_file():
        return Layer(own.read_text(encoding="utf-8"), CONFIG_NAME)
    shared = root / PYPROJECT_NAME
    if shared.is_file() and "[tool.gangsaw" in (text := shared.read_text(encoding="utf-8")):
        return Layer(text, PYPROJECT_NAME, PYPROJECT_TABLE)
    return None


def _user_layer(environ: Mapping[str, str]) -> Layer | None:
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    path = Path(home) / "gangsaw" / "config.toml"
    return Layer(path.read_text(encoding="utf-8"), str(path), own=True) if path.is_file() else None
