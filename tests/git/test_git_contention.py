"""Worktrees are asked for by many at once while agents are at work in the repository.

Plain git fails in all of this: adds beside each other, readers beside adds, commits beside pollers.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import TurnBrief
from gangsaw.core.model import TurnKind
from gangsaw.git import (
    POOL_FOLDER,
    Pool,
    Removed,
    WorktreeReady,
    add_worktree,
    drop_branch,
    empty_pool,
    list_worktrees,
    open_repository,
    remove_kept,
)
from gangsaw.procs import may_write_below
from tests.git.git_yard import Yard, plain_env, sure

LONG = bool(os.environ.get("GANGSAW_LONG"))
WORKTREES = 960 if LONG else 96
AT_A_TIME = 16
AGENTS = 8 if LONG else 2
ROUNDS_MIN = 3
CLOSED_EACH = 2 if LONG else 4
FILES = 50
AGENT_MAX_S = 900
Figure = Callable[[str, object], None]

# What an agent does over and over until it is told to stop; each command has to succeed.
WORK = """
n=0
try() { "$@" > out 2>&1 || { echo "$*: $(cat out)" >> "$FAILED"; }; }
while [ ! -e "$STOP" ] || [ $n -lt $ROUNDS ]; do
    n=$((n+1))
    echo $n > mine.txt; try git add mine.txt; try git commit -q -m "round $n"
    try git worktree list; try git branch -a; try git log --all -1; try git status
    [ $((n % 5)) = 1 ] && { echo s$n > mine.txt; try git stash push -q -m "$NAME $n"; }
    try git stash list
    echo $n > "$COUNT"
