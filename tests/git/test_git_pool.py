"""What comes from the pool is, for whoever gets it, a fresh worktree."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gangsaw.git import (
    POOL_FOLDER,
    Kind,
    NotHeld,
    Pool,
    Removed,
    WorktreeReady,
    add_worktree,
    empty_pool,
    list_worktrees,
    pool_folder,
    remove_kept,
)
from gangsaw.procs import may_write_below
from tests.git.git_yard import Yard, sure

FILES = 12
Way = Callable[[Yard, Path], None]


@pytest.fixture
def large(yard: Yard) -> Yard:
    """With some folders and modes, whose files are older than any note of ours."""
    for number in range(FILES):
        yard.write(f"src/d{number % 3}/f{number}.txt", f"file {number}\n")
    (yard.write("run.sh", "#!/bin/sh\n")).chmod(0o755)
    (yard.root / "link").symlink_to("src/d0")
    yard.commit(message="a tree")
    return yard


def pool_of(yard: Yard, most: int = 2) -> Pool:
    return Pool(yard.trees / "r1" / POOL_FOLDER, most, may_write_below)


def open_one(yard: Yard, name: str, base: str = "main", pool: Pool | None = None) -> Path:
    """A worktree, whose files are older than the note of them, as they are in life."""
    path = yard.trees / "r1" / name
    pool = pool or pool_of(yard)
    made = add_worktree(yard.repo, path, f"gangsaw/r1/{name}", yard.head(base), pool)
    sure(made, WorktreeReady)
    for note in (yard.repo.control_dir / "handed-out").glob("*"):
        later = note.stat().st_mtime + 1
        os.utime(note, (later, later))
    return path


def close(yard: Yard, path: Path, pool: Pool | None = None) -> None:
    branch = f"gangsaw/r1/{path.name}"
    _, gone = remove_kept(yard.repo, "r1", path.name, path, branch, pool=pool or pool_of(yard))
    assert gone == Removed(path)
    assert not path.exists()


def listing(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below: mode and content, whatever git thinks of it."""
    found = {}
    for each in sorted(root.rglob("*")):
        name, mode = str(each.relative_to(root)), os.lstat(each).st_mode
        if name != ".git":
            content = os.readlink(each).encode() if each.is_symlink() else b""
            content = each.read_bytes() if stat.S_ISREG(mode) else content
            found[name] = (mode, content)
    return found


def writings(root: Path) -> dict[str, tuple[int, int]]:
    """Which file each is, and when it was written: its number may be used again."""
    found = {}
    for each in root.rglob("*"):
        if each.is_symlink() or each.is_file():
            about = os.lstat(each)
            found[str(each.relative_to(root))] = (about.st_ino, about.st_mtime_ns)
    return found


def admin(yard: Yard, path: Path) -> Path:
    return yard.root / ".git/worktrees" / path.name


def assert_like_fresh(yard: Yard, path: Path, base: str = "main") -> None:
    """As one that git itself makes of the same commit, beside it."""
    fresh = yard.trees / f"fresh-{path.name}"
    yard.git("worktree", "add", "-q", "--detach", str(fresh), base)
    assert listing(path) == listing(fresh)
    assert yard.git("status", "--porcelain", "--ignored", "-uall", at=path) == ""
    assert yard.git("fsck", "--connectivity-only", "--no-dangling") == ""
    entries = yard.git("ls-files", "-v", "--stage", at=path)
    assert entries == yard.git("ls-files", "-v", "--stage", at=fresh)
    records = {each.name for each in admin(yard, path).iterdir()} - {"gangsaw-kind"}
    assert records <= {each.name for each in admin(yard, fresh).iterdir()}
    branch = f"refs/heads/gangsaw/r1/{path.name}"
    assert yard.git("symbolic-ref", "HEAD", at=path) == branch
    assert yard.head(at=path) == yard.head(base)
    assert set(yard.git("reflog", "--format=%H", "HEAD", at=path).split()) == {yard.head(base)}
    entry = next(each for each in list_worktrees(yard.repo) if each.path == path)
    assert entry.kind is Kind.ATTEMPT
    yard.git("worktree", "remove", "--force", str(fresh))


def test_untouched_files_come_again(large: Yard) -> None:
    first = open_one(large, "a.1")
    assert_like_fresh(large, first)
    before = writings(first)
    large.write("src/d0/f0.txt", "changed\n", first)
    large.commit(first, n="work")
    close(large, first)
    assert large.git("worktree", "list").count("\n") == 0
    second = open_one(large, "b.1")
    assert_like_fresh(large, second)
    after = writings(second)
    same = {name for name in before if after.get(name) == before[name]}
    assert same == set(before) - {".git", "src/d0/f0.txt"}, "or nothing was saved"
    large.commit(second, m="goes on")
    assert large.git("status", "--porcelain", at=second) == ""


