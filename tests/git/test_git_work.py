"""The agent's work: looked at, committed, kept, merged into; diffs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.git import (
    Committed,
    Conflicted,
    DirtyWorktree,
    FileChange,
    IndexLocked,
    MergedIn,
    OtherMerge,
    StillConflicted,
    UpToDate,
    Work,
    WorkAstray,
    WorkGone,
    add_worktree,
    begin_merge,
    commit_leftovers,
    conflict_markers,
    diff_text,
    inspect_work,
    is_empty_change,
    work_diffstat,
)
from tests.git.git_yard import Yard, sure

BRANCH = "gangsaw/r1/x.1"
ODD = "ü 'q\"\n$(id)\\.txt"


@pytest.fixture
def tree(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    return path


def test_untouched(yard: Yard, tree: Path) -> None:
    base = yard.head()
    work = inspect_work(yard.repo, tree, BRANCH, base)
    assert isinstance(work, Work)
    assert (work.head, work.branch_tip, work.head_branch) == (base, base, BRANCH)
    assert (work.commits_ahead, work.clean, work.tree) == (0, True, yard.head("main^{tree}"))


def test_every_kind_of_leftover_is_seen_and_committed(yard: Yard, tree: Path) -> None:
    base = yard.head()
    yard.write("a.txt", "changed\n", tree)
    (tree / "b.txt").unlink()
    yard.write(ODD, "odd", tree)
    yard.write("staged.txt", "s", tree)
    yard.git("add", "staged.txt", at=tree)
    yard.write("both.txt", "first", tree)
    yard.git("add", "both.txt", at=tree)
    (tree / "both.txt").unlink()
    (tree / "link").symlink_to("/nowhere")
    yard.write("ignored.log", "i", tree)
    yard.git("init", "-q", str(tree / "nested"))
    work = inspect_work(yard.repo, tree, BRANCH, base)
    assert isinstance(work, Work)
    assert set(work.dirty) == {"a.txt", "b.txt", "staged.txt", "both.txt"}
    assert set(work.untracked) == {ODD, "link", "nested/"}
    made = commit_leftovers(yard.repo, tree, "left\n\nbody", at=5)
    assert made == Committed(yard.head(BRANCH), made=True)
    names = yard.git("ls-tree", "-r", "-z", "--name-only", BRANCH).split("\0")
    assert set(names) - {""} == {".gitignore", "a.txt", "staged.txt", ODD, "link"}
    assert commit_leftovers(yard.repo, tree, "again") == Committed(made.commit, made=False)
    stat = work_diffstat(yard.repo, base, made.commit)
    assert FileChange("a.txt", 1, 3) in stat.files
    assert FileChange(ODD, 1, 0) in stat.files
    assert not is_empty_change(yard.repo, base, made.commit)


def test_a_staged_deletion_and_chosen_paths(yard: Yard, tree: Path) -> None:
    yard.git("rm", "-q", "b.txt", at=tree)
    yard.write("one.txt", "1", tree)
    yard.write("two.txt", "2", tree)
    commit_leftovers(yard.repo, tree, "m", ("one.txt",))
    assert yard.git("status", "--porcelain", at=tree) == "?? two.txt"
    assert "b.txt" not in yard.git("ls-tree", "--name-only", BRANCH)


def test_stale_index_lock(yard: Yard, tree: Path) -> None:
    yard.write("n.txt", "n", tree)
    lock = yard.root / ".git/worktrees/x.1/index.lock"
    lock.touch()
    assert commit_leftovers(yard.repo, tree, "m") == IndexLocked(lock)
    assert lock.exists()
    made = commit_leftovers(yard.repo, tree, "m", stale_lock_ok=True)
    assert sure(made, Committed).made


def test_astray(yard: Yard, tree: Path) -> None:
    base = yard.commit(new="newer")
    work = inspect_work(yard.repo, tree, BRANCH, base)
    assert isinstance(work, WorkAstray)
    assert work.base == base
    yard.git("checkout", "-q", "--orphan", "lonely", at=tree)
    assert sure(inspect_work(yard.repo, tree, BRANCH, base), WorkAstray).head is None


def test_elsewhere_but_descended(yard: Yard, tree: Path) -> None:
    base = yard.head()
    yard.git("checkout", "-q", "--detach", at=tree)
    head = yard.commit(tree, new="n")
    work = inspect_work(yard.repo, tree, BRANCH, base)
    assert isinstance(work, Work)
    assert (work.head, work.head_branch, work.branch_tip) == (head, None, base)


def test_gone(yard: Yard, tree: Path) -> None:
    tree.rename(yard.trees / "y")
    assert inspect_work(yard.repo, tree, BRANCH, "main") == WorkGone(yard.head(BRANCH))


def test_markers_only_new_ones(yard: Yard, tree: Path) -> None:
    yard.write("old.txt", "<<<<<<< ours\n", tree)
    (tree / "kind").symlink_to("a.txt")
    base = yard.commit(tree)
    yard.write("old.txt", "x\n<<<<<<< ours\n", tree)
    yard.write(ODD, "ok\n<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n", tree)
    yard.write("title.rst", "Heading\n=======\n", tree)
    (tree / "b.txt").unlink()
    (tree / "b.txt").symlink_to("a.txt")
    yard.write("z.txt", "<<<<<<<\r\n", tree)
    (tree / "kind").unlink()
    yard.write("kind", "1\n<<<<<<< ours\n", tree)
    commit = yard.commit(tree)
    found = conflict_markers(yard.repo, base, commit)
    assert set(found) == {(ODD, 2), (ODD, 6), ("kind", 2), ("z.txt", 1)}
    assert conflict_markers(yard.repo, base, base) == ()


def test_diff_text(yard: Yard, tree: Path) -> None:
    base = yard.head()
    commit = yard.commit(tree, new="hello\n")
    assert "+hello" in diff_text(yard.repo, base, commit)
    assert "\x1b[" in diff_text(yard.repo, base, commit, color=True)
    assert "new.txt | 1 +" in diff_text(yard.repo, base, commit, stat=True)


def test_merge_without_conflict(yard: Yard, tree: Path) -> None:
    yard.commit(tree, mine="m")
    onto = yard.commit(theirs="t")
    merged = begin_merge(yard.repo, tree, onto)
    assert merged == MergedIn(yard.head(BRANCH))
    assert (tree / "theirs.txt").exists()
    assert begin_merge(yard.repo, tree, onto) == UpToDate(yard.head(BRANCH))


def test_merge_with_conflict_is_left_for_the_agent(yard: Yard, tree: Path) -> None:
    base = yard.head()
    yard.commit(tree, a="mine\n")
    (yard.root / "b.txt").unlink()
    onto = yard.commit(a="theirs\n")
    yard.write("b.txt", "mine too\n", tree)
    assert begin_merge(yard.repo, tree, onto) == DirtyWorktree(("b.txt",))
    yard.commit(tree)
    expected = Conflicted(("a.txt", "b.txt"))
    assert begin_merge(yard.repo, tree, onto) == expected
    assert begin_merge(yard.repo, tree, onto) == expected
    assert isinstance(begin_merge(yard.repo, tree, base), OtherMerge)
    work = sure(inspect_work(yard.repo, tree, BRANCH, base), Work)
    assert work.merging
    assert work.unmerged == ("a.txt", "b.txt")
    assert "|||||||" in (tree / "a.txt").read_text()
    assert commit_leftovers(yard.repo, tree, "m") == StillConflicted(("a.txt", "b.txt"))
    yard.write("a.txt", "both\n", tree)
    assert commit_leftovers(yard.repo, tree, "m") == StillConflicted(("b.txt",))
    yard.git("add", "b.txt", at=tree)
    made = sure(commit_leftovers(yard.repo, tree, "resolved"), Committed)
    assert yard.git("log", "-1", "--format=%P", made.commit).split()[1] == onto
    assert begin_merge(yard.repo, tree, onto) == UpToDate(made.commit)


def test_merge_would_write_over_an_untracked_file(yard: Yard, tree: Path) -> None:
    onto = yard.commit(theirs="t")
    yard.commit(tree, mine="m")
    yard.write("theirs.txt", "precious", tree)
    assert begin_merge(yard.repo, tree, onto) == DirtyWorktree(("theirs.txt",))
    assert (tree / "theirs.txt").read_text() == "precious"


def test_binary_conflict_is_not_taken_as_resolved(yard: Yard, tree: Path) -> None:
    yard.write("p.bin", b"\0\1", tree)
    yard.commit(tree)
    yard.write("p.bin", b"\0\2")
    onto = yard.commit()
    assert begin_merge(yard.repo, tree, onto) == Conflicted(("p.bin",))
    assert commit_leftovers(yard.repo, tree, "m") == StillConflicted(("p.bin",))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["git.leftovers_staged", "git.leftovers_commit"])
def test_leftovers_killed_then_again(yard: Yard, tree: Path, point: str, when: str) -> None:
    yard.write("n.txt", "n", tree)
    assert yard.run_killed(point, when, 'commit_leftovers(repo, trees / "x.1", "m")')
    commit_leftovers(yard.repo, tree, "m")
    assert yard.git("rev-list", "--count", f"main..{BRANCH}") == "1"
    assert yard.git("status", "--porcelain", at=tree) == ""
