"""The runner: nothing of the caller's or the repository's own takes part."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.git import (
    Committed,
    Delivered,
    Work,
    add_worktree,
    begin_merge,
    commit_leftovers,
    deliver,
    inspect_work,
    keep_attempt,
    open_repository,
    recycle,
    remove_worktree,
)
from gangsaw.git.locks import held
from gangsaw.git.runner import GitFailed, GitTimedOut, Place, run_git
from tests.git.git_yard import Yard, sure


def trap(path: Path, witness: Path) -> Path:
    """A program that leaves a witness when somebody runs it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho ran >> '{witness}'\nexit 0\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_not_a_repository_is_the_users_trouble(tmp_path: Path, yard: Yard) -> None:
    with pytest.raises(UserError, match="cannot find a git repository"):
        open_repository(tmp_path)


def test_no_commit_yet(tmp_path: Path, yard: Yard) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    yard.git("init", "-q", at=empty)
    with pytest.raises(UserError, match="no commit yet"):
        open_repository(empty)


def test_bare_repository_works(tmp_path: Path, yard: Yard) -> None:
    bare = tmp_path / "bare.git"
    yard.git("clone", "-q", "--bare", str(yard.root), str(bare))
    repo = open_repository(bare)
    assert repo.bare
    assert repo.main_root is None
    base = repo.resolve("main")
    assert base is not None
    add_worktree(repo, tmp_path / "w", "gangsaw/r/x.1", base)
    yard.write("n.txt", "n", tmp_path / "w")
    work = sure(commit_leftovers(repo, tmp_path / "w", "n"), Committed)
    assert deliver(repo, "main", work.commit) == Delivered(work.commit, None)
    assert yard.git("rev-parse", "main", at=bare) == work.commit


def test_opened_from_a_subfolder_and_from_a_linked_worktree(yard: Yard) -> None:
    linked = yard.trees / "own"
    yard.git("worktree", "add", "-q", "-b", "own", str(linked))
    (linked / "deep").mkdir()
    repo = open_repository(linked / "deep")
    assert repo.root == linked
    assert repo.common_dir == yard.root / ".git"
    assert repo.control_dir == yard.root / ".git" / "gangsaw"
    assert repo.main_root == yard.root
    assert repo.head_branch() == "own"
    assert repo.resolve("HEAD") == yard.head()


def test_detached_head(yard: Yard) -> None:
    yard.git("checkout", "-q", "--detach")
    repo = open_repository(yard.root)
    assert repo.head_branch() is None
    assert repo.resolve("HEAD") == yard.head("main")


