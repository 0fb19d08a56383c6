"""Warm slots: exactly the commit, and of everything else only caches that can be believed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.git import WorktreeReady, altered_files, put_back, recycle
from tests.git.git_yard import Yard, plain_env, sure

KEEP = ("__pycache__/", ".cache/")
IMPORT = "import sys; sys.path.insert(0, '.'); import m; print(m.X)"


@pytest.fixture
def slot(yard: Yard) -> Path:
    """A slot with what a check has left in it."""
    yard.write(".gitignore", "*.log\n__pycache__/\n.cache/\nvenv/\n")
    yard.write("m.py", "X = 1\n")
    yard.commit(message="a module")
    path = yard.trees / "slot"
    sure(recycle(yard.repo, path, yard.head(), KEEP), WorktreeReady)
    leave(yard, path)
    return path


def leave(yard: Yard, slot: Path) -> None:
    yard.write(".cache/x", "kept", slot)
    yard.write("deep/er/.cache/x", "kept", slot)
    yard.write("venv/bin/tool", "goes", slot)
    yard.write("junk.log", "goes", slot)
    yard.write("__pycache__/other.cpython-311.pyc", "kept", slot)
    yard.write("untracked/x", "goes", slot)
    assert run_module(slot) == "1"
    later(yard)


def later(yard: Yard) -> None:
    """As if the slot's last checkout had been some seconds ago."""
    stamp = yard.root / ".git/worktrees/slot/gangsaw-checkout"
    at = stamp.stat().st_mtime - 5
    os.utime(stamp, (at, at))


def run_module(slot: Path) -> str:
    env = {key: value for key, value in plain_env().items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", IMPORT], cwd=slot, env=env, capture_output=True, text=True,
        check=True,
    ).stdout.strip()  # fmt: skip


def files(slot: Path) -> set[str]:
    found = {str(each.relative_to(slot)) for each in slot.rglob("*") if each.is_file()}
    return {name for name in found if "__pycache__/m." not in name} - {".git"}


TRACKED = {".gitignore", "a.txt", "b.txt", "m.py"}
CACHES = {".cache/x", "deep/er/.cache/x", "__pycache__/other.cpython-311.pyc"}


def test_only_declared_caches_stay(yard: Yard, slot: Path) -> None:
    sure(recycle(yard.repo, slot, yard.head(), KEEP), WorktreeReady)
    assert files(slot) == TRACKED | CACHES
    later(yard)
    sure(recycle(yard.repo, slot, yard.head()), WorktreeReady)
    assert files(slot) == TRACKED


def test_a_cache_that_git_does_not_ignore_goes(yard: Yard, slot: Path) -> None:
    yard.write(".gitignore", "*.log\n")
    plain = yard.commit(message="nothing is ignored any more")
    sure(recycle(yard.repo, slot, plain, KEEP), WorktreeReady)
    assert files(slot) == TRACKED
    assert yard.git("status", "--porcelain", "--ignored", at=slot) == ""


def test_a_cache_that_the_commit_has_itself_is_the_commits(yard: Yard, slot: Path) -> None:
    yard.write(".cache/x", "of the commit")
    yard.git("add", "-f", ".cache/x")
    theirs = yard.commit(message="tracked")
    sure(recycle(yard.repo, slot, theirs, KEEP), WorktreeReady)
    assert (slot / ".cache/x").read_text() == "of the commit"


def test_byte_code_of_another_source_is_never_believed(yard: Yard, slot: Path) -> None:
    """Same size and, as in the worst case, the same second: Python could not tell them apart."""
    first, at = yard.head(), int((slot / "m.py").stat().st_mtime)
    yard.write("m.py", "X = 2\n")
    second = yard.commit(message="same size")
    for commit, told in ((second, "2"), (first, "1"), (second, "2")):
        sure(recycle(yard.repo, slot, commit, KEEP), WorktreeReady)
        assert ".cache/x" in files(slot)
        os.utime(slot / "m.py", (at, at))
        assert run_module(slot) == told
        os.utime(slot / "m.py", (at, at))
        yard.git("update-index", "--refresh", at=slot)
        later(yard)


def test_within_one_second_no_cache_is_believed(yard: Yard, slot: Path) -> None:
    stamp = yard.root / ".git/worktrees/slot/gangsaw-checkout"
    ahead = stamp.stat().st_mtime + 1000
    os.utime(stamp, (ahead, ahead))
    sure(recycle(yard.repo, slot, yard.head(), KEEP), WorktreeReady)
    assert files(slot) == TRACKED


def test_after_a_check_that_wrote_to_tracked_files_no_cache_is_believed(
    yard: Yard, slot: Path
) -> None:
    yard.write("m.py", "X = 3\n", slot)
    sure(recycle(yard.repo, slot, yard.head(), KEEP), WorktreeReady)
    assert files(slot) == TRACKED
    assert run_module(slot) == "1"


@pytest.mark.parametrize("bit", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_hidden_from_git_does_not_stay(yard: Yard, slot: Path, bit: str) -> None:
    yard.git("update-index", bit, "m.py", at=slot)
    yard.write("m.py", "X = 3\n", slot)
    sure(recycle(yard.repo, slot, yard.head(), KEEP), WorktreeReady)
    assert (slot / "m.py").read_text() == "X = 1\n"
    assert yard.git("ls-files", "-v", "m.py", at=slot) == "H m.py"


def test_what_a_check_changed_is_told_and_put_back(yard: Yard, slot: Path) -> None:
    assert altered_files(yard.repo, slot, yard.head()) == ()
    yard.write("m.py", "X = 3\n", slot)
    (slot / "a.txt").unlink()
    yard.git("mv", "b.txt", "c.txt", at=slot)
    told = altered_files(yard.repo, slot, yard.head())
    assert told == ("a.txt", "b.txt", "c.txt", "m.py")
    yard.git("commit", "-qam", "as if that would help", at=slot)
    assert altered_files(yard.repo, slot, yard.head()) == told
    put_back(yard.repo, slot, yard.head())
    assert altered_files(yard.repo, slot, yard.head()) == ()
    assert (slot / ".cache/x").exists()
