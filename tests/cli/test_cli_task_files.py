"""What commands say of task files of other kinds, and how users name these and what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

TASKS = """\
# Tasks: Goals

## Phase 1: Setup
- [ ] T001 [OVR] Folders — Deps: none

## Phase 2: User Story 1 - Set (Priority: P1)
- [ ] T002 [IMP-A] Table — Deps: T001
- [ ] T003 [IMP-B] Route — Deps: T001

## Phase 3: User Story 2 - See (Priority: P2)
- [ ] T004 [IMP-A] Count — Deps: none
"""


@pytest.fixture
def backlogs(tmp_path: Path) -> Playground:
    """A feature, a folder of workstreams with the same things to be told, and an epic of Beads."""
    ground = Playground(tmp_path / "ground")
    ground.write("specs/003-goals/tasks.md", TASKS)
    ground.write("specs/004-more/tasks.md", TASKS)
    for n in range(5):
        stream = {"id": f"ws-0{n}", "files_scope": [f"{n}/"], "acceptance_tests": ["It is nice"]}
        ground.write(f"workstreams/ws-0{n}.json", json.dumps(stream))
    links = [{"issue_id": "a-1.1", "depends_on_id": "a-1", "type": "parent-child"}]
    epic = {"id": "a-1", "title": "All", "status": "open", "issue_type": "epic"}
    child = {"id": "a-1.1", "title": "One", "status": "open", "dependencies": links}
    other = {"id": "a-2", "title": "Two", "status": "open"}
    lines = [json.dumps(each) + "\n" for each in (epic, child, other)]
    ground.write(".beads/issues.jsonl", "".join(lines))
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "task files")
    return ground


def tasks_of(ground: Playground, *words: str) -> set[str]:
    """The tasks that a run would have."""
    done = ground.call("run", "--dry-run", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {each["task"] for each in json.loads(done.stdout)["tasks"]}


def test_what_is_said_alike_of_many_records_is_said_once(backlogs: Playground) -> None:
    alike = "a test is no command"
    brief = backlogs.call("plan", "show", "--from", "workstreams").stderr
    assert brief.count(alike) == 1
    assert "ws-00: a test is no command: told to who reviews, never run; 4 more like it: gangsaw " \
        "plan check --from workstreams" in brief  # fmt: skip
    whole = backlogs.call("plan", "check", "--from", "workstreams")
    assert whole.stderr.count(alike) == 1
    assert "ws-00: a test is no command: told to who reviews, never run; 4 more like it: " \
        "workstreams/ws-01.json:1, workstreams/ws-02.json:1, workstreams/ws-03.json:1, " \
        "workstreams/ws-04.json:1" in whole.stderr  # fmt: skip
    every = json.loads(backlogs.call("plan", "check", "--from", "workstreams", "--json").stdout)
    assert len([each for each in every["notes"] if alike in each["text"]]) == 5


def test_what_cannot_be_read_is_told_one_by_one(backlogs: Playground) -> None:
    for n in range(5):
        stream = {"id": f"ws-1{n}", "files_scope": ["{{X}}"]}
        backlogs.write(f"workstreams/ws-1{n}.json", json.dumps(stream))
    whole = backlogs.call("plan", "check", "--from", "workstreams").stderr
    places = [
        f"workstreams/ws-1{n}.json:1:1: ws-1{n}: {{{{X}}}} is not filled in" for n in range(5)
    ]
    assert [place for place in places if place not in whole] == []


def test_only_what_is_said_of_an_epic_is_told_where_it_is_run(backlogs: Playground) -> None:
    stream = {"id": "ws-04", "acceptance_tests": ["It is nice"], "depends_on": ["ws-00"]}
    backlogs.write("workstreams/ws-04.json", json.dumps(stream))
    told = backlogs.call("run", "--dry-run", "--from", "workstreams", "--epic", "ws-04").stderr
    lines = [line for line in told.split("\n") if "a test is no command" in line]
    assert [line.split(": ")[3] for line in lines] == ["ws-00", "ws-04"]
    assert "3 more are about what is not a part of ws-04: gangsaw plan check --from workstreams" \
        in told  # fmt: skip


def test_tasks_without_checks_are_told_where_checks_can_be_written(backlogs: Playground) -> None:
    said = backlogs.call("plan", "check", "workstreams").stderr
    assert "workstreams: 5 tasks" in said
    assert '(write run = ["COMMAND"] below [checks] in gangsaw.toml)' in said


def test_a_feature_is_named_by_its_folder(backlogs: Playground) -> None:
    everything = {"T001", "T002", "T003", "T004"}
    for name in ("003-goals", "speckit:specs/003-goals"):
        assert tasks_of(backlogs, "--from", name) == everything, name
    missing = backlogs.call("plan", "check", "--from", "005-none")
    assert missing.returncode == 2
    assert "cannot find 005-none; try a path, or one of speckit" in missing.stderr


def test_a_part_of_a_task_file_is_named_as_the_file_does(backlogs: Playground) -> None:
    feature = ("--from", "003-goals", "--epic")
    assert tasks_of(backlogs, *feature, "US1") == {"T001", "T002", "T003"}
    assert tasks_of(backlogs, *feature, "IMP-A") == {"T001", "T002", "T004"}
    assert tasks_of(backlogs, "--from", "beads", "--epic", "a-1.1") == {"a-1-1"}
    assert tasks_of(backlogs, "--from", "beads", "--only", "a-1.1") == {"a-1-1"}
