"""What the repository itself says to agents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gangsaw.core.model import TurnKind
from gangsaw.core.roles import Role
from gangsaw.git import Repository
from gangsaw.plan import read_roles

TEMPLATE_FOLDER = Path(".gangsaw/prompts")
TEMPLATES = tuple(kind.value for kind in TurnKind)


def roles_of(repo: Repository) -> Mapping[str, Role]:
    """The roles of the repository, by name."""
    return read_roles(repo.main_root or repo.root).roles


def templates_of(repo: Repository) -> dict[str, str]:
    """The user's own prompt templates, by turn kind."""
    folder = (repo.main_root or repo.root) / TEMPLATE_FOLDER
    found = {}
    for name in TEMPLATES:
        path = folder / f"{name}.md"
        if path.is_file():
            found[name] = path.read_text(encoding="utf-8")
    return found
