"""Names say what a thing is: no words that fit anything, no second versions beside the first."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.sources import excused, modules

EMPTY_WORDS = frozenset(
    "manager managers handler handlers helper helpers util utils misc data info infos".split()
)
SECOND_VERSION = re.compile(r"_(v\d+|new|old)$")


def words(name: str) -> list[str]:
    """The words of an identifier in snake_case or CamelCase, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def complaint(name: str) -> str | None:
    """What is wrong with a name, or `None`."""
    empty = EMPTY_WORDS.intersection(words(name))
    if empty:
        return f"says nothing: {', '.join(sorted(empty))}"
    if SECOND_VERSION.search(name):
        return "a second version: change the thing, or delete it"
    return None


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.alias(asname=str(given)):
                yield given
            case _:
                pass


def test_names_say_what_a_thing_is() -> None:
    excuses: dict[str, list[str]] = excused()["names"]
    used: set[tuple[str, str]] = set()
    found = set()
    for module in modules():
        for name in {module.name.rpartition(".")[2], *names(module.tree)}:
            wrong = complaint(name)
            if wrong is None:
                continue
            if name in excuses.get(module.path, []):
                used.add((module.path, name))
            else:
                found.add(f"{module.path}: {name} {wrong}")

    stale = {(path, name) for path, given in excuses.items() for name in given} - used
    assert not found
    assert not stale, "excused but not used: delete the excuse"


@pytest.mark.parametrize(
    "name", ["TaskManager", "data", "git_utils", "raw_data", "plan_v2", "state_new", "helperFor"]
)
def test_the_rule_finds_empty_names(name: str) -> None:
    assert complaint(name)


@pytest.mark.parametrize("name", ["database", "old", "new", "newest", "metadata", "inform"])
def test_the_rule_lets_whole_other_words_pass(name: str) -> None:
    assert complaint(name) is None
