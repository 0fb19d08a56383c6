"""An epic of Beads, run by its id: its tasks are closed where they stand, and it with the last."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

AGENT = """
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm work"]
"""
EPIC = "ghtml-a1b2"
TIME = "2026-03-01T09:00:00Z"


def record(key: str, title: str, *needs: tuple[str, str]) -> dict[str, Any]:
    said = {"status": "open", "priority": 1, "issue_type": "task", "updated_at": TIME}
    links = [{"issue_id": key, "depends_on_id": other, "type": kind} for other, kind in needs]
    return {"id": key, "title": title, **said, **({"dependencies": links} if links else {})}


CHILD = (EPIC, "parent-child")
RECORDS = [
    record(EPIC, "Epic: Feature X"),
    record(f"{EPIC}.1", "Implement component A", CHILD),
    record(f"{EPIC}.2", "Implement component B", CHILD),
    record(f"{EPIC}.3", "Write integration tests", CHILD, (f"{EPIC}.1", "blocks")),
    record("ghtml-zz", "Something else"),
]


@pytest.fixture
def backlog(tmp_path: Path) -> Playground:
    """A repository with the epic, committed."""
    ground = Playground(tmp_path / "ground")
    ground.write("gangsaw.toml", AGENT)
    folder = ground.repo / ".beads"
    folder.mkdir()
    lines = [json.dumps(each, separators=(",", ":")) for each in RECORDS]
    (folder / "issues.jsonl").write_text("\r\n".join(lines) + "\r\n", newline="")
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "the backlog")
    return ground


def lines_in(ground: Playground) -> list[str]:
    return (ground.repo / ".beads" / "issues.jsonl").read_bytes().decode().split("\r\n")


def test_an_epic_is_run_and_closed_with_its_last_task(backlog: Playground) -> None:
    before = lines_in(backlog)
    done = backlog.call("run", "--from", "beads", "--epic", EPIC, "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    after = lines_in(backlog)
    assert after[4:] == before[4:]
    tables = [json.loads(line) for line in after[:4]]
    assert [table["status"] for table in tables] == ["closed"] * 4
    assert all(table["closed_at"] == table["updated_at"] > TIME for table in tables)
    assert tables[0]["close_reason"] == "all of its tasks are closed"
    assert [table["labels"] for table in tables[1:]] == [["phase:merged"]] * 3
    assert [table["assignee"] for table in tables[1:]] == ["gangsaw"] * 3
    assert not any("notes" in table for table in tables)
    events = [json.loads(line) for line in backlog.call("events", "--json").stdout.splitlines()]
    told = [each["body"] for each in events if each["kind"] == "standing.written"]
    phases = [each["phase"] for each in told if each["task"] == told[0]["task"]]
    assert phases[0] == "spawned"
    assert phases[-1] == ""
    assert phases == [each for each in ("spawned", "working", "committed", "") if each in phases]
    head = backlog.git("log", "-1", "--format=%H").strip()
    reasons = [table["close_reason"] for table in tables[1:]]
    assert f"landed as {head[:12]}" in reasons
    for line, table, old in zip(after, tables, before, strict=False):
        kept = {
            name: table[name] for name in json.loads(old) if name not in ("status", "updated_at")
        }
        assert kept.items() <= json.loads(old).items(), line


def test_another_epic_is_not_taken_for_the_run_that_goes_on(backlog: Playground) -> None:
    """The same epic again goes on with the run that was killed; another one says why not."""
    life = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", "sources.prepare:before:1", "--",
         "run", "--from", "beads", "--epic", EPIC, "--plain"],
        cwd=backlog.repo, env=backlog.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert life.returncode == -signal.SIGKILL, life.stdout + life.stderr
    other = backlog.call("run", "--from", "beads", "--epic", "ghtml-zz", "--plain")
    assert other.returncode == 2
    assert "cannot run ghtml-zz: r1 is not finished and has nothing of it" in other.stderr
    again = backlog.call("run", "--from", "beads", "--epic", EPIC, "--plain")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(lines_in(backlog)[0])["status"] == "closed"


def test_an_epic_that_is_not_there_is_told_with_the_nearest(backlog: Playground) -> None:
    done = backlog.call("run", "--from", "beads", "--epic", "ghtml-a1b3")
    assert done.returncode == 2
    assert f"did you mean '{EPIC}'" in done.stderr


def test_a_record_that_was_given_up_is_open_again_and_says_why(backlog: Playground) -> None:
    backlog.write("gangsaw.toml", AGENT.replace("git add -A; git commit -qm work", "exit 3"))
    backlog.git("commit", "-q", "-am", "an agent that fails")
    done = backlog.call("run", "--from", "beads", "--epic", EPIC, "--plain")
    assert done.returncode == 1, done.stdout + done.stderr
    tables = [json.loads(line) for line in lines_in(backlog)[:4]]
    assert [table["status"] for table in tables] == ["open"] * 4
    assert not any("assignee" in table or "labels" in table for table in tables)
    notes = tables[1]["notes"].splitlines()
    assert notes[-1].startswith("gangsaw: given up: ")
    assert len(notes) == len(set(notes))
    assert "notes" not in tables[3]  # it was never begun