def test_callers_git_variables_do_not_count(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    repo = open_repository(yard.root)
    assert repo.root == yard.root


def test_default_identity_when_none_is_configured(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = yard.head()
    add_worktree(yard.repo, yard.trees / "t", "gangsaw/r/t.1", base)
    yard.write("n.txt", "n", yard.trees / "t")
    made = sure(commit_leftovers(yard.repo, yard.trees / "t", "n", at=1_000), Committed)
    shown = yard.git("log", "-1", "--format=%an <%ae> %ct", made.commit)
    assert shown == "gangsaw <gangsaw@localhost> 1000"


def test_users_identity_is_used(yard: Yard) -> None:
    yard.git("config", "user.name", "Bea")
    yard.git("config", "user.email", "bea@example.org")
    repo = open_repository(yard.root)
    assert repo.identity.author_name == "Bea"
    assert repo.identity.committer_email == "bea@example.org"


def test_hooks_of_both_kinds_and_fsmonitor_do_not_run(yard: Yard, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    tree = yard.trees / "t"
    base = yard.head()
    names = (
        "pre-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-commit",
        "post-checkout",
        "pre-merge-commit",
        "post-merge",
        "reference-transaction",
        "post-index-change",
    )
    for name in names:
        trap(yard.root / ".git" / "hooks" / name, witness)
        trap(yard.root / ".husky" / name, witness)
    monitor = trap(tmp_path / "monitor", witness)
    config = yard.root / ".git" / "config"
    with config.open("a") as file:
        file.write(f'[core]\n\tfsmonitor = "{monitor}"\n\thooksPath = .husky\n')
    repo = open_repository(yard.root)
    add_worktree(repo, tree, "gangsaw/r/t.1", base)
    yard.write("n.txt", "n", tree)
    inspect_work(repo, tree, "gangsaw/r/t.1", base)
    work = sure(commit_leftovers(repo, tree, "n"), Committed)
    other = repo.git("commit-tree", "-p", base, "-m", "x", f"{base}^{{tree}}",
                     env=repo.identity.environment()).text  # fmt: skip
    begin_merge(repo, tree, other)
    keep_attempt(repo, "r", "t.1", tree, "gangsaw/r/t.1")
    recycle(repo, yard.trees / "slot", work.commit)
    deliver(repo, "main", work.commit)
    remove_worktree(repo, tree)
    assert not witness.exists()
    yard.git("status")
    assert witness.exists(), "the trap itself does not work"


def test_a_replaced_git_pointer_is_not_believed(yard: Yard, tmp_path: Path) -> None:
    """The agent puts a git folder of its own in place of the pointer (A3), and redirects the
    admin folder's common folder (A4)."""
    witness = tmp_path / "witness"
    monitor = trap(tmp_path / "monitor", witness)
    tree = yard.trees / "t"
    base = yard.head()
    add_worktree(yard.repo, tree, "gangsaw/r/t.1", base)
    evil = tmp_path / "evil"
    yard.git("clone", "-q", str(yard.root), str(evil))
    with (evil / ".git" / "config").open("a") as file:
        file.write(f'[core]\n\tfsmonitor = "{monitor}"\n[filter "x"]\n\tclean = "{monitor}"\n')
    (evil / ".git" / "info" / "attributes").write_text("* filter=x\n")
    (tree / ".git").unlink()
    (evil / ".git").rename(tree / ".git")
    admin = yard.root / ".git" / "worktrees" / "t"
    (admin / "commondir").write_text(f"{tree / '.git'}\n")
    yard.write("n.txt", "n", tree)

    work = sure(inspect_work(yard.repo, tree, "gangsaw/r/t.1", base), Work)
    assert (work.head, work.untracked) == (base, ("n.txt",))
    kept = keep_attempt(yard.repo, "r", "t.1", tree, "gangsaw/r/t.1")
    assert len(kept.refs) == 2
    made = sure(commit_leftovers(yard.repo, tree, "n"), Committed)
    assert yard.head("gangsaw/r/t.1") == made.commit
    remove_worktree(yard.repo, tree)
    assert not tree.exists()
    assert not witness.exists()


def test_timeout_kills_git_and_its_children(yard: Yard, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(GitTimedOut):
        run_git(
            ["-c", f"alias.wait=!cat {fifo}", "wait"], Place(None, cwd=yard.root), timeout_s=0.3
        )
    # Nobody reads the pipe any more: opening it for writing finds no reader.
    with pytest.raises(OSError, match="No such device"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)


def test_unexpected_end_rises(yard: Yard) -> None:
    with pytest.raises(GitFailed, match="cat-file"):
        yard.repo.git("cat-file", "blob", "0" * 40)


def test_a_lock_held_elsewhere_is_told(tmp_path: Path) -> None:
    with (
        held(tmp_path / "x.lock"),
        pytest.raises(UserError, match="cannot get the lock"),
        held(tmp_path / "x.lock", wait_s=0.05),
    ):
        pass


def test_the_lane_stays_taken_while_our_git_runs_on(yard: Yard, tmp_path: Path) -> None:
    """We are killed, git goes on: the next life must wait for it, not work beside it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = f"""
from gangsaw.git import open_repository
repo = open_repository({str(yard.root)!r})
with repo.lane() as lock:
    repo.git("-c", "alias.wait=!cat {fifo}", "wait", lock=lock)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    former = subprocess.Popen([sys.executable, "-c", code], env=env)
    with open(fifo, "wb"):  # opens when git's child reads
        former.kill()
        former.wait()
        lane = yard.repo.control_dir / "locks" / "worktrees.lock"
        with pytest.raises(UserError, match="cannot get the lock"), held(lane, wait_s=0.05):
            pass
    with held(lane, wait_s=30):
        pass
