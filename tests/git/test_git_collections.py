"""A user's `git gc --prune=now` at the worst moment breaks no candidate and loses nothing kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.core import faults
from gangsaw.core.errors import UserError
from gangsaw.git import (
    GitFailed,
    Removed,
    add_worktree,
    build_candidate,
    is_kept,
    keep_attempt,
    remove_kept,
)
from gangsaw.git.candidates import Candidate
from gangsaw.git.collecting import await_collection, collection_runs
from tests.git.git_yard import Yard, sure

BRANCH = "gangsaw/r1/x.1"
REPEATS_MAX = 3
DEAD_PID = 2**22 + 1
"""Above the largest pid that Linux gives."""


@pytest.fixture
def tree(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    return path


def collected_at(yard: Yard, place: int) -> Callable[[str, str], None]:
    """A probe that collects, as a user would, at the `place`th passing of any point."""
    passed = 0

    def probe(point: str, when: str) -> None:
        nonlocal passed
        passed += 1
        if passed == place:
            yard.git("gc", "--quiet", "--prune=now")

    return probe


def persist(step: Callable[[], object]) -> None:
    """As the engine does: an effect that failed is carried out again."""
    for _ in range(REPEATS_MAX):
        try:
            step()
            return
        except GitFailed:
            continue
    raise AssertionError("it fails again and again")


@pytest.mark.parametrize("place", range(1, 9))
def test_a_candidate_survives(yard: Yard, tree: Path, place: int) -> None:
    work = yard.commit(tree, n="work\n")
    onto = yard.commit(m="of the user\n")
    made: list[Candidate] = []

    def build() -> None:
        found = build_candidate(yard.repo, onto, work, "both", 1, run="r1", attempt="x.1")
        made.append(sure(found, Candidate))

    faults.set_probe(collected_at(yard, place))
    try:
        persist(build)
    finally:
        faults.set_probe(None)
    yard.git("gc", "--quiet", "--prune=now")
    commit = made[-1].commit
    assert yard.git("show", f"{commit}:n.txt") == "work"
    assert yard.git("show", f"{commit}:m.txt") == "of the user"


@pytest.mark.parametrize("place", range(1, 13))
def test_what_is_kept_survives(yard: Yard, tree: Path, place: int) -> None:
    yard.commit(tree, n="work\n")
    yard.write("a.txt", "staged\n", tree)
    yard.git("add", "a.txt", at=tree)
    yard.write("a.txt", "on disk\n", tree)
    faults.set_probe(collected_at(yard, place))
    try:
        persist(lambda: keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH))
    finally:
        faults.set_probe(None)
    assert is_kept(yard.repo, tree, BRANCH)
    persist(lambda: sure(remove_kept(yard.repo, "r1", "x.1", tree, BRANCH)[1], Removed))
    yard.git("gc", "--quiet", "--prune=now")
    dirty = "refs/gangsaw/attempts/r1/x.1/dirty"
    assert yard.git("show", f"{dirty}:a.txt") == "on disk"
    assert yard.git("show", f"{dirty.replace('dirty', 'index')}:a.txt") == "staged"


def test_a_collection_that_runs_is_waited_for(yard: Yard, tree: Path) -> None:
    note = yard.root / ".git" / "gc.pid"
    assert not collection_runs(yard.repo)
    note.write_text(f"{DEAD_PID} {os.uname().nodename}")
    assert not collection_runs(yard.repo)
    note.write_text(f"{os.getpid()} some.other.machine")
    assert not collection_runs(yard.repo)
    note.write_text(f"{os.getpid()} {os.uname().nodename}")
    assert collection_runs(yard.repo)
    with pytest.raises(UserError, match="git gc"):
        await_collection(yard.repo, wait_s=0.0)
    note.unlink()
    await_collection(yard.repo, wait_s=0.0)
