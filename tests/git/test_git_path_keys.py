"""The rule that says which pairs can conflict at all, as a table."""

from __future__ import annotations

import pytest

from gangsaw.git.path_keys import (
    Change,
    Keys,
    Moves,
    folders_above,
    may_conflict,
    pair_may_conflict,
)


def keys(
    *paths: str, base: str = "b", added: tuple[str, ...] = (), vanished: tuple[str, ...] = ()
) -> Keys:
    everything = frozenset((*paths, *added))
    above = folders_above(everything)
    return Keys(base, everything, above, folders_above(added), frozenset(vanished))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (keys("a"), keys("b"), False),
        (keys("a", "b"), keys("b", "c"), True),
        (keys("d/a"), keys("d/b"), False),
        # A file for one, a folder for the other.
        (keys("d"), keys("d/e/b"), True),
        (keys("d/e"), keys("d/ef"), False),
        # A folder that vanished, and a new file below it.
        (keys("old/a", "new/a", vanished=("old",)), keys(added=("old/b",)), True),
        (keys("old/a", "new/a", vanished=("old",)), keys(added=("old/deep/b",)), True),
        (keys("old/a", "new/a", vanished=("old",)), keys("old/b"), False),
        (keys("old/a", "new/a"), keys(added=("old/b",)), False),
        (keys("x", vanished=("",)), keys(added=("any/where",)), True),
        (keys(), keys("a"), False),
    ],
)
def test_the_rule(one: Keys, other: Keys, expected: bool) -> None:
    assert may_conflict(one, other) is expected
    assert may_conflict(other, one) is expected


def test_folders_above() -> None:
    assert folders_above(["a/b/c", "a/d", "e"]) == {"a/b", "a", ""}
    assert folders_above([]) == frozenset()


OLD = {"old": [Change("x", "1", "2"), Change("y", "", "3")], "new": [Change("y", "", "3")]}


def test_what_lies_between_two_bases() -> None:
    moves = Moves({**OLD, "main": []})
    assert moves.between("old", "new") == (Change("x", "1", "2"),)
    assert set(moves.between("old", "main")) == set(OLD["old"])
    assert moves.between("new", "new") == ()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # What the integration branch changed between their bases is in the newer of the two.
        (keys("x", base="old"), keys("z", base="new"), True),
        (keys("q", base="old"), keys("z", base="new"), False),
        (keys("z", base="old"), keys("z", base="new"), True),
        (keys("x", base="old"), keys("z", base="old"), False),
    ],
)
def test_pairs_with_different_bases(one: Keys, other: Keys, expected: bool) -> None:
    moves = Moves({**OLD, "main": []})
    assert pair_may_conflict(one, other, moves) is expected
    assert pair_may_conflict(other, one, moves) is expected
