"""What the tidy tests look at: the files of the repository and the parsed modules of the package.

Read only. It must not judge anything: rules live in the tests, exceptions in `excused.toml`.
"""

from __future__ import annotations

import ast
import functools
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gangsaw"

Figures = Callable[[str, object], None]
"""pytest's `record_property`; what is recorded as "figure" is printed at the end of all tests."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package: its dotted name, its path from the root, text and tree."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room it is in; `""` for a module right in the package."""
        parts = self.path.removeprefix("src/gangsaw/").split("/")
        return parts[0] if len(parts) > 1 else ""


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the package: `room.module:Class.name`, and its lines, first to last."""

    name: str
    lines: int


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, sorted by path."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(ROOT / "src").with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        text = path.read_text()
        relative = path.relative_to(ROOT).as_posix()
        found.append(Module(".".join(parts), relative, text, ast.parse(text)))
    return tuple(found)


def functions(module: Module) -> Iterator[Function]:
    """The functions and methods of a module, nested ones too."""

    def walk(node: ast.AST, prefix: str) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}{child.name}"
                yield Function(name, (child.end_lineno or child.lineno) - child.lineno + 1)
                yield from walk(child, f"{name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(module.tree, f"{module.name.removeprefix('gangsaw.')}:")


@functools.cache
def imports(module: Module) -> frozenset[str]:
    """Dotted names which a module imports anywhere: `a.b` and `a.b.c` for `from a.b import c`."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


@functools.cache
def strings(module: Module) -> frozenset[str]:
    """The string literals of a module."""
    constants = (node for node in ast.walk(module.tree) if isinstance(node, ast.Constant))
    return frozenset(one.value for one in constants if isinstance(one.value, str))


@functools.cache
def excused() -> dict[str, dict[str, Any]]:
    """The exceptions from the rules, by rule. The lists may only shrink."""
    return tomllib.loads((ROOT / "tests" / "tidy" / "excused.toml").read_text())


@functools.cache
def pyproject() -> dict[str, Any]:
    """The project's own description."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@functools.cache
def files() -> tuple[str, ...]:
    """Paths, from the root, of all files that are in the repository or would be added to it."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = sorted(set(listing.stdout.decode().split("\0")) - {""})
    return tuple(name for name in names if (ROOT / name).is_file())
