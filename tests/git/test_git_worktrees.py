"""Worktrees: added in one lane, adopted after a kill, removed without following links."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gangsaw.core import faults
from gangsaw.core.errors import UserError
from gangsaw.git import (
    Kind,
    RemovalBlocked,
    Removed,
    WorktreeBlocked,
    WorktreeReady,
    add_detached,
    add_worktree,
    list_worktrees,
    open_repository,
    recycle,
    remove_worktree,
    sweep_records,
)
from gangsaw.git.refs import list_refs
from tests.git.git_yard import Yard

BRANCH = "gangsaw/r1/x.1"
ADD = f'add_worktree(repo, trees / "x.1", "{BRANCH}", repo.resolve("main"))'
ADD_POINTS = ("git.making_note", "git.ref_create", "git.worktree_add", "git.making_done")
REMOVE_POINTS = ("git.folder_rename", "git.folder_delete", "git.admin_drop")


def assert_whole(yard: Yard, path: Path) -> None:
    assert yard.git("status", "--porcelain", at=path) == ""
    assert (path / "a.txt").read_text() == "one\ntwo\nthree\n"
    assert yard.git("symbolic-ref", "HEAD", at=path) == f"refs/heads/{BRANCH}"
    assert not list((yard.repo.control_dir / "making").iterdir())


def test_add_twice_gives_the_same(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "x.1"
    ready = WorktreeReady(path, BRANCH, base)
    assert add_worktree(yard.repo, path, BRANCH, base) == ready
    yard.commit(path, new="work")
    yard.write("dirty.txt", "d", path)
    assert add_worktree(yard.repo, path, BRANCH, base) == ready
    assert (path / "dirty.txt").exists()
    entry = list_worktrees(yard.repo)[1]
    assert (entry.path, entry.branch, entry.kind, entry.missing) == (
        path, BRANCH, Kind.ATTEMPT, False)  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ADD_POINTS)
def test_add_killed_then_again(yard: Yard, point: str, when: str) -> None:
    assert yard.run_killed(point, when, ADD)
    path = yard.trees / "x.1"
    assert isinstance(add_worktree(yard.repo, path, BRANCH, yard.head()), WorktreeReady)
    assert_whole(yard, path)


def test_half_made_by_gits_own_death(yard: Yard) -> None:
    """A checkout cut short: admin folder, some files, an index.lock, and our note."""
    assert yard.run_killed("git.worktree_add", "after", ADD)
    path = yard.trees / "x.1"
    (path / "a.txt").unlink()
    (yard.root / ".git/worktrees/x.1/index.lock").touch()
    assert isinstance(add_worktree(yard.repo, path, BRANCH, yard.head()), WorktreeReady)
    assert_whole(yard, path)


def test_branch_left_without_a_folder(yard: Yard) -> None:
    base = yard.head()
    yard.git("branch", BRANCH)
    assert isinstance(add_worktree(yard.repo, yard.trees / "x.1", BRANCH, base), WorktreeReady)
    assert_whole(yard, yard.trees / "x.1")


def test_folder_deleted_by_somebody(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, base)
    work = yard.commit(path, new="w")
    os.rename(path, yard.trees / "elsewhere")
    assert isinstance(add_worktree(yard.repo, path, BRANCH, base), WorktreeReady)
    assert yard.head(at=path) == work


def test_lost_detached_head_gets_a_name(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, base)
    yard.git("checkout", "-q", "--detach", at=path)
    work = yard.commit(path, new="w")
    os.rename(path, yard.trees / "elsewhere")
    add_worktree(yard.repo, path, BRANCH, base)
    assert list_refs(yard.repo, "refs/gangsaw/lost") == {f"refs/gangsaw/lost/{work}": work}


def test_blocked_by_what_is_not_ours(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "x.1"
    yard.write("precious.txt", "p", path)
    assert isinstance(add_worktree(yard.repo, path, BRANCH, base), WorktreeBlocked)
    assert (path / "precious.txt").read_text() == "p"
    assert isinstance(remove_worktree(yard.repo, path), RemovalBlocked)
    assert isinstance(remove_worktree(yard.repo, yard.root), RemovalBlocked)
    assert "refs/heads/" + BRANCH not in list_refs(yard.repo)


def test_blocked_by_a_branch_without_the_base(yard: Yard) -> None:
    yard.git("branch", BRANCH)
    newer = yard.commit(new="n")
    made = add_worktree(yard.repo, yard.trees / "x.1", BRANCH, newer)
    assert isinstance(made, WorktreeBlocked)
    assert "does not contain" in made.reason
    assert not (yard.trees / "x.1").exists()


def test_blocked_by_another_checkout(yard: Yard) -> None:
    base = yard.head()
    add_worktree(yard.repo, yard.trees / "x.1", BRANCH, base)
    made = add_worktree(yard.repo, yard.trees / "y.1", BRANCH, base)
    assert isinstance(made, WorktreeBlocked)
    assert str(yard.trees / "x.1") in made.reason


def test_branch_called_gangsaw_is_told(yard: Yard) -> None:
    yard.git("branch", "gangsaw")
    with pytest.raises(UserError, match="refs/heads/gangsaw is in the way"):
        add_worktree(yard.repo, yard.trees / "x.1", BRANCH, yard.head())


def test_no_tracking_even_if_configured(yard: Yard) -> None:
    yard.git("config", "branch.autoSetupMerge", "always")
    before = (yard.root / ".git/config").read_bytes()
    add_worktree(yard.repo, yard.trees / "x.1", BRANCH, yard.head())
    assert (yard.root / ".git/config").read_bytes() == before


def test_sixteen_threads(yard: Yard) -> None:
    """All succeed, and git never makes two at a time (which would fail now and then)."""
    base = yard.head()
    start = threading.Barrier(16)
    making: set[int] = set()
    most: list[int] = []

    def probe(point: str, when: str) -> None:
        if point == "git.worktree_add":
            (making.add if when == "before" else making.discard)(threading.get_ident())
            most.append(len(making))

    def add(number: int) -> WorktreeReady | WorktreeBlocked:
        repo = open_repository(yard.root)
        start.wait()
        return add_worktree(repo, yard.trees / f"x.{number}", f"gangsaw/r1/x.{number}", base)

    faults.set_probe(probe)
    try:
        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(add, range(16)))
    finally:
        faults.set_probe(None)
    assert all(isinstance(one, WorktreeReady) for one in made)
    assert len(list_worktrees(yard.repo)) == 17
    assert max(most) == 1


def test_odd_names(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "ä b'\n.1"
    assert isinstance(add_worktree(yard.repo, path, "gangsaw/r1/ä.1", base), WorktreeReady)
    assert isinstance(add_worktree(yard.repo, path, "gangsaw/r1/ä.1", base), WorktreeReady)
    assert isinstance(remove_worktree(yard.repo, path), Removed)
    assert not path.exists()
    assert len(list_worktrees(yard.repo)) == 1


def test_remove_follows_no_link_and_deletes_read_only_folders(yard: Yard, tmp_path: Path) -> None:
    outside = yard.write("keep.txt", "k", tmp_path / "outside")
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    (path / "link").symlink_to(outside.parent)
    yard.write("deep/er/file", "f", path)
    (path / "deep" / "er").chmod(0o500)
    assert remove_worktree(yard.repo, path) == Removed(path)
    assert remove_worktree(yard.repo, path) == Removed(path)
    assert outside.read_text() == "k"
    assert os.listdir(yard.trees) == []
    assert len(list_worktrees(yard.repo)) == 1
    assert yard.head(BRANCH) == yard.head()


def test_remove_when_the_folder_has_vanished_leaves_other_vanished_ones_alone(yard: Yard) -> None:
    base = yard.head()
    for name in ("x.1", "y.1"):
        add_worktree(yard.repo, yard.trees / name, f"gangsaw/r1/{name}", base)
        os.rename(yard.trees / name, yard.trees / f"moved-{name}")
    remove_worktree(yard.repo, yard.trees / "x.1")
    assert [entry.path.name for entry in list_worktrees(yard.repo)] == ["repo", "y.1"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", REMOVE_POINTS)
def test_remove_killed_then_again(yard: Yard, point: str, when: str) -> None:
    path = yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, yard.head())
    assert yard.run_killed(point, when, 'remove_worktree(repo, trees / "x.1")')
    assert remove_worktree(yard.repo, path) == Removed(path)
    assert os.listdir(yard.trees) == []
    assert len(list_worktrees(yard.repo)) == 1


def test_records_of_a_removed_worktree_stay_readable_for_a_while(yard: Yard) -> None:
    """A git that reads them at that moment would fail; those that begin later pass over them."""
    place = yard.root / ".git/worktrees"
    for name in ("x.1", "y.1"):
        add_worktree(yard.repo, yard.trees / name, f"gangsaw/r1/{name}", yard.head())
        remove_worktree(yard.repo, yard.trees / name)
        assert len(list_worktrees(yard.repo)) == 1
        yard.git("branch", "-D", f"gangsaw/r1/{name}")
    assert sorted(os.listdir(place)) == ["x.1", "y.1"]
    assert (place / "y.1" / "commondir").exists()
    past = (place / "x.1").stat().st_mtime - 60
    os.utime(place / "x.1", (past, past))
    add_worktree(yard.repo, yard.trees / "z.1", "gangsaw/r1/z.1", yard.head())
    remove_worktree(yard.repo, yard.trees / "z.1")
    assert sorted(os.listdir(place)) == ["y.1", "z.1"]
    sweep_records(yard.repo)
    assert os.listdir(place) == []


def test_slot_is_brought_to_exactly_the_commit(yard: Yard) -> None:
    first, second = yard.head(), yard.commit(new="n", a="changed\n")
    slot = yard.trees / "slot"
    assert isinstance(recycle(yard.repo, slot, first), WorktreeReady)
    yard.write("junk.log", "ignored", slot)
    yard.write("junk/x", "untracked", slot)
    yard.git("init", "-q", str(slot / "nested"))
    (slot / "a.txt").unlink()
    (yard.root / ".git/worktrees/slot/index.lock").touch()
    inode = slot.stat().st_ino
    assert recycle(yard.repo, slot, second) == WorktreeReady(slot, None, second)
    assert sorted(os.listdir(slot)) == [".git", ".gitignore", "a.txt", "b.txt", "new.txt"]
    assert slot.stat().st_ino == inode, "made anew although it could be reused"
    assert yard.head(at=slot) == second


@pytest.mark.parametrize("damage", ["pointer", "index", "gone"])
def test_damaged_slot_is_made_anew(yard: Yard, damage: str) -> None:
    base, slot = yard.head(), yard.trees / "slot"
    recycle(yard.repo, slot, base)
    if damage == "pointer":
        (slot / ".git").unlink()
        yard.git("init", "-q", at=slot)
    elif damage == "index":
        (yard.root / ".git/worktrees/slot/index").write_bytes(b"rubbish")
    else:
        os.rename(slot, yard.trees / "gone")
    assert isinstance(recycle(yard.repo, slot, base), WorktreeReady)
    assert yard.git("status", "--porcelain", "--ignored", at=slot) == ""
    assert (slot / ".git").is_file()


def test_recycle_never_touches_an_attempt(yard: Yard) -> None:
    base, path = yard.head(), yard.trees / "x.1"
    add_worktree(yard.repo, path, BRANCH, base)
    yard.write("precious.txt", "p", path)
    assert isinstance(recycle(yard.repo, path, base), WorktreeBlocked)
    assert isinstance(recycle(yard.repo, yard.root, base), WorktreeBlocked)
    assert (path / "precious.txt").exists()


def test_detached_add_is_repeatable(yard: Yard) -> None:
    base = yard.head()
    for _ in range(2):
        assert isinstance(add_detached(yard.repo, yard.trees / "s", base), WorktreeReady)
    assert list_worktrees(yard.repo)[1].kind is Kind.SLOT


def test_submodule_present(yard: Yard, make_yard: Callable[..., Yard]) -> None:
    library = make_yard("library")
    yard.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.root), "lib")
    base = yard.commit(message="with submodule")
    path = yard.trees / "x.1"
    assert isinstance(add_worktree(yard.repo, path, BRANCH, base), WorktreeReady)
    assert isinstance(recycle(yard.repo, yard.trees / "s", base), WorktreeReady)
    assert isinstance(recycle(yard.repo, yard.trees / "s", base), WorktreeReady)
    assert isinstance(remove_worktree(yard.repo, path), Removed)
