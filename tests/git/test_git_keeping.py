"""Keeping: nothing an attempt made is lost when its worktree goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.git import (
    Kept,
    StrandedKind,
    add_worktree,
    is_kept,
    keep_attempt,
    list_kept,
    remove_worktree,
    snapshot_worktree,
    stranded,
)
from gangsaw.git.refs import list_refs
from tests.git.git_yard import Yard

BRANCH = "gangsaw/r1/x.1"
PREFIX = "refs/gangsaw/attempts/r1/x.1"
ODD = "ü 'q\"\n.txt"
KEEP_POINTS = ("git.ref_create", "git.snapshot_staged")


@pytest.fixture
def tree(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    return path


def keep(yard: Yard, tree: Path) -> Kept:
    return keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH)


def make_dirty(yard: Yard, tree: Path) -> None:
    yard.write("a.txt", "staged\n", tree)
    yard.git("add", "a.txt", at=tree)
    yard.write("a.txt", "on disk\n", tree)
    yard.write(ODD, "odd", tree)
    (tree / "b.txt").unlink()
    yard.write("x.log", "ignored", tree)


def test_clean_has_no_snapshot(yard: Yard, tree: Path) -> None:
    assert snapshot_worktree(yard.repo, tree) is None
    assert keep(yard, tree).refs == (f"{PREFIX}/work",)
    assert is_kept(yard.repo, tree)


def test_everything_is_kept_and_the_index_is_untouched(yard: Yard, tree: Path) -> None:
    head = yard.commit(tree, work="w")
    make_dirty(yard, tree)
    index = yard.root / ".git/worktrees/x.1/index"
    before = index.read_bytes()
    assert not is_kept(yard.repo, tree)
    kept = keep(yard, tree)
    assert kept.refs == (f"{PREFIX}/work", f"{PREFIX}/dirty", f"{PREFIX}/index")
    assert index.read_bytes() == before
    assert is_kept(yard.repo, tree)
    assert keep(yard, tree) == kept
    assert yard.head(f"{PREFIX}/work") == head
    assert yard.head(f"{PREFIX}/dirty^") == head
    assert yard.git("show", f"{PREFIX}/dirty:a.txt") == "on disk"
    assert yard.git("show", f"{PREFIX}/dirty:{ODD}") == "odd"
    assert yard.git("show", f"{PREFIX}/index:a.txt") == "staged"
    names = yard.git("ls-tree", "--name-only", f"{PREFIX}/dirty").split("\n")
    assert "b.txt" not in names
    assert "x.log" not in names
    remove_worktree(yard.repo, tree)
    assert yard.git("show", f"{PREFIX}/dirty:a.txt") == "on disk"


def test_other_content_gets_a_number(yard: Yard, tree: Path) -> None:
    yard.write("n.txt", "1", tree)
    keep(yard, tree)
    yard.write("n.txt", "2", tree)
    assert not is_kept(yard.repo, tree)
    assert f"{PREFIX}/dirty-2" in keep(yard, tree).refs
    yard.commit(tree)
    assert keep(yard, tree).refs == (f"{PREFIX}/work-2",)
    assert yard.git("show", f"{PREFIX}/dirty:n.txt") == "1"


def test_branch_elsewhere_and_stashes(yard: Yard, tree: Path) -> None:
    yard.commit(tree, on="branch")
    yard.git("checkout", "-q", "--detach", "main", at=tree)
    yard.write("a.txt", "stashed\n", tree)
    yard.git("stash", at=tree)
    stash = yard.head("refs/stash")
    refs = keep(yard, tree).refs
    assert refs == (f"{PREFIX}/work", f"{PREFIX}/branch", f"refs/gangsaw/stashes/{stash}")
    yard.git("stash", "drop", "-q", at=tree)
    assert yard.git("show", f"refs/gangsaw/stashes/{stash}:a.txt") == "stashed"


def test_conflicted_files_are_kept(yard: Yard, tree: Path) -> None:
    yard.commit(tree, a="mine\n")
    yard.commit(a="theirs\n")
    yard.git("merge", "main", at=tree, ok=False)
    keep(yard, tree)
    assert "<<<<<<<" in yard.git("show", f"{PREFIX}/dirty:a.txt")


def test_nested_repository_is_named_and_not_called_kept(yard: Yard, tree: Path) -> None:
    yard.git("init", "-q", str(tree / "nested"))
    assert keep(yard, tree).left_out == ("nested/",)
    assert not is_kept(yard.repo, tree)


def test_without_a_worktree_the_branch_is_kept(yard: Yard, tree: Path) -> None:
    work = yard.commit(tree, n="n")
    remove_worktree(yard.repo, tree)
    assert keep_attempt(yard.repo, "r1", "x.1", None, BRANCH).refs == (f"{PREFIX}/work",)
    assert keep(yard, tree).refs == (f"{PREFIX}/work",)
    assert yard.head(f"{PREFIX}/work") == work


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", KEEP_POINTS)
def test_keep_killed_then_again(yard: Yard, tree: Path, point: str, when: str) -> None:
    make_dirty(yard, tree)
    step = f'keep_attempt(repo, "r1", "x.1", trees / "x.1", "{BRANCH}")'
    assert yard.run_killed(point, when, step)
    keep(yard, tree)
    assert is_kept(yard.repo, tree)
    assert set(list_refs(yard.repo, PREFIX)) == {
        f"{PREFIX}/{name}" for name in ("work", "dirty", "index")
    }


def test_overview(yard: Yard, tree: Path) -> None:
    yard.commit(tree, message="the work", n="n")
    make_dirty(yard, tree)
    keep(yard, tree)
    kept = {one.ref: one for one in list_kept(yard.repo, "r1")}
    assert kept[f"{PREFIX}/work"].subject == "the work"
    assert kept[f"{PREFIX}/work"].files == ("n.txt",)
    assert set(kept[f"{PREFIX}/dirty"].files) == {"a.txt", "b.txt", ODD}
    assert list_kept(yard.repo, "r2") == ()
    found = {(one.kind, one.name): one for one in stranded(yard.repo, ["refs/heads/main"])}
    assert (StrandedKind.BRANCH, BRANCH) in found
    assert (StrandedKind.KEPT, f"{PREFIX}/dirty") in found
    assert set(found[(StrandedKind.WORKTREE, str(tree))].files) == {"a.txt", "b.txt", ODD}
    remove_worktree(yard.repo, tree)
    landed = stranded(yard.repo, [f"refs/heads/{BRANCH}"])
    assert {one.name for one in landed} == {f"{PREFIX}/dirty", f"{PREFIX}/index"}