def test_another_commit_is_handed_out_as_well(large: Yard) -> None:
    close(large, open_one(large, "a.1"))
    large.git("mv", "src/d1", "elsewhere")
    large.write("src/d0/f0.txt", "changed\n")
    (large.root / "run.sh").chmod(0o644)
    large.commit(message="much is other")
    path = open_one(large, "b.1")
    assert_like_fresh(large, path)
    close(large, path)
    assert_like_fresh(large, open_one(large, "c.1", "main~1"), "main~1")


def _ignored(yard: Yard, at: Path) -> None:
    yard.write("secret.log", "of the neighbour", at)
    yard.write("src/d0/deep/environment/x.log", "of the neighbour", at)


def _untracked(yard: Yard, at: Path) -> None:
    yard.write("src/new/file.txt", "of the neighbour", at)
    (at / "src" / "empty").mkdir()


def _same_size_and_time(yard: Yard, at: Path) -> None:
    file = at / "src/d0/f0.txt"
    was = file.stat()
    file.write_text("FILE 0\n")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def _modes(yard: Yard, at: Path) -> None:
    (at / "a.txt").chmod(0o444)
    (at / "src/d0/f0.txt").chmod(0o600)
    (at / "src/d1").chmod(0o777)
    (at / "run.sh").chmod(0o644)


def _read_only_folder(yard: Yard, at: Path) -> None:
    (at / "src/d2").chmod(0o555)


def _hard_link(yard: Yard, at: Path) -> None:
    os.link(at / "a.txt", yard.trees / "outside.txt")


def _copied_by_links(yard: Yard, at: Path) -> None:
    (yard.trees / "backup").mkdir()
    for each in (at / "src/d0").iterdir():
        os.link(each, yard.trees / "backup" / each.name)


def _folder_moved_out(yard: Yard, at: Path) -> None:
    """The very files, untouched, but behind a link that leads out of the worktree."""
    os.rename(at / "src/d0", yard.trees / "moved")
    (at / "src/d0").symlink_to(yard.trees / "moved")


def _link_replaced(yard: Yard, at: Path) -> None:
    (at / "link").unlink()
    (at / "link").symlink_to("/etc")


def _hidden(yard: Yard, at: Path) -> None:
    yard.git("update-index", "--assume-unchanged", "a.txt", at=at)
    yard.git("update-index", "--skip-worktree", "b.txt", at=at)
    yard.write("a.txt", "hidden\n", at)
    yard.write("b.txt", "hidden\n", at)


def _sparse(yard: Yard, at: Path) -> None:
    yard.git("sparse-checkout", "set", "--cone", "src/d0", at=at)


def _own_settings(yard: Yard, at: Path) -> None:
    yard.git("config", "extensions.worktreeConfig", "true", at=at)
    yard.git("config", "--worktree", "core.hooksPath", "/tmp/evil", at=at)
    yard.git("config", "--unset", "extensions.worktreeConfig", at=at)


def _in_progress(yard: Yard, at: Path) -> None:
    yard.commit(at, side="one\n")
    yard.git("checkout", "-q", "-b", "other", "main", at=at)
    yard.commit(at, side="two\n")
    yard.git("merge", "gangsaw/r1/a.1", at=at, ok=False)
    yard.git("bisect", "start", at=at)


def _detached(yard: Yard, at: Path) -> None:
    yard.git("checkout", "-q", "--detach", at=at)
    yard.commit(at, n="lone")


def _index_gone(yard: Yard, at: Path) -> None:
    (admin(yard, at) / "index").unlink()
    (admin(yard, at) / "index.lock").touch()


def _pointer_gone(yard: Yard, at: Path) -> None:
    (at / ".git").unlink()


def _everything_gone(yard: Yard, at: Path) -> None:
    for each in at.iterdir():
        if each.name != ".git":
            os.rename(each, yard.trees / each.name)


def _odd_names(yard: Yard, at: Path) -> None:
    yard.write("ä b'\n/x\ty", "odd", at)


def _staged(yard: Yard, at: Path) -> None:
    yard.write("a.txt", "staged\n", at)
    yard.git("add", "-A", at=at)
    yard.write("a.txt", "one\ntwo\nthree\n", at)


