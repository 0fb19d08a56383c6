"""What worktrees and slots cost on a repository of some size, beside making them afresh."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gangsaw.git import (
    POOL_FOLDER,
    Pool,
    Repository,
    WorktreeReady,
    add_worktree,
    recycle,
    remove_kept,
    remove_worktree,
)
from gangsaw.git.scratch import make_scratch_repository
from gangsaw.procs import may_write_below
from gangsaw.testing.bench_figures import Figure, measure

LINES = 100
"""Functions in each file."""
CHANGED = 20
KEEP = ("__pycache__/",)


@contextmanager
def ground(files: int) -> Iterator[tuple[Repository, Path, list[str]]]:
    """A repository with so many Python files, a folder beside it, and two commits in it some files
    apart."""
    with tempfile.TemporaryDirectory(prefix="gangsaw-bench-") as folder:
        texts = {f"p{n % 40}/m{n}.py": _module(n) for n in range(files)}
        texts[".gitignore"] = "__pycache__/\n"
        repo = make_scratch_repository(Path(folder) / "repo", texts)
        first = repo.git("rev-parse", "HEAD").text
        for number in range(CHANGED):
            name = repo.root / f"p{number}" / f"m{number}.py"
            name.write_text(_module(number + files))
        repo.git("commit", "-q", "-a", "-m", "some files change", place=repo.here)
        yield repo, Path(folder) / "trees", [first, repo.git("rev-parse", "HEAD").text]


def _module(number: int) -> str:
    return "".join(f"def f{number}_{line}(x):\n    return x + {line}\n" for line in range(LINES))


def pool_costs(quick: bool) -> list[Figure]:
    """A worktree handed out from the pool, beside one made afresh, in turns."""
    files, rounds = (500, 3) if quick else (2000, 5)
    fresh: list[float] = []
    pooled: list[float] = []
    given: list[float] = []
    removed: list[float] = []
    with ground(files) as (repo, trees, commits):
        pool = Pool(trees / "r1" / POOL_FOLDER, 1, may_write_below)

        def add(number: int, into: list[float], pool: Pool | None) -> Path:
            path, base = trees / "r1" / f"x.{number}", commits[number // 2 % 2]
            made: list[object] = []
            branch = f"gangsaw/r1/x.{number}"
            cost = measure(lambda: made.append(add_worktree(repo, path, branch, base, pool)))
            into.append(cost.cpu_s)
            assert isinstance(made[0], WorktreeReady)
            return path

        def close(path: Path, into: list[float], pool: Pool | None) -> None:
            branch = f"gangsaw/r1/{path.name}"
            cost = measure(lambda: remove_kept(repo, "r1", path.name, path, branch, pool=pool))
            into.append(cost.cpu_s)

        close(add(0, [], pool), [], pool)
        for number in range(1, rounds + 1):
            close(add(2 * number, fresh, None), removed, None)
            close(add(2 * number + 1, pooled, pool), given, pool)
    plain, ours, gone, back = (
        statistics.median(each) * 1000 for each in (fresh, pooled, removed, given)
    )
    return [
        Figure(f"worktree of {files} files, made afresh: CPU", plain, "ms"),
        Figure(f"the same from the pool, {CHANGED} files apart: CPU", ours, "ms", "afresh",
               ours / plain),
        Figure("closing it, folder removed: CPU", gone, "ms"),
        Figure("closing it, folder to the pool: CPU", back, "ms", "removed", back / gone),
    ]  # fmt: skip


def slot_costs(quick: bool) -> list[Figure]:
    """A check that compiles all, in a warm slot and in a fresh worktree, in turns."""
    files, rounds = (200, 3) if quick else (1000, 3)
    fresh: list[float] = []
    clean: list[float] = []
    warm: list[float] = []
    with ground(files) as (repo, trees, commits):
        slot = trees / "slot"

        def check(path: Path, into: list[float], keep: tuple[str, ...], commit: str) -> None:
            def step() -> None:
                recycle(repo, path, commit, keep)
                argv = [sys.executable, "-m", "compileall", "-q", "."]
                subprocess.run(argv, cwd=path, check=True)

            into.append(measure(step).cpu_s)

        check(slot, [], KEEP, commits[1])
        for number in range(rounds):
            remove_worktree(repo, trees / "fresh")
            check(trees / "fresh", fresh, (), commits[number % 2])
            check(slot, warm, KEEP, commits[number % 2])
            check(trees / "cleaned", clean, (), commits[number % 2])
    plain, emptied, ours = (statistics.median(each) * 1000 for each in (fresh, clean[1:], warm))
    return [
        Figure(f"compiling {files} files in a fresh worktree: CPU", plain, "ms"),
        Figure("the same in a slot that is cleaned: CPU", emptied, "ms", "fresh", emptied / plain),
        Figure("the same in a warm slot: CPU", ours, "ms", "fresh", ours / plain),
    ]
