"""Agents that tick their own box in a task file that is tracked: what lands changes the very file
that has the run's marks, and is delivered all the same."""

from __future__ import annotations

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
- [ ] T002 Table in db.sql  \r
\r
Some words between.\r
\r
- [ ] T003 Endpoint in api.ts\r
\r
Some more words.\r
\r
- [ ] T004 Page in page.ts\r
"""
SAID = TASKS.replace("[ ] T00", "[X] T00")
"""What the file is once all have landed: the agents' own ticks."""

TICK = "sed -i 's/\\\\[ \\\\] '$GANGSAW_TASK'/[X] '$GANGSAW_TASK'/' tasks.md"
WORK = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
AGENT = """
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "WORK"]
"""


def ground_of(tmp_path: Path, work: str, name: str = "tasks.md") -> Playground:
    ground = Playground(tmp_path / "ground")
    ground.write("gangsaw.toml", AGENT.replace("WORK", work))
    path = ground.repo / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(TASKS.encode())
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "the feature")
    return ground


def run(ground: Playground, name: str = "tasks.md") -> subprocess.CompletedProcess[str]:
    return ground.call("run", "--from", f"speckit:{name}", "--plain")


def text_of(ground: Playground) -> str:
    return (ground.repo / "tasks.md").read_bytes().decode()


def test_agents_that_tick_their_own_box_stop_no_delivery(tmp_path: Path) -> None:
    ground = ground_of(tmp_path, f"{TICK}; {WORK}")
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text_of(ground) == SAID
    assert ground.git("status", "--porcelain") == ""
    assert (ground.repo / "T004.txt").exists()


def test_marks_of_the_run_stay_beside_the_words_of_agents(tmp_path: Path) -> None:
    """Agents write below the list and tick nothing: the marks are all the run's."""
    ground = ground_of(tmp_path, f"echo $GANGSAW_TASK was here >> tasks.md; {WORK}")
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    words = "".join(f"T00{number} was here\n" for number in (2, 3, 4))
    delivered = ground.git("show", "HEAD:tasks.md")
    assert delivered == (TASKS + words).replace("\r\n", "\n").strip()
    assert text_of(ground) == TASKS.replace("[ ] T00", "[x] T00") + words
    assert ground.git("status", "--porcelain").split() == ["M", "tasks.md"]


def test_words_of_a_person_in_a_task_file_stop_delivery(tmp_path: Path) -> None:
    """They come while T003 is worked on, and stay; nothing of them is delivered over."""
    ground = ground_of(tmp_path, WORK)
    person = f"test $GANGSAW_TASK = T002 || echo mine >> {ground.repo / 'tasks.md'}"
    work = f"{TICK}; {person}; {WORK}"
    ground.write("gangsaw.toml", AGENT.replace("WORK", work))
    ground.git("commit", "-q", "-a", "-m", "a person writes")
    done = run(ground)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "uncommitted changes (tasks.md)" in done.stdout + done.stderr
    assert text_of(ground).endswith("mine\nmine\n")
    assert (ground.repo / "T002.txt").exists()
    assert not (ground.repo / "T004.txt").exists()
    (ground.repo / "tasks.md").write_text(text_of(ground).replace("mine\n", ""), newline="")
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text_of(ground) == SAID


def test_marks_that_a_person_has_committed_are_merged_in(tmp_path: Path) -> None:
    """The first mark is committed while T003 is worked on, whose agent ticks that box, too."""
    ground = ground_of(tmp_path, WORK)
    both = f"{TICK}; {TICK.replace('$GANGSAW_TASK', 'T002')}"
    commit = f"git -C {ground.repo} commit -q -m marks tasks.md"
    work = f"test $GANGSAW_TASK = T002 || {{ {both}; {commit}; }}; {WORK}"
    ground.write("gangsaw.toml", AGENT.replace("WORK", work))
    ground.git("commit", "-q", "-a", "-m", "a person commits")
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text_of(ground) == SAID
    assert ground.git("status", "--porcelain") == ""
    resolved = ground.git("log", "--format=%(trailers:key=Gangsaw-Resolved,valueonly)")
    assert resolved.split() == ["marks"]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize(
    "point",
    ["git.deliver_carried:1", "sources.replace:2", "git.deliver_files:2", "git.ref_move[target]:2"],
)
def test_killed_while_a_marked_task_file_is_delivered(
    tmp_path: Path, point: str, side: str
) -> None:
    """In whatever moment it dies: the next life delivers it, and the file says the same. The first
    agent ticks nothing, so that there is a mark when the second one's work is delivered."""
    ground = ground_of(tmp_path, f"test $GANGSAW_TASK = T002 || {TICK}; {WORK}")
    name, number = point.split(":")
    life = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", f"{name}:{side}:{number}", "--",
         "run", "--from", "speckit:tasks.md", "--plain"],
        cwd=ground.repo, env=ground.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=240, check=False,
    )  # fmt: skip
    assert life.returncode == -signal.SIGKILL, life.stdout + life.stderr
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    # Its mark is like most others by then.
    assert text_of(ground) == SAID
    assert ground.git("status", "--porcelain").split() == ["M", "tasks.md"]
    assert ground.git("diff", "--cached", "--stat") == ""
    assert (ground.repo / "T004.txt").exists()
    assert [path.name for path in ground.repo.iterdir() if ".gangsaw-" in path.name] == []


def test_a_task_file_behind_a_link_stops_no_delivery(tmp_path: Path) -> None:
    ground = ground_of(tmp_path, WORK, "plans/tasks.md")
    (ground.repo / "tasks.md").symlink_to("plans/tasks.md")
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "a link")
    done = run(ground)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text_of(ground) == TASKS.replace("[ ] T00", "[x] T00")
    assert ground.git("status", "--porcelain").split() == ["M", "plans/tasks.md"]
    assert (ground.repo / "T004.txt").exists()
