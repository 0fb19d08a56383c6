"""Refs: create-only and compare-and-swap, repeatable."""

from __future__ import annotations

import pytest

from gangsaw.git import (
    Moved,
    RefCreated,
    RefElsewhere,
    RefTaken,
    create_ref,
    delete_ref,
    move_ref,
    read_ref,
)
from tests.git.git_yard import Yard

REF = "refs/heads/gangsaw/run/r1"


def test_create_is_create_only_and_repeatable(yard: Yard) -> None:
    first, second = yard.head(), yard.commit(new="n")
    assert create_ref(yard.repo, REF, first) == RefCreated(REF)
    assert create_ref(yard.repo, REF, first) == RefCreated(REF)
    assert create_ref(yard.repo, REF, second) == RefTaken(first)
    assert read_ref(yard.repo, REF) == first


def test_move_is_compare_and_swap(yard: Yard) -> None:
    first, second, third = yard.head(), yard.commit(new="n"), yard.commit(new="m")
    assert move_ref(yard.repo, REF, second, first) == RefElsewhere(None)
    create_ref(yard.repo, REF, first)
    assert move_ref(yard.repo, REF, second, first) == Moved(second)
    assert move_ref(yard.repo, REF, second, first) == Moved(second)
    assert move_ref(yard.repo, REF, third, first) == RefElsewhere(second)
    assert read_ref(yard.repo, REF) == second


def test_delete_only_what_is_known(yard: Yard) -> None:
    first, second = yard.head(), yard.commit(new="n")
    create_ref(yard.repo, REF, first)
    assert delete_ref(yard.repo, REF, second) == RefElsewhere(first)
    assert delete_ref(yard.repo, REF, first) == Moved(first)
    assert delete_ref(yard.repo, REF, first) == Moved(first)
    assert read_ref(yard.repo, REF) is None


def test_run_branch_and_attempt_branches_live_side_by_side(yard: Yard) -> None:
    base = yard.head()
    for name in ("gangsaw/run/r1", "gangsaw/r1/x.1", "gangsaw/r1/x.2"):
        assert create_ref(yard.repo, f"refs/heads/{name}", base) == RefCreated(f"refs/heads/{name}")


@pytest.mark.parametrize("when", ["before", "after"])
def test_move_killed_then_again(yard: Yard, when: str) -> None:
    first, second = yard.head(), yard.commit(new="n")
    create_ref(yard.repo, REF, first)
    step = f'move_ref(repo, "{REF}", "{second}", "{first}")'
    assert yard.run_killed("git.ref_move", when, step)
    assert move_ref(yard.repo, REF, second, first) == Moved(second)
    assert read_ref(yard.repo, REF) == second


def test_questions(yard: Yard) -> None:
    first, second = yard.head(), yard.commit(new="n")
    assert yard.repo.resolve("main") == second
    assert yard.repo.resolve("no-such") is None
    assert yard.repo.resolve("f" * 40) is None
    assert yard.repo.resolve("--all") is None
    assert yard.repo.is_ancestor(first, second)
    assert not yard.repo.is_ancestor(second, first)
    assert yard.repo.commit_count(first, second) == 1
    assert yard.repo.tree_of(second) == yard.head("main^{tree}")
