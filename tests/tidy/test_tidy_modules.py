"""Modules say what they are for and are used; broad excepts stay at borders; rooms are known."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable

from tests.tidy.sources import (
    PACKAGE,
    ROOT,
    Figures,
    Module,
    excused,
    imports,
    modules,
    pyproject,
    strings,
)

BROAD = frozenset({"Exception", "BaseException"})


def named_outside(room: str) -> str:
    """What names modules of a room from outside of the package: entry points, the developer's
    script and, for the room `testing`, the tests."""
    texts = [*pyproject()["project"]["scripts"].values(), (ROOT / "dev").read_text()]
    if room == "testing":
        texts += [path.read_text() for path in sorted((ROOT / "tests").glob("*/*.py"))]
    return " ".join(texts)


def is_called(module: Module, callers: Iterable[Module], outside: str) -> bool:
    """Whether anything imports the module, or names it: in full, as `:main`'s home, or by file."""
    short = module.name.rpartition(".")[2]
    package = module.name.rpartition(".")[0]
    for other in callers:
        if any(
            name == module.name or name.startswith(f"{module.name}.") for name in imports(other)
        ):
            return True
        literals = strings(other)
        if any(module.name == text.partition(":")[0] for text in literals):
            return True
        # Programs run by file (the shim) and command tables that import by short name.
        beside = other.name.rpartition(".")[0] == package or other.name == package
        if beside and literals & {short, f"{short}.py"}:
            return True
        if literals >= {module.room, f"{short}.py"}:
            return True
        # A table of names whose modules are imported by `f"{package}.{name}"`.
        if literals >= {f"{package}.", short}:
            return True
    named = re.escape(module.name)
    imported = rf"{re.escape(package)} import .*\b{short}\b"
    return re.search(rf"\b{named}\b|\b{imported}", outside) is not None


def others(module: Module) -> tuple[Module, ...]:
    """Every module but this one."""
    return tuple(one for one in modules() if one is not module)


def test_no_module_without_a_caller() -> None:
    excuses = set(excused()["no_caller"]["modules"])
    lonely = {
        module.name
        for module in modules()
        if not module.path.endswith(("/__init__.py", "/__main__.py"))
        and not is_called(module, others(module), named_outside(module.room))
    }
    unused, stale = sorted(lonely - excuses), sorted(excuses - lonely)
    assert not unused, f"nobody imports or names these: use or delete them: {unused}"
    assert not stale, f"excused but used: delete the excuse: {stale}"


def test_a_lonely_module_is_noticed() -> None:
    def module(name: str, text: str) -> Module:
        return Module(name, f"src/{name.replace('.', '/')}.py", text, ast.parse(text))

    one = module("gangsaw.git.refs", "")
    assert not is_called(one, [module("gangsaw.git.diffs", "import os")], "")
    assert not is_called(one, [module("gangsaw.engine.loop", "x = 'refs'")], "")
    assert is_called(one, [module("gangsaw.engine.loop", "from gangsaw.git import refs")], "")
    assert is_called(one, [module("gangsaw.engine.loop", "from gangsaw.git.refs import f")], "")
    assert is_called(one, [module("gangsaw.git.diffs", "path.with_name('refs.py')")], "")
    elsewhere = module("gangsaw.engine.loop", "root / 'git' / 'refs.py'")
    assert is_called(one, [elsewhere], "")
    assert is_called(one, [], "python -m gangsaw.git.refs")
    table = module("gangsaw.engine.loop", "names = ['refs']; load(f'gangsaw.git.{name}')")
    assert is_called(one, [table], "")


def test_modules_say_what_they_are_for() -> None:
    silent = [module.path for module in modules() if not ast.get_docstring(module.tree)]
    assert not silent


def broad_excepts(tree: ast.AST) -> int:
    """How many except clauses of a module catch everything and do not end in a plain `raise`."""

    def swallows(clause: ast.ExceptHandler) -> bool:
        last = clause.body[-1]
        return not (isinstance(last, ast.Raise) and last.exc is None)

    def names(node: ast.expr | None) -> set[str]:
        if node is None:
            return {"BaseException"}
        return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}

    clauses = [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    return sum(1 for clause in clauses if names(clause.type) & BROAD and swallows(clause))


def test_broad_excepts_stay_at_the_borders(record_property: Figures) -> None:
    counts = Counter({module.path: broad_excepts(module.tree) for module in modules()})
    found = {path: count for path, count in counts.items() if count}
    record_property("figure", f"broad excepts: {sum(found.values())} in {len(found)} files")
    assert found == excused()["broad_excepts"]


def test_the_rule_counts_every_broad_except() -> None:
    def count(caught: str, answer: str) -> int:
        return broad_excepts(ast.parse(f"try:\n    f()\nexcept{caught}:\n    {answer}\n"))

    assert count(" (KeyError, Exception)", "pass") == 1
    assert count("", "pass") == 1
    assert count(" BaseException as e", "raise Other from e") == 1
    assert count(" OSError", "pass") == 0
    assert count(" BaseException", "raise") == 0


def test_the_architecture_page_lists_the_rooms_on_disk() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page.partition("\n## Rooms\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    on_disk = {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/**/*.py")}
    assert set(listed) == on_disk
    assert len(listed) == len(set(listed))


def test_rooms_are_packages() -> None:
    folders = {path.parent for path in PACKAGE.glob("**/*.py")}
    bare = [str(one.relative_to(ROOT)) for one in folders if not (one / "__init__.py").exists()]
    assert not bare