done
"""
POLL = 'while [ ! -e "$STOP" ]; do git status --short > poll || echo "poll: $?" >> "$FAILED"; done'


def agent_env(yard: Yard, name: str, told: Path) -> dict[str, str]:
    """What the engine gives its agents, so far as git is concerned."""
    ambient = tuple(plain_env().items())
    brief = TurnBrief("r1", name, f"{name}.1", 1, TurnKind.WORK, "", "", "", "", ambient=ambient)
    return {
        **dict(process_environment(brief)),
        "FAILED": str(told / "failed"),
        "STOP": str(told / "stop"),
        "NAME": name,
        "ROUNDS": str(ROUNDS_MIN),
        "COUNT": str(told / f"count-{name}"),
    }


@contextmanager
def agents_at_work(yard: Yard, pool: Pool, told: Path) -> Iterator[list[Path]]:
    """Agents, and with each a watcher that polls its status, until the end of the `with`."""
    (yard.root / ".git/info/exclude").write_text("out\npoll\n")
    places, processes = [], []
    try:
        for number in range(AGENTS):
            name = f"agent{number}"
            path = yard.trees / "r1" / f"{name}.1"
            add_worktree(yard.repo, path, f"gangsaw/r1/{name}.1", yard.head(), pool)
            places.append(path)
            for script in (WORK, POLL):
                env = agent_env(yard, name, told)
                processes.append(subprocess.Popen(["sh", "-c", script], cwd=path, env=env))
        yield places
    finally:
        (told / "stop").touch()
        ends = [process.wait(AGENT_MAX_S) for process in processes]
    assert ends == [0] * len(ends)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


def failures(told: Path) -> list[str]:
    return (told / "failed").read_text().splitlines() if (told / "failed").exists() else []


@pytest.mark.guarantee("G8")
def test_many_worktrees_at_once_beside_agents_at_work(
    yard: Yard, told: Path, record_property: Figure
) -> None:
    """Made, some of them from the pool, some of them closed again, by threads that each open the
    repository for themselves; nobody fails, nothing is left."""
    for number in range(FILES):
        yard.write(f"d{number % 7}/f{number}.txt", f"file {number}\n")
    base = yard.commit(message="some files")
    yard.write("a.txt", "of the user\n")
    yard.git("stash", "push", "-q", "-m", "of the user")
    pool = Pool(yard.trees / "r1" / POOL_FOLDER, AT_A_TIME, may_write_below)
    gate = threading.Barrier(AT_A_TIME)

    def ask(worker: int) -> int:
        repo = open_repository(yard.root)
        gate.wait()
        made = 0
        for number in range(worker, WORKTREES, AT_A_TIME):
            name = f"x{number}.1"
            path, branch = yard.trees / "r1" / name, f"gangsaw/r1/{name}"
            sure(add_worktree(repo, path, branch, base, pool), WorktreeReady)
            assert yard.head(at=path) == base
            if number // AT_A_TIME % CLOSED_EACH == 0:
                _, gone = remove_kept(repo, "r1", name, path, branch, pool=pool)
                sure(gone, Removed)
                drop_branch(repo, "r1", name, branch)
            made += 1
        return made

    with agents_at_work(yard, pool, told) as places, ThreadPoolExecutor(AT_A_TIME) as threads:
        made = sum(threads.map(ask, range(AT_A_TIME)))
    rounds = {each.name: int(each.read_text()) for each in told.glob("count-*")}
    assert failures(told) == []
    assert made == WORKTREES
    assert len(rounds) == AGENTS
    assert min(rounds.values()) >= ROUNDS_MIN
    left = {
        f"gangsaw/r1/x{number}.1"
        for number in range(WORKTREES)
        if number // AT_A_TIME % CLOSED_EACH
    }
    left |= {f"gangsaw/r1/{path.name}" for path in places}
    branches = yard.git("for-each-ref", "--format=%(refname:short)", "refs/heads/gangsaw").split()
    assert set(branches) == left, "a branch of nobody, or nobody's branch"
    assert {each.branch for each in list_worktrees(yard.repo)} == left | {"main"}
    for path in places:
        wanted = rounds[f"count-{path.name.removesuffix('.1')}"]
        assert yard.git("rev-list", "--count", f"{base}..HEAD", at=path) == str(wanted)
    assert stashes(yard) == {
        "of the user",
        *(f"agent{who} {n}" for who in range(AGENTS)
          for n in range(1, rounds[f"count-agent{who}"] + 1, 5)),
    }  # fmt: skip
    assert yard.git("fsck", "--connectivity-only", "--no-dangling") == ""
    empty_pool(yard.repo, pool.folder)
    assert not list((yard.trees / "r1").glob(".gangsaw-*"))
    record_property(
        "figure",
        f"{WORKTREES} worktrees asked for {AT_A_TIME} at a time beside {AGENTS} agents "
        f"({sum(rounds.values())} rounds of commit, list, log, stash, status, each with a poller): "
        "0 failures, 0 orphan branches, 0 stashes touched",
    )


def stashes(yard: Yard) -> set[str]:
    lines = yard.git("stash", "list", "--format=%gs").splitlines()
    assert len(lines) == len(set(lines))
    return {line.partition(": ")[2] for line in lines}


def test_removing_worktrees_fails_nobody_who_lists_them(yard: Yard, told: Path) -> None:
    """Packing refs and collecting garbage go on meanwhile."""
    pool = Pool(yard.trees / "r1" / POOL_FOLDER, 0, may_write_below)
    base = yard.head()
    with agents_at_work(yard, pool, told):
        for number in range(40 if LONG else 5):
            path, branch = yard.trees / "r1" / f"x{number}.1", f"gangsaw/r1/x{number}.1"
            sure(add_worktree(yard.repo, path, branch, base), WorktreeReady)
            yard.git("pack-refs", "--all")
            remove_kept(yard.repo, "r1", f"x{number}.1", path, branch)
            drop_branch(yard.repo, "r1", f"x{number}.1", branch)
        yard.git("gc", "-q")
    assert failures(told) == []
    assert yard.git("fsck", "--connectivity-only", "--no-dangling") == ""
