"""Taking a landing back without a checkout, and going on from work that was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.git import (
    Candidate,
    Conflict,
    add_worktree,
    begin_merge,
    build_candidate,
    build_undo,
    commit_tree,
    keep_attempt,
    keep_turn,
    read_ref,
    start_from,
    turn_refs,
)
from tests.git.git_yard import Yard, sure

AT = 1_000_000
REF = "refs/gangsaw/attempts/r1/t.1/turn-1"


def worktree(yard: Yard, name: str, base: str) -> Path:
    path = yard.trees / name
    add_worktree(yard.repo, path, f"gangsaw/r1/{name}", base)
    return path


def landed(yard: Yard, onto: str, work: str) -> str:
    """The commit that puts the work on `onto`."""
    made = build_candidate(yard.repo, onto, work, "land\n", AT, run="r1", attempt="t.1")
    return sure(made, Candidate).commit


def undone(yard: Yard, onto: str, commit: str) -> Candidate | Conflict:
    return build_undo(yard.repo, onto, commit, "undo\n", AT, run="r1", name="undo/t")


def done(yard: Yard, name: str, base: str, **files: str) -> str:
    """Work of an attempt, in a worktree of its own."""
    return yard.commit(at=worktree(yard, name, base), message=f"work {name}", **files)


# --- undo ------------------------------------------------------------------------------------


def test_an_undo_is_what_a_revert_would_be(yard: Yard) -> None:
    base = yard.head()
    first = landed(yard, base, done(yard, "t.1", base, x="x\n", b="changed\n"))
    head = landed(yard, first, done(yard, "u.1", first, y="y\n"))
    made = sure(undone(yard, head, first), Candidate)
    assert made == undone(yard, head, first), "carried out again, another commit comes out"
    yard.git("checkout", "-q", head)
    yard.git("revert", "--no-edit", "-m", "1", first)
    assert made.tree == yard.head("HEAD^{tree}")
    assert yard.git("log", "-1", "--format=%P %s", made.commit) == f"{head} undo"
    assert read_ref(yard.repo, "refs/gangsaw/candidates/r1/undo/t") == made.commit


def test_an_undo_in_conflict_names_the_paths(yard: Yard) -> None:
    base = yard.head()
    first = landed(yard, base, done(yard, "t.1", base, b="one\n"))
    head = landed(yard, first, done(yard, "u.1", first, b="two\n"))
    assert sure(undone(yard, head, first), Conflict).paths == ("b.txt",)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["git.reverse_commit", "git.candidate_commit", "git.ref_set"])
def test_an_undo_that_was_killed_is_done_again(yard: Yard, point: str, when: str) -> None:
    base = yard.head()
    first = landed(yard, base, done(yard, "t.1", base, x="x\n"))
    step = f"build_undo(repo, '{first}', '{first}', 'undo\\n', {AT}, run='r1', name='undo/t')"
    assert yard.run_killed(point, when, step)
    made = sure(undone(yard, first, first), Candidate)
    assert made.tree == yard.head(f"{base}^{{tree}}")


# --- turns -----------------------------------------------------------------------------------


def kept(yard: Yard, path: Path, base: str, launch: int = 1) -> str | None:
    return keep_turn(yard.repo, "r1", "t.1", launch, path, base)


def test_a_turn_is_kept_with_what_it_left_uncommitted(yard: Yard) -> None:
    base = yard.head()
    path = worktree(yard, "t.1", base)
    assert kept(yard, path, base) is None, "nothing has been done yet"
    yard.write("new.txt", "new\n", path)
    assert kept(yard, path, base) == REF
    assert yard.git("show", f"{REF}:new.txt") == "new"
    assert yard.git("status", "--porcelain", at=path) == "?? new.txt"
    first = yard.head(REF)
    yard.commit(at=path, x="x\n")
    assert kept(yard, path, base) == REF
    assert yard.head(REF) == first, "a ref once made has moved"
    assert kept(yard, path, base, 2) == f"{REF[:-1]}2"
    assert yard.head(f"{REF[:-1]}2") == yard.head(at=path)
    assert turn_refs(yard.repo, "r1", "t.1") == (REF, f"{REF[:-1]}2")


def test_the_last_turn_and_what_closing_keeps_are_one(yard: Yard) -> None:
    base = yard.head()
    path = worktree(yard, "t.1", base)
    yard.write("new.txt", "new\n", path)
    assert kept(yard, path, base) == REF
    held = keep_attempt(yard.repo, "r1", "t.1", path, "gangsaw/r1/t.1")
    dirty = "refs/gangsaw/attempts/r1/t.1/dirty"
    assert dirty in held.refs
    assert yard.head(REF) == yard.head(dirty), "one state is held by two commits"


def test_work_without_its_base_is_not_to_be_started_from(yard: Yard) -> None:
    old = yard.head()
    base = yard.commit(x="x\n")
    path = worktree(yard, "t.1", base)
    yard.git("reset", "-q", "--hard", old, at=path)
    yard.write("new.txt", "new\n", path)
    assert kept(yard, path, base) is None
    assert kept(yard, yard.trees / "gone", base) is None


def test_an_unfinished_merge_stays_a_merge(yard: Yard) -> None:
    base = yard.head()
    onto = yard.commit(b="theirs\n")
    path = worktree(yard, "t.1", base)
    yard.commit(at=path, b="ours\n")
    begin_merge(yard.repo, path, onto)
    assert kept(yard, path, base) == REF
    assert yard.git("log", "-1", "--format=%P", REF) == f"{yard.head(at=path)} {onto}"


# --- starting --------------------------------------------------------------------------------


def pin(yard: Yard, commit: str) -> str:
    yard.git("update-ref", REF, commit)
    return REF


def test_work_that_has_not_landed_is_gone_on_from_as_it_is(yard: Yard) -> None:
    base = yard.head()
    work = done(yard, "t.1", base, x="x\n")
    head = landed(yard, base, done(yard, "u.1", base, y="y\n"))
    start = start_from(yard.repo, pin(yard, work), head, "again\n", AT)
    assert (start.commit, start.base) == (work, base)
    assert start_from(yard.repo, pin(yard, work), base, "again\n", AT).base == base


def test_what_was_merged_in_counts_as_base(yard: Yard) -> None:
    base = yard.head()
    path = worktree(yard, "t.1", base)
    yard.commit(at=path, x="x\n")
    onto = landed(yard, base, done(yard, "u.1", base, y="y\n"))
    begin_merge(yard.repo, path, onto)
    head = landed(yard, onto, done(yard, "v.1", onto, z="z\n"))
    start = start_from(yard.repo, pin(yard, yard.head(at=path)), head, "again\n", AT)
    assert (start.commit, start.base) == (yard.head(at=path), onto)


@pytest.mark.parametrize("part", ["all", "first commit", "with files on top"])
def test_work_that_landed_and_was_undone_comes_back(yard: Yard, part: str) -> None:
    base = yard.head()
    path = worktree(yard, "t.1", base)
    first = yard.commit(at=path, x="x\n")
    work = yard.commit(at=path, message="more", x2="x2\n")
    other = landed(yard, base, done(yard, "u.1", base, y="y\n"))
    landing = landed(yard, other, work)
    head = sure(undone(yard, landing, landing), Candidate).commit
    yard.write("late.txt", "late\n", path)
    late = sure(kept(yard, path, base, 7), str)
    commit = {"all": work, "first commit": first, "with files on top": yard.head(late)}[part]
    start = start_from(yard.repo, pin(yard, commit), head, "again\n", AT)
    assert start.base == base
    assert yard.git("log", "-1", "--format=%P", start.commit) == base
    again = landed(yard, head, start.commit)
    names = set(yard.git("ls-tree", "-r", "--name-only", again).splitlines())
    wanted = {"all": {"x.txt", "x2.txt"}, "first commit": {"x.txt"},
              "with files on top": {"x.txt", "x2.txt", "late.txt"}}[part]  # fmt: skip
    assert names == {".gitignore", "a.txt", "b.txt", "y.txt"} | wanted


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_start_that_was_killed_is_found_again(yard: Yard, when: str) -> None:
    base = yard.head()
    work = done(yard, "t.1", base, x="x\n")
    head = landed(yard, base, work)
    step = f"start_from(repo, '{pin(yard, work)}', '{head}', 'again\\n', {AT})"
    assert yard.run_killed("git.start_commit", when, step)
    start = start_from(yard.repo, REF, head, "again\n", AT)
    assert start == start_from(yard.repo, REF, head, "again\n", AT)
    assert yard.head(f"{start.commit}^{{tree}}") == yard.head(f"{work}^{{tree}}")


def test_what_cannot_be_gone_on_from_is_said(yard: Yard) -> None:
    with pytest.raises(UserError, match="is gone"):
        start_from(yard.repo, REF, yard.head(), "again\n", AT)
    alone = commit_tree(yard.repo, yard.repo.tree_of("HEAD"), (), "alone\n", AT)
    with pytest.raises(UserError, match="was not made from"):
        start_from(yard.repo, pin(yard, alone), yard.head(), "again\n", AT)
