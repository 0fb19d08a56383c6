"""Runs of a backlog that `bd` keeps: asked for its records and told how they stand, with the real
program of gangsaw and a stand-in for `bd` on the PATH."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gangsaw.cli.syncing import HOOK_TIMEOUT_S, asking_of_hook
from gangsaw.engine.asking import TIMEOUT_S
from gangsaw.sources.programs import Call, Unanswered
from gangsaw.testing.playground import Playground
from tests.sources.bd_standin import GENERATIONS, calls_in, install, make, records_in

TESTS = Path(__file__).parents[1]
AGENT = """
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "{work}"]
"""
WORK = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm work"
CLAIMED = (
    "n=0; until grep -q update.*$(echo $GANGSAW_TASK | tr - .) {folder}/calls.jsonl; "
    "do n=$((n+1)); [ $n -lt 2000 ] || exit 8; sleep 0.02; done; "
)
"""An agent may be quicker than `bd`; this one waits until it was told of its task."""

EPIC = "ghtml-a1b2"


def record(key: str, *needs: tuple[str, str], **more: Any) -> dict[str, Any]:
    links = [{"issue_id": key, "depends_on_id": other, "type": kind} for other, kind in needs]
    table = {"id": key, "title": f"Do {key}", "status": "open", "priority": 1, "issue_type": "task"}
    return {**table, **({"dependencies": links} if links else {}), **more}


CHILD = (EPIC, "parent-child")
RECORDS = [
    record(EPIC, issue_type="epic"),
    record(f"{EPIC}.1", CHILD),
    record(f"{EPIC}.2", CHILD),
    record(f"{EPIC}.3", CHILD, (f"{EPIC}.1", "blocks")),
    record("ghtml-zz"),
]


class Kept:
    """A repository whose backlog `bd` keeps."""

    def __init__(self, root: Path) -> None:
        path = f"{install(root / 'bin')}{os.pathsep}{os.environ['PATH']}"
        self.ground = Playground(root / "ground", env={"PATH": path})
        self.folder = self.ground.repo / ".beads"
        self.ground.write(".gitignore", ".beads/\n")
        self.work(CLAIMED.format(folder=self.folder) + WORK)

    def work(self, script: str) -> None:
        """What agents do."""
        self.ground.write("gangsaw.toml", AGENT.format(work=script))
        self.ground.git("add", "-A")
        self.ground.git("commit", "-q", "-m", "settings")

    def keep(self, generation: str = "embedded", **conduct: Any) -> None:
        make(self.folder, generation, RECORDS, **conduct)

    def run(self, *flags: str, expect: int = 0) -> str:
        done = self.ground.call("run", "--from", "beads", "--plain", *flags)
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def require_closed(self) -> None:
        found = records_in(self.folder)
        assert [found[each["id"]]["status"] for each in RECORDS] == ["closed"] * 4 + ["open"]
        assert found[EPIC]["close_reason"] == "all of its tasks are closed"
        commits = {
            each["body"]["task"]: each["body"]["commit"]
            for each in self.ground.events()
            if each["kind"] == "landed"
        }
        for n in (1, 2, 3):
            task = found[f"{EPIC}.{n}"]
            assert (task["assignee"], task["labels"]) == ("gangsaw", ["phase:merged"])
            assert task["close_reason"] == f"landed as {commits[f'{EPIC}-{n}'][:12]}"
            assert (self.ground.repo / f"{EPIC}-{n}.txt").exists()


@pytest.fixture
def backlog(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_an_epic_that_bd_keeps_is_run_and_closed(backlog: Kept, generation: str) -> None:
    """There is no file of records at all."""
    backlog.keep(generation)
    checked = backlog.ground.call("plan", "check", "--from", "beads")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert calls_in(backlog.folder) == []
    backlog.run("--epic", EPIC)
    backlog.require_closed()
    started = next(each for each in backlog.ground.events() if each["kind"] == "run.started")
    assert started["body"]["task_file"]["through"] == "bd"
    assert "nothing to do" in backlog.run("--epic", EPIC)


@pytest.mark.parametrize("command", ["update", "close"])
def test_a_kill_right_after_bd_was_told_changes_nothing(backlog: Kept, command: str) -> None:
    """The engine dies when `bd` has done what it was told, and before that is in the log."""
    backlog.keep(kills_after=command)
    done = backlog.ground.call("run", "--from", "beads", "--epic", EPIC, "--plain")
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    said = backlog.run("--epic", EPIC)
    assert "goes on" in said
    backlog.require_closed()
    closings = [call for call in calls_in(backlog.folder) if "close" in call]
    assert len(closings) == 4
    notes = [each.get("notes", "") for each in records_in(backlog.folder).values()]
    assert not any(notes), notes


def test_a_bd_that_refuses_does_not_fail_the_run_and_is_told(backlog: Kept) -> None:
    backlog.keep(fails={"close": "the store is locked"})
    backlog.run("--epic", EPIC)
    refused = [each for each in backlog.ground.events() if each["kind"] == "standing.refused"]
    assert any("the store is locked" in each["body"]["reason"] for each in refused)
    assert records_in(backlog.folder)[f"{EPIC}.1"]["status"] == "in_progress"
    assert (backlog.ground.repo / f"{EPIC}-3.txt").exists()


def test_where_bd_does_not_answer_the_file_is_run(backlog: Kept) -> None:
    backlog.keep(fails={"list": "no server"})
    backlog.work(WORK)
    lines = "".join(json.dumps(each) + "\n" for each in RECORDS)
    (backlog.folder / "issues.jsonl").write_text(lines)
    said = backlog.run("--epic", EPIC)
    assert "cannot use bd list" in said
    assert "no server; read from the file, which may be old" in said
    after = map(json.loads, (backlog.folder / "issues.jsonl").read_text().splitlines())
    assert [each["status"] for each in after] == ["closed"] * 4 + ["open"]
    assert calls_in(backlog.folder) == []


def test_a_claim_of_somebody_else_while_it_waits_stays(backlog: Kept) -> None:
    backlog.keep(rival="alice")
    said = backlog.run("--only", f"{EPIC}.1")
    found = records_in(backlog.folder)[f"{EPIC}.1"]
    assert (found["status"], found["assignee"]) == ("in_progress", "alice"), said
    told = [each["body"] for each in backlog.ground.events() if each["kind"] == "standing.written"]
    assert told[0]["kept"] == "running"


def test_what_is_new_in_bd_is_taken_up_while_the_run_goes_on(backlog: Kept) -> None:
    """The agent of one task makes a record of its own, and ends when the run has begun with it."""
    backlog.keep()
    more = backlog.ground.root / "more.py"
    more.write_text(
        f"import sys; sys.path.insert(0, {str(TESTS.parent)!r})\n"
        "from tests.sources.bd_standin import add\n"
        f"import pathlib; add(pathlib.Path({str(backlog.folder)!r}), {record('ghtml-new')!r})\n"
    )
    wait = CLAIMED.format(folder=backlog.folder).replace("echo $GANGSAW_TASK", "echo ghtml-new")
    first = f"[ $GANGSAW_TASK != ghtml-zz ] || {{ {sys.executable} {more}; {wait}}}; "
    backlog.work(first + WORK)
    backlog.run()
    assert records_in(backlog.folder)["ghtml-new"]["status"] == "closed"
    seen = [each["body"] for each in backlog.ground.events() if each["kind"] == "source.taken"]
    assert len(seen) == 1, seen


def test_sync_has_bd_say_what_commits_say(backlog: Kept) -> None:
    backlog.keep()
    ground = backlog.ground
    ground.git("commit", "-q", "--allow-empty", "-m", f"closes {EPIC}.1")
    dry = ground.call("sync", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"{EPIC}.1 would be done" in dry.stdout
    assert calls_in(backlog.folder) == []
    done = ground.call("sync")
    assert f"{EPIC}.1 done" in done.stdout, done.stdout + done.stderr
    commit = ground.git("rev-parse", "HEAD").strip()[:12]
    record = records_in(backlog.folder)[f"{EPIC}.1"]
    assert (record["status"], record["close_reason"]) == ("closed", f"landed as {commit}")
    assert "says already" in ground.call("sync").stdout
    assert sum("close" in call for call in calls_in(backlog.folder)) == 1


def test_sync_tells_what_bd_refuses(backlog: Kept) -> None:
    backlog.keep(fails={"close": "the store is locked"})
    backlog.ground.git("commit", "-q", "--allow-empty", "-m", f"closes {EPIC}.1")
    done = backlog.ground.call("sync")
    assert done.returncode == 1
    assert "the store is locked" in done.stdout
    assert records_in(backlog.folder)[f"{EPIC}.1"]["status"] == "open"


def test_a_hook_asks_bd_once_before_and_once_after(backlog: Kept) -> None:
    backlog.keep()
    ground, log = backlog.ground, backlog.folder / "calls.jsonl"
    ground.git("commit", "-q", "--allow-empty", "-m", "words of nobody")
    assert ground.call("sync", "--hook").returncode == 0
    assert not log.exists()
    ground.git("commit", "-q", "--allow-empty", "-m", "re-read the names")
    assert ground.call("sync", "--hook").returncode == 0
    assert [json.loads(line)[0] for line in log.read_text().splitlines()] == ["list"]
    log.unlink()
    ground.git("commit", "-q", "--allow-empty", "-m", "closes ghtml-zz")
    assert ground.call("sync", "--hook").returncode == 0
    assert records_in(backlog.folder)["ghtml-zz"]["status"] == "closed"
    calls = [json.loads(line)[0] for line in log.read_text().splitlines()]
    assert (calls[0], calls[-1], calls.count("list"), calls.count("close")) == (
        "list",
        "list",
        2,
        1,
    )


def test_sync_writes_no_copy_of_what_bd_keeps(backlog: Kept) -> None:
    """What bd does not answer now it is told another time; its next copy would undo the mark."""
    backlog.keep(fails={"list": "no server"})
    lines = "".join(json.dumps(each) + "\n" for each in RECORDS)
    copy = backlog.folder / "issues.jsonl"
    copy.write_text(lines)
    backlog.ground.git("commit", "-q", "--allow-empty", "-m", "closes ghtml-zz")
    done = backlog.ground.call("sync")
    assert "no server" in done.stdout
    assert copy.read_text() == lines
    assert backlog.ground.call("sync", "--hook").returncode == 0
    assert copy.read_text() == lines


def test_a_bd_that_hangs_does_not_hold_a_hook(tmp_path: Path) -> None:
    path = tmp_path / "bd"
    path.write_text("#!/bin/sh\nsleep 3600\n")
    path.chmod(0o755)
    call = Call("bd", ("list",), tmp_path)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    ask = asking_of_hook(environ, within_s=0.3)
    assert isinstance(ask(call), Unanswered)
    late = ask(call)
    assert isinstance(late, Unanswered)
    assert "a hook may not take more than 0.3 s" in late.reason
    assert HOOK_TIMEOUT_S < TIMEOUT_S