WAYS: list[Way] = [
    _ignored, _untracked, _same_size_and_time, _modes, _read_only_folder, _hard_link,
    _copied_by_links, _folder_moved_out, _link_replaced, _hidden, _sparse, _own_settings,
    _in_progress, _detached, _index_gone, _pointer_gone, _everything_gone, _odd_names, _staged,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_neighbour_is_there(large: Yard, way: Way) -> None:
    first = open_one(large, "a.1")
    way(large, first)
    close(large, first)
    outside = {str(each): each.read_bytes() for each in large.trees.glob("moved/*")}
    second = open_one(large, "b.1")
    with suppress(AssertionError):  # `config` says it is not there where the way has not set it
        large.git("config", "--unset", "extensions.worktreeConfig")
    assert_like_fresh(large, second)
    assert outside == {str(each): each.read_bytes() for each in large.trees.glob("moved/*")}
    held = large.trees / "outside.txt"
    if held.exists():
        held.write_text("written through another name\n")
        assert (second / "a.txt").read_text() == "one\ntwo\nthree\n"


def test_a_process_in_an_old_folder_is_not_in_the_new(large: Yard) -> None:
    """As a container is that has the folder mounted."""
    first = open_one(large, "a.1")
    inside = [os.open(first / name, os.O_RDONLY | os.O_DIRECTORY) for name in (".", "src/d0")]
    try:
        close(large, first)
        second = open_one(large, "b.1")
        for descriptor in inside:
            with pytest.raises(FileNotFoundError):
                os.open("left.txt", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
        assert_like_fresh(large, second)
    finally:
        for descriptor in inside:
            os.close(descriptor)


def test_a_file_that_somebody_may_still_write_to_does_not_come_again(large: Yard) -> None:
    first = open_one(large, "a.1")
    with (first / "a.txt").open("r+") as file:
        close(large, first)
        assert not (pool_of(large).folder).exists()
        second = open_one(large, "b.1")
        file.write("of the neighbour")
        file.flush()
        assert_like_fresh(large, second)


def test_files_written_in_the_instant_of_the_note_do_not_come_again(large: Yard) -> None:
    first = open_one(large, "a.1")
    before = writings(first)
    for note in (large.repo.control_dir / "handed-out").glob("*"):
        at = os.lstat(first / "a.txt").st_ctime_ns
        os.utime(note, ns=(at, at))
    close(large, first)
    second = open_one(large, "b.1")
    assert writings(second)["a.txt"] != before["a.txt"]
    assert_like_fresh(large, second)


@pytest.mark.parametrize("change", ["settings", "attributes", "own attributes"])
def test_files_that_might_be_written_otherwise_now_are(large: Yard, change: str) -> None:
    first = open_one(large, "a.1")
    before = writings(first)
    close(large, first)
    if change == "settings":
        large.git("config", "core.autocrlf", "true")
    elif change == "attributes":
        large.write(".gitattributes", "*.txt eol=crlf\n")
        large.commit(message="other ends of lines")
    else:
        large.write(".git/info/attributes", "*.txt eol=crlf\n")
    second = open_one(large, "b.1")
    assert (second / "a.txt").read_bytes() == b"one\r\ntwo\r\nthree\r\n"
    assert not set(before.values()) & set(writings(second).values())


@pytest.mark.parametrize("way", ["submodule", "sparse", "per worktree", "odd index", "shared"])
def test_out_of_the_ordinary_each_is_made_afresh(
    large: Yard, make_yard: Callable[..., Yard], way: str
) -> None:
    if way == "submodule":
        library = make_yard("library")
        large.git("-c", "protocol.file.allow=always", "submodule", "add", "-q",
                  str(library.root), "lib")  # fmt: skip
        large.commit(message="with submodule")
    elif way == "sparse":
        large.git("sparse-checkout", "set", "--cone", "src/d0")
    elif way == "per worktree":
        large.git("config", "extensions.worktreeConfig", "true")
    elif way == "shared":
        large.git("config", "core.sharedRepository", "group")
    else:
        large.git("config", "index.version", "4")
    first = open_one(large, "a.1")
    before = writings(first)
    assert large.git("status", "--porcelain", at=first) == ""
    close(large, first)
    second = open_one(large, "b.1")
    assert large.git("status", "--porcelain", at=second) == ""
    assert not set(before.values()) & set(writings(second).values())
    if way == "sparse":
        assert not (second / "src/d1").exists(), "as in the user's checkout"


def test_what_no_ref_can_hold_stays_where_it_is(large: Yard) -> None:
    first = open_one(large, "a.1")
    nested = first / "nested"
    large.git("init", "-q", str(nested))
    large.commit(nested, n="own")
    _, gone = remove_kept(large.repo, "r1", "a.1", first, "gangsaw/r1/a.1", pool=pool_of(large))
    sure(gone, NotHeld)
    assert (nested / "n.txt").exists()
    assert not pool_of(large).folder.exists()


def test_the_pool_is_bounded_and_can_be_switched_off(large: Yard) -> None:
    paths = [open_one(large, f"a.{number}") for number in range(1, 5)]
    close(large, paths[0], pool_of(large, 0))
    assert not pool_of(large).folder.exists()
    for path in paths[1:]:
        close(large, path)
    assert len(list(pool_of(large).folder.iterdir())) == 2
    assert not list(large.trees.glob("r1/.gangsaw-removed*"))
    again = [open_one(large, f"b.{number}") for number in range(1, 4)]
    assert len({os.lstat(path / "a.txt").st_ino for path in again}) == 3
    for path in again:
        assert_like_fresh(large, path)


def test_emptied_it_leaves_nothing(large: Yard) -> None:
    close(large, open_one(large, "a.1"))
    folder = pool_of(large).folder
    assert pool_folder(large.repo, "r1") == folder
    for _ in range(2):
        empty_pool(large.repo, folder)
        assert pool_folder(large.repo, "r1") is None
        assert list((large.trees / "r1").iterdir()) == []
    for name in ("handed-out", "pools", "making", "drafts"):
        assert list((large.repo.control_dir / name).glob("*")) == []


ADD = 'add_worktree(repo, trees / "r1/b.1", "gangsaw/r1/b.1", repo.resolve("main"), pool)'
CLOSE = 'remove_kept(repo, "r1", "a.1", trees / "r1/a.1", "gangsaw/r1/a.1", pool=pool)'
SETUP = 'pool = Pool(trees / "r1" / POOL_FOLDER, 2, lambda folder: False)\n'


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", ["git.pool_take", "git.admin_drop", "git.pool_fill"])
def test_killed_while_it_is_filled(large: Yard, point: str, when: str) -> None:
    first = open_one(large, "a.1")
    work = large.commit(first, n="work")
    large.write("left.txt", "left", first)
    assert large.run_killed(point, when, SETUP + CLOSE)
    close(large, first)
    assert large.head("refs/gangsaw/attempts/r1/a.1/work") == work
    assert large.git("show", "refs/gangsaw/attempts/r1/a.1/dirty:left.txt") == "left"
    kept = large.git("for-each-ref", "--format=%(refname)", "refs/gangsaw").split("\n")
    assert len(kept) == 2, "nothing that was taken apart looks like work"
    assert_like_fresh(large, open_one(large, "b.1"))
    empty_pool(large.repo, pool_of(large).folder)
    assert sorted(os.listdir(large.trees / "r1")) == ["b.1"]
    assert [each.path.name for each in list_worktrees(large.repo)] == ["repo", "b.1"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "point", ["git.making_note", "git.ref_create", "git.worktree_add", "git.making_done"]
)
def test_killed_while_it_is_handed_out(large: Yard, point: str, when: str) -> None:
    close(large, open_one(large, "a.1"))
    assert large.run_killed(point, when, SETUP + ADD)
    assert_like_fresh(large, open_one(large, "b.1"))
    assert not list((large.repo.control_dir / "making").iterdir())
    assert not list((large.repo.control_dir / "drafts").iterdir())


def test_killed_between_files_and_records(large: Yard) -> None:
    """The files lie at their new place, and git knows nothing of them yet."""
    close(large, open_one(large, "a.1"))
    path = large.trees / "r1/b.1"
    assert large.run_killed("git.worktree_add", "before", SETUP + ADD)
    entry = next(pool_of(large).folder.iterdir())
    (entry / "ready").unlink()
    os.rename(entry / "files", path)
    (path / ".git").write_text("gitdir: /nowhere\n")
    assert_like_fresh(large, open_one(large, "b.1"))


def test_no_git_ever_sees_a_half_made_worktree(large: Yard, tmp_path: Path) -> None:
    """Its records are complete when they come to their place, and so is what they point to."""
    seen = tmp_path / "seen"
    watching = f"""
import sys
def hook(event, given):
    if event == "os.rename" and "/.git/worktrees/" in str(given[1]):
        records = sorted(each.name for each in Path(given[0]).iterdir())
        pointer = (trees / "r1/b.1/.git").read_text()
        Path({str(seen)!r}).write_text(" ".join([*records, pointer]))
sys.addaudithook(hook)
"""
    assert not large.run_killed("never", "before", SETUP + watching + ADD)
    admin = large.root / ".git/worktrees/b.1"
    records = "HEAD commondir gangsaw-kind gitdir logs"
    assert seen.read_text() == f"{records} gitdir: {admin}\n"
    assert_like_fresh(large, large.trees / "r1/b.1")
