"""A clean can be undone: refs, branches and whole worktrees, whatever moment a kill hits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import (
    Removed,
    WorktreeBlocked,
    add_worktree,
    bring_back_all,
    burden_of,
    cleans,
    create_ref,
    drop_trash,
    keep_attempt,
    next_clean,
    remove_kept,
    restore_state,
    save_state,
    trash_branch,
    trash_ref,
    trash_state,
    trashed,
)
from gangsaw.git.refs import list_refs
from tests.git.git_yard import Yard
from tests.git.test_git_held import BRANCH, PREFIX, WAYS, Way

Snapshot = dict[str, object]
RUNS_MAX = 60


@pytest.fixture
def tree(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    return path


def take(yard: Yard, tree: Path, clean: str) -> None:
    """What `gangsaw clean` does with a worktree and its branch."""
    state = save_state(yard.repo, "r1", "x.1", tree, BRANCH, 1_700_000_000)
    if state is not None:
        trash_state(yard.repo, clean, "r1", "x.1", state)
    _, gone = remove_kept(yard.repo, "r1", "x.1", tree, BRANCH)
    assert isinstance(gone, Removed), gone
    tip = list_refs(yard.repo, f"refs/heads/{BRANCH}").get(f"refs/heads/{BRANCH}")
    if tip is not None:
        assert trash_branch(yard.repo, clean, "r1", "x.1", BRANCH, tip) is None


TAKE = f"""
            state = save_state(repo, "r1", "x.1", trees / "x.1", "{BRANCH}", 1_700_000_000)
            if state is not None:
                trash_state(repo, "c1", "r1", "x.1", state)
            remove_kept(repo, "r1", "x.1", trees / "x.1", "{BRANCH}")
            tip = read_ref(repo, "refs/heads/{BRANCH}")
            if tip is not None:
                trash_branch(repo, "c1", "r1", "x.1", "{BRANCH}", tip)
