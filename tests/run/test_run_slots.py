"""Checks in warm slots: what they find, what they must not believe, and two at a time."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gangsaw.core.events import Judgement
from gangsaw.core.model import Check
from gangsaw.core.settings import SELF_VALIDATING_CACHES
from gangsaw.git import open_repository
from gangsaw.testing.playground import Playground
from gangsaw.verify import CheckRun, Slots, run_checks

WAIT_MAX_S = 60.0


@pytest.fixture
def ground(tmp_path: Path) -> Playground:
    made = Playground(tmp_path / "ground")
    made.write(".gitignore", "target/\n")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "ignore")
    return made


def slots_of(ground: Playground, count: int = 1) -> Slots:
    trees = ground.root / "trees" / "r1"
    return Slots(open_repository(ground.repo), trees, "candidate", count, SELF_VALIDATING_CACHES)


def run_of(ground: Playground, *lines: str, fresh: bool = False, about: str = "t") -> CheckRun:
    head = ground.git("rev-parse", "HEAD")
    checks = tuple(Check(line, ("sh", "-c", line)) for line in lines)
    env = (("PATH", os.environ["PATH"]),)
    folder = ground.root / "checks" / about
    tree = ground.git("rev-parse", "HEAD^{tree}")
    return CheckRun(about, head, tree, checks, folder, env, 60.0, 1.0, fresh=fresh)


def judged(run: CheckRun, slots: Slots) -> tuple[Judgement, str]:
    judgement, results = run_checks(run, slots, threading.Event())
    return judgement, "\n".join(result.tail for result in results)


def later(ground: Playground) -> None:
    """As if the last checkout had been some seconds ago."""
    stamp = ground.repo / ".git/worktrees/candidate-0/gangsaw-checkout"
    at = stamp.stat().st_mtime - 5
    os.utime(stamp, (at, at))


def test_a_cache_stays_unless_a_clean_slot_is_asked_for(ground: Playground) -> None:
    slots = slots_of(ground)
    built = "mkdir -p target; echo built > target/x"
    assert judged(run_of(ground, built), slots)[0] is Judgement.PASSED
    later(ground)
    assert judged(run_of(ground, "test -f target/x"), slots)[0] is Judgement.PASSED
    later(ground)
    cold = run_of(ground, "test ! -e target", fresh=True)
    assert judged(cold, slots)[0] is Judgement.PASSED


def test_a_check_that_changes_tracked_files_is_not_believed(ground: Playground) -> None:
    """Nor is it by an engine that finds it on record; the next check sees the commit again."""
    slots = slots_of(ground)
    run = run_of(ground, "echo other > README.md", "grep -q -v other README.md")
    for _ in range(2):
        judgement, results = run_checks(run, slots, threading.Event())
        assert judgement is Judgement.FAILED
        found = {result.name: result for result in results}
        assert found["echo other > README.md"].judgement is Judgement.FAILED
        assert found["echo other > README.md"].code == 0
        assert "changed tracked files: README.md" in found["echo other > README.md"].note
        assert found["grep -q -v other README.md"].judgement is Judgement.PASSED


def test_two_candidates_are_checked_at_a_time(ground: Playground) -> None:
    """Each check waits for the other to have begun."""
    slots, here = slots_of(ground, 2), ground.root
    wait = (
        "touch {here}/{me}; i=0; until [ -e {here}/{other} ]; do sleep 0.05; i=$((i+1)); "
        "[ $i -lt 1200 ] || exit 1; done"
    )
    runs = [
        run_of(ground, wait.format(here=here, me=me, other=other), about=me)
        for me, other in (("one", "two"), ("two", "one"))
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda run: judged(run, slots)[0], runs))
    assert found == [Judgement.PASSED] * 2
    assert sorted(each.name for each in slots.root.iterdir()) == ["candidate-0", "candidate-1"]
    slots.remove()
    assert not slots.root.exists()


def test_one_at_a_time_always_has_the_warmest_slot(ground: Playground) -> None:
    slots = slots_of(ground, 3)
    for number in range(3):
        assert judged(run_of(ground, f"true {number}"), slots)[0] is Judgement.PASSED
    assert [each.name for each in slots.root.iterdir()] == ["candidate-0"]


def test_a_run_with_a_pool_leaves_nothing(ground: Playground) -> None:
    """One attempt after the other, each in what the one before has left untouched."""
    body = "[ ! -e left.log ] || exit 1; echo $GANGSAW_TASK > left.log; echo x > $GANGSAW_TASK.txt"
    ground.write(".gitignore", "*.log\n")
    ground.git("commit", "-q", "-am", "logs")
    plan = ground.plan(
        [
            {"id": f"t{n}", "prompt": f"{body}; git add -A; git commit -qm w", "checks": ["true"],
             "needs": [f"t{n - 1}"] if n else []}
            for n in range(4)
        ]
    )  # fmt: skip
    done = ground.call("run", plan, "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(ground.root.glob("*-worktrees"))
    assert not list((ground.repo / ".git/worktrees").glob("*"))
    for name in ("handed-out", "pools", "drafts", "making"):
        assert not list((ground.repo / ".git/gangsaw" / name).glob("*"))


def test_clean_removes_the_pool_of_a_run_that_was_left(ground: Playground) -> None:
    plan = ground.plan([{"id": "t", "prompt": "echo x > x; git add x; git commit -qm x"}])
    assert ground.call("run", plan, "--plain").returncode == 0
    folder = ground.root / "repo-worktrees" / "r1" / ".gangsaw-pool"
    (folder / "000").mkdir(parents=True)
    note = ground.repo / ".git/gangsaw/pools/r1"
    note.parent.mkdir(exist_ok=True)
    note.write_text(str(folder))
    shown = json.loads(ground.call("clean", "--dry-run", "--json").stdout)
    assert [each["sort"] for each in shown["leftovers"]] == ["pool"]
    assert ground.call("clean", "--yes").returncode == 0
    assert not folder.parent.exists()
    assert not note.exists()
