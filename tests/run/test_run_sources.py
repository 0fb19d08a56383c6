"""Runs that are begun from a task file: its records are done, and the file says so; whatever dies
on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

TASKS = """\
# Tasks: Reading Goals\r
\r
## Phase 1: Foundation\r
- [x] T001 Contract in docs/contract.md\r
- [ ] T002 [IMP-A] Table in db.sql — Branch: feature/003-reading-goals/impl-data — Deps: T001  \r
- [ ] T003 [IMP-B] Endpoint in api.ts — Branch: feature/003-reading-goals/impl-api — Deps: T002\r
- [ ] no id\r
\r
### Implementor-A\r
- IMP-A → 1a2b3c4 — Sketch\r
\r
### Implementor-B\r
"""
WORK = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
AGENT = f"""
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "{WORK}"]
"""


@pytest.fixture
def goals(tmp_path: Path) -> Playground:
    """A repository with the feature's tasks, committed."""
    ground = Playground(tmp_path / "ground")
    ground.write("gangsaw.toml", AGENT)
    folder = ground.repo / "specs" / "003-reading-goals"
    folder.mkdir(parents=True)
    (folder / "tasks.md").write_bytes(TASKS.encode())
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "the feature")
    return ground


def tasks_text(ground: Playground) -> str:
    path = ground.repo / "specs" / "003-reading-goals" / "tasks.md"
    return path.read_bytes().decode()


def landed_as(ground: Playground) -> dict[str, str]:
    done = ground.call("events", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["body"]["task"]: row["body"]["commit"] for row in rows if row["kind"] == "landed"}


def expected_text(ground: Playground) -> str:
    """The file with nothing changed but what has landed."""
    commits = landed_as(ground)
    text = TASKS.replace("[ ] T002", "[x] T002").replace("[ ] T003", "[x] T003")
    after_a = f"- IMP-A → {commits['T002'][:7]} — T002: Table in db.sql\r\n"
    after_b = f"- IMP-B → {commits['T003'][:7]} — T003: Endpoint in api.ts\r\n"
    text = text.replace("— Sketch\r\n", f"— Sketch\r\n{after_a}")
    return text.replace("### Implementor-B\r\n", f"### Implementor-B\r\n{after_b}")


def test_a_run_of_a_task_file_writes_back_only_what_landed(goals: Playground) -> None:
    done = goals.call("run", "--from", "speckit", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tasks.md:7:1: a box without an id" in done.stderr
    assert tasks_text(goals) == expected_text(goals)
    # The file is the user's and is left uncommitted; that holds up no delivery.
    status = goals.git("status", "--porcelain").splitlines()
    assert status == ["M specs/003-reading-goals/tasks.md"] or status == [
        " M specs/003-reading-goals/tasks.md"
    ]
    assert (goals.repo / "T003.txt").exists()
    again = goals.call("run", "specs/003-reading-goals/tasks.md", "--plain")
    assert again.returncode == 0, again.stderr
    assert "nothing to do" in again.stdout + again.stderr


@pytest.mark.parametrize("point", ["sources.prepare", "sources.replace"])
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("passing", [1, 2])
def test_killed_while_it_writes_the_task_file(
    goals: Playground, point: str, side: str, passing: int
) -> None:
    """In whatever moment it dies: the next life has the file say the same."""
    tasks = "specs/003-reading-goals/tasks.md"
    life = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", f"{point}:{side}:{passing}", "--",
         "run", tasks, "--plain"],
        cwd=goals.repo, env=goals.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip
    assert life.returncode == -signal.SIGKILL, life.stdout + life.stderr
    done = goals.call("run", tasks, "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tasks_text(goals) == expected_text(goals)
    left = [path.name for path in (goals.repo / "specs/003-reading-goals").iterdir()]
    assert left == ["tasks.md"]


def test_a_file_that_refuses_does_not_fail_the_run(goals: Playground) -> None:
    path = goals.repo / "specs" / "003-reading-goals" / "tasks.md"
    goals.write("gangsaw.toml", AGENT.replace(WORK, f"rm -f {path}; {WORK}"))
    goals.git("commit", "-q", "-a", "-m", "somebody removes it")
    done = goals.call("run", "--from", "speckit", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tasks.md cannot be written" in done.stdout + done.stderr
    assert set(landed_as(goals)) == {"T002", "T003"}


def test_what_a_person_settles_meanwhile_is_left_alone(goals: Playground) -> None:
    """T003 is dropped by hand while T002 is worked on: the mark stays."""
    path = goals.repo / "specs" / "003-reading-goals" / "tasks.md"
    drop = f"sed -i 's/\\\\[ \\\\] T003/[-] T003/' {path}"
    goals.write("gangsaw.toml", AGENT.replace(WORK, f"{drop}; {WORK}"))
    goals.git("commit", "-q", "-a", "-m", "a person drops it")
    done = goals.call("run", "--from", "speckit", "--no-watch", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "- [-] T003" in tasks_text(goals)
    assert "- [x] T002" in tasks_text(goals)