"""


def snapshot(yard: Yard, tree: Path) -> Snapshot:
    """Everything that has to come back: HEAD, the branch, the index with its bits, what git says,
    each file byte for byte with its mode, the reflog, what was in progress."""
    files: dict[str, object] = {}
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if path.is_symlink():
            files[name] = os.readlink(path)
        elif path.is_file() and name != ".git":
            files[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100))
    admin = Path(yard.git("rev-parse", "--absolute-git-dir", at=tree))
    records = {
        str(path.relative_to(admin)): path.read_bytes().replace(b"\t\n", b"\n")  # as gc writes logs
        for path in sorted(admin.rglob("*"))
        if path.is_file() and path.name not in ("index", "gitdir", "commondir")
    }
    return {
        "head": yard.git("rev-parse", "-q", "--verify", "HEAD", at=tree, ok=False),
        "branches": {k: v for k, v in list_refs(yard.repo, "refs/heads").items() if BRANCH in k},
        "index": yard.git("ls-files", "-v", "--stage", at=tree),
        "status": yard.git("status", "--porcelain=v2", "--branch", "--no-renames", at=tree),
        "files": files,
        "records": records,
    }


REBUILT = [way for way in WAYS if way.__name__ not in ("unborn", "much", "many_tries")]


@pytest.mark.parametrize("way", REBUILT, ids=lambda way: str(way.__name__))
def test_a_worktree_comes_back_as_it_was(yard: Yard, tree: Path, way: Way) -> None:
    way(yard, tree)
    yard.git("status", at=tree)
    before = snapshot(yard, tree)
    clean = next_clean(yard.repo)
    take(yard, tree, clean)
    assert not tree.exists()
    yard.git("gc", "--quiet", "--prune=now")
    assert [each.why for each in bring_back_all(yard.repo, clean) if each.why] == []
    assert snapshot(yard, tree) == before
    assert cleans(yard.repo) == ()


def points(yard: Yard, step: str) -> list[str]:
    """The fault points that a step passes, in order."""
    listing = yard.root.parent / "points"
    yard.run_killed("never", "never", step, listing=listing)
    return listing.read_text().split()


def numbered(passed: list[str]) -> list[tuple[str, int]]:
    """Each passing as its point and how often it has been passed by then."""
    counts: dict[str, int] = {}
    found = []
    for point in passed:
        counts[point] = counts.get(point, 0) + 1
        found.append((point, counts[point]))
    return found


def messy(yard: Yard, tree: Path) -> None:
    """A bit of everything, quickly."""
    yard.commit(tree, n="reset away\n")
    yard.git("reset", "-q", "--hard", "HEAD~1", at=tree)
    yard.commit(tree, w="work\n")
    yard.write("a.txt", "staged\n", tree)
    yard.git("add", "a.txt", at=tree)
    yard.write("a.txt", "on disk\n", tree)
    yard.write("u.txt", "untracked\n", tree)


def every_nth(found: list[tuple[str, int]], least: int) -> list[tuple[str, int]]:
    """All of them in the long form; otherwise each point at least once."""
    if os.environ.get("GANGSAW_LONG"):
        return found
    return [each for each in found if each[1] == 1][:least]


@pytest.mark.guarantee("G9")
def test_a_clean_killed_anywhere_is_repeated_and_undone(
    make_yard: Callable[..., Yard], record_property: Callable[[str, object], None]
) -> None:
    first = make_yard("first")
    prepared(first)
    passings = every_nth(numbered(points(first, TAKE)), RUNS_MAX)
    assert len({point for point, _ in passings}) >= 12
    for number, (spec, count) in enumerate(passings):
        yard = make_yard(f"take{number}")
        tree = prepared(yard)
        before = snapshot(yard, tree)
        point, when = spec.split(":")
        assert yard.run_killed(point, when, TAKE, number=count), spec
        if number % 2:
            yard.git("gc", "--quiet", "--prune=now")
        if number % 3:  # undone at once, or after the clean was repeated
            take(yard, tree, "c2")
        for clean in reversed(cleans(yard.repo)):
            assert [each.why for each in bring_back_all(yard.repo, clean) if each.why] == [], spec
        if not tree.exists():  # killed before anything was in the trash
            raise AssertionError(f"nothing came back after {spec}")
        assert snapshot(yard, tree) == before, spec
        assert cleans(yard.repo) == ()
    record_property("figure", f"clean killed at {len(passings)} points, all undone")


UNDO = "bring_back_all(repo, 'c1')"


@pytest.mark.guarantee("G9")
def test_an_undo_killed_anywhere_is_repeated(
    make_yard: Callable[..., Yard], record_property: Callable[[str, object], None]
) -> None:
    first = make_yard("first")
    take(first, prepared(first), "c1")
    passings = every_nth(numbered(points(first, UNDO)), RUNS_MAX)
    assert len({point for point, _ in passings}) >= 8
    for number, (spec, count) in enumerate(passings):
        yard = make_yard(f"undo{number}")
        tree = prepared(yard)
        before = snapshot(yard, tree)
        take(yard, tree, "c1")
        point, when = spec.split(":")
        assert yard.run_killed(point, when, UNDO, number=count), spec
        if number % 2:
            yard.git("gc", "--quiet", "--prune=now")
        for clean in cleans(yard.repo):
            assert [each.why for each in bring_back_all(yard.repo, clean) if each.why] == [], spec
        assert snapshot(yard, tree) == before, spec
    record_property("figure", f"undo of a clean killed at {len(passings)} points, all completed")


def prepared(yard: Yard) -> Path:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    messy(yard, path)
    yard.git("status", at=path)
    return path


def test_kept_refs_go_and_come_back(yard: Yard, tree: Path) -> None:
    messy(yard, tree)
    keep_attempt(yard.repo, "r1", "x.1", tree, BRANCH)
    refs = list_refs(yard.repo, "refs/gangsaw/attempts")
    assert len(refs) >= 3
    for ref, commit in refs.items():
        assert trash_ref(yard.repo, "c1", ref, commit) is None
        assert trash_ref(yard.repo, "c1", ref, commit) is None
    assert list_refs(yard.repo, "refs/gangsaw/attempts") == {}
    yard.git("gc", "--quiet", "--prune=now")
    bring_back_all(yard.repo, "c1")
    assert list_refs(yard.repo, "refs/gangsaw/attempts") == refs


def test_what_is_in_the_way_is_named_and_stays_in_the_trash(yard: Yard, tree: Path) -> None:
    messy(yard, tree)
    take(yard, tree, "c1")
    create_ref(yard.repo, f"refs/heads/{BRANCH}", yard.head())
    tree.mkdir(parents=True)
    yard.write("mine", "mine\n", tree)
    back = {each.name: each.why for each in bring_back_all(yard.repo, "c1")}
    assert "it is there again" in back[f"refs/heads/{BRANCH}"]
    assert back[str(tree)]
    assert len(trashed(yard.repo, "c1")) == 2
    assert (tree / "mine").read_text() == "mine\n"
    (tree / "mine").unlink()
    yard.git("branch", "-q", "-D", BRANCH)
    assert [each.why for each in bring_back_all(yard.repo, "c1")] == ["", ""]
    assert (tree / "a.txt").read_text() == "on disk\n"


def test_a_branch_checked_out_elsewhere_blocks(yard: Yard, tree: Path) -> None:
    state = save_state(yard.repo, "r1", "x.1", tree, BRANCH, 1)
    assert state is not None
    remove_kept(yard.repo, "r1", "x.1", tree, BRANCH)
    yard.git("worktree", "add", "-q", str(yard.trees / "user"), BRANCH)
    assert isinstance(restore_state(yard.repo, state), WorktreeBlocked)


def test_a_worktree_that_stands_is_left_as_it_is(yard: Yard, tree: Path) -> None:
    messy(yard, tree)
    state = save_state(yard.repo, "r1", "x.1", tree, BRANCH, 1)
    assert state is not None
    yard.write("a.txt", "later\n", tree)
    restore_state(yard.repo, state)
    assert (tree / "a.txt").read_text() == "later\n"


def test_dropping_says_what_nothing_else_holds(yard: Yard, tree: Path) -> None:
    yard.commit(tree, n="12345678\n")
    commit = yard.head(at=tree)
    create_ref(yard.repo, f"{PREFIX}/work", commit)
    assert trash_ref(yard.repo, "c1", f"{PREFIX}/work", commit) is None
    assert burden_of(yard.repo, trashed(yard.repo, "c1")).commits == 0  # its branch has it
    take(yard, tree, "c2")
    kept = f"{PREFIX}/work"
    assert trash_ref(yard.repo, "c2", kept, commit) is None
    items = [each for clean in cleans(yard.repo) for each in trashed(yard.repo, clean)]
    burden = burden_of(yard.repo, items)
    assert (burden.commits >= 1, burden.size >= 9) == (True, True)
    drop_trash(yard.repo, items)
    assert cleans(yard.repo) == ()
    yard.git("gc", "--quiet", "--prune=now")
    assert yard.git("cat-file", "-t", commit, ok=False) == ""
