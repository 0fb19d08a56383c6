"""The repository a command works on, and its settings: layers read, faults told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gangsaw.agents import foreign
from gangsaw.core.errors import UserError
from gangsaw.core.settings import Settings
from gangsaw.git import Repository, open_repository
from gangsaw.plan import Complaint, ConfigRead, Layer, load_settings
from gangsaw.plan.env_text import is_env
from gangsaw.plan.origins import Flags, Sources
from gangsaw.plan.settings_fields import CONFIG_VARIABLES

CONFIG_NAME = "gangsaw.toml"
PYPROJECT_NAME = "pyproject.toml"
PYPROJECT_TABLE = ("tool", "gangsaw")
CONFIG_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Project:
    """A repository and its settings; `warnings` are lines for standard error. `sources` tells
    where each setting came from."""

    repo: Repository
    settings: Settings
    warnings: tuple[str, ...]
    sources: Sources


def open_project(
    folder: Path,
    environ: Mapping[str, str],
    config: Path | None = None,
    flags: Flags | None = None,
) -> Project:
    """The repository that holds `folder`, with its settings. `UserError` with every fault."""
    repo = open_repository(folder)
    read = _read(repo.root, environ, config, flags)
    assert read.settings is not None
    return Project(repo, read.settings, _texts(read.warnings), read.sources)


def read_settings(
    root: Path, environ: Mapping[str, str], config: Path | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Settings from `gangsaw.toml` (or `[tool.gangsaw]`), the user's file, the file asked for by
    `config` or a variable, and the environment; later ones win."""
    read = _read(root, environ, config, None)
    assert read.settings is not None
    return read.settings, _texts(read.warnings)


def _read(
    root: Path, environ: Mapping[str, str], config: Path | None, flags: Flags | None
) -> ConfigRead:
    read = load_settings(
        _repo_layer(root),
        _user_layer(environ),
        environ,
        config=_config_layer(config, environ),
        flags=flags,
        further=foreign,
    )
    if read.settings is None:
        raise UserError("\n".join(_texts(read.errors)))
    return read


def _texts(complaints: Iterable[Complaint]) -> tuple[str, ...]:
    return tuple(str(complaint) for complaint in complaints)


def _config_layer(config: Path | None, environ: Mapping[str, str]) -> Layer | None:
    """The file that was asked for, by flag or else by variable."""
    asked = [(config, "--config")] if config is not None else []
    asked += [
        (Path(given).expanduser(), name)
        for name in reversed(CONFIG_VARIABLES)
        if (given := environ.get(name, "").strip())
    ]
    if not asked:
        return None
    path, by = asked[0]
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_BYTES_MAX + 1).decode("utf-8")
    except OSError as error:
        raise UserError(
            f"cannot read {path}, named by {by}: {error.strerror}; "
            "try: gangsaw bench --env FILE, which writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"cannot read {path}, named by {by}: it is no text") from error
    if len(text) > CONFIG_BYTES_MAX:
        raise UserError(f"cannot read {path}, named by {by}: it is too large for settings")
    return Layer(text, str(path), env=is_env(path.name, text))


def _repo_layer(root: Path) -> Layer | None:
    own = root / CONFIG_NAME
    if own.is_file():
        return Layer(own.read_text(encoding="utf-8"), CONFIG_NAME)
    if from_pyproject(root):
        text = (root / PYPROJECT_NAME).read_text(encoding="utf-8")
        return Layer(text, PYPROJECT_NAME, PYPROJECT_TABLE)
    return None


def from_pyproject(root: Path) -> bool:
    """Whether the settings of the repository stand in its `pyproject.toml`."""
    shared = root / PYPROJECT_NAME
    own = (root / CONFIG_NAME).is_file()
    return not own and shared.is_file() and "[tool.gangsaw" in shared.read_text(encoding="utf-8")


def _user_layer(environ: Mapping[str, str]) -> Layer | None:
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", ""), ".config")
    path = Path(home) / "gangsaw" / "config.toml"
    return Layer(path.read_text(encoding="utf-8"), str(path), own=True) if path.is_file() else None
