"""Two agents at the same lines, with the real program: seen, told, shown, resolved, over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from gangsaw.testing.endstate import control_of, folded
from tests.cli.shapes import misfits
from tests.run.test_run_steering import GATE
from tests.run.test_run_talk import Table, work

RADAR = '[radar]\nevery_s = 0.2\npolicy = "{}"\n'
EDIT = 'printf "first\\n{}\\nthird\\n" > shared.txt'


def colliding(name: str, **fields: Any) -> dict[str, Any]:
    """A task that edits the same lines as others, and is let go by the test; its first check is
    red, so that there is a next turn."""
    return work(
        name, EDIT.format(name), GATE, checks=["test $(cat *-turn.txt | tail -1) != 1"],
        **fields,
    )  # fmt: skip


def desk_with(tmp_path: Path, policy: str, *tasks: dict[str, Any]) -> Table:
    desk = Table(tmp_path, list(tasks))
    desk.ground.settings(RADAR.format(policy))
    desk.ground.write("shared.txt", "first\nsecond\nthird\n")
    desk.ground.git("add", "-A")
    desk.ground.git("commit", "-qm", "shared")
    return desk


def conflicts(desk: Table, *words: str) -> tuple[int, dict[str, Any]]:
    done = desk.ground.call("conflicts", "--json", *words)
    assert not done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def schema_of(desk: Table, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.ground.call("schema", name).stdout)
    return found


def test_the_later_of_two_is_told_at_its_next_turn(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "tell", colliding("a"), colliding("b"))
    desk.begin()
    desk.wait_recorded("a.1", "b.1")
    desk.wait_event("overlap.seen")

    code, found = conflicts(desk)
    assert (code, found["source"], found["conflicts"]) == (1, "engine", 1)
    assert misfits(found, schema_of(desk, "conflicts")) == []
    (overlap,) = found["overlaps"]
    assert (overlap["id"], overlap["severity"]) == ("o1", "warning")
    assert (overlap["ours"]["task"], overlap["theirs"]["task"]) == ("a", "b")
    (file,) = overlap["files"]
    assert (file["path"], file["kind"]) == ("shared.txt", "lines")
    hunk = {"ours_from": 2, "ours_lines": 1, "theirs_from": 2, "theirs_lines": 1}
    assert file["hunks"] == [hunk]
    assert "does not merge with a (a.1)" in desk.ground.call("conflicts").stdout
    assert "overlaps a in shared.txt" in desk.task("b")["reason"]
    assert "overlaps b in shared.txt" in desk.task("a")["reason"]
    assert "OVERLAPS" in desk.ask("why", "a")
    warning = (control_of(desk.ground).root / "state" / "b.md").read_text()
    assert "WARNING o1: does not merge with a (attempt a.1)" in warning
    assert "- shared.txt: lines 2 against 2" in warning
    assert "waits for its next turn" in desk.ask("why", "b")

    desk.let_go("b")
    desk.wait_event("turn.started", 3)
    told = desk.prompt("b.1", 2)
    assert "The agent of a (Task a), which began before you" in told
    assert "shared.txt: your lines 2" in told
    desk.let_go("a")
    desk.end()
    assert "began before you" not in desk.prompt("a.1", 2)
    code, found = conflicts(desk)
    assert (code, found["conflicts"]) == (0, 0)
    assert not list((control_of(desk.ground).root / "state").iterdir())
    code, log = conflicts(desk, "--log")
    assert code == 0
    assert misfits(log, schema_of(desk, "conflicts-log")) == []
    assert log["log"][0]["paths"] == ["shared.txt"]
    assert all(each["ended"] for each in log["log"])
    assert "o1" in desk.ask("conflicts", "--log")
    told_of = [said for said in folded(desk.ground).attempts["b.1"].told if said.advice]
    assert [said.key for said in told_of if said.key.startswith("overlap-o1")] == ["overlap-o1-0"]


def test_it_is_found_without_an_engine(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "off", colliding("a"), colliding("b"))
    desk.begin()
    desk.wait_recorded("a.1", "b.1")
    trees = [Path(each.path) for each in folded(desk.ground).attempts.values()]
    desk.ground.wait_for(
        lambda: all("second" not in (tree / "shared.txt").read_text() for tree in trees),
        "both edits",
    )
    pid = desk.engine_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.wait_engine_ended()
    code, found = conflicts(desk)
    assert (code, found["source"], found["conflicts"]) == (1, "worktrees", 1)
    assert [each["id"] for each in found["overlaps"]] == [None]
    assert "there is no overlap o1" in desk.ask("conflicts", "--resolve", "o1", ok=False)
    desk.let_go("a", "b")
    desk.ground.call("run", "--plain")
    assert desk.count("overlap.seen") == 0
    assert conflicts(desk) == (0, {**conflicts(desk)[1], "compared": 0})


def test_a_person_resolves_one_and_another_watches(tmp_path: Path) -> None:
    desk = desk_with(tmp_path, "show", colliding("a"), colliding("b"))
    desk.begin()
    with subprocess.Popen(
        desk.ground.argv("conflicts", "--watch", "--json"), cwd=desk.ground.repo,
        env=desk.ground.environment(), stdout=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        assert watching.stdout is not None
        seen = [json.loads(watching.stdout.readline())]
        while not seen[-1]["overlaps"]:
            seen.append(json.loads(watching.stdout.readline()))
        assert "o1 is resolved" in desk.ask("conflicts", "--resolve", "o1", "a", "goes", "first")
        code, found = conflicts(desk)
        assert (code, found["conflicts"]) == (0, 0)
        (overlap,) = found["overlaps"]
        assert (overlap["resolved"], overlap["note"]) == (True, "a goes first")
        assert "overlaps" not in desk.task("b")["reason"]
        assert not list((control_of(desk.ground).root / "state").iterdir())
        while not all(each["resolved"] for each in seen[-1]["overlaps"]):
            seen.append(json.loads(watching.stdout.readline()))
        desk.let_go("a", "b")
        seen += [json.loads(line) for line in watching.stdout]
        assert watching.wait() == 0
    assert seen[-1]["overlaps"] == []
    assert any(each["resolved"] for object_ in seen for each in object_["overlaps"])
    attempts = folded(desk.ground).attempts.values()
    assert not any(said.advice for each in attempts for said in each.told)


def test_a_task_that_would_be_a_third_is_held(tmp_path: Path) -> None:
    first = work("c", "true")
    scope = ["shared.txt", "third-turn.txt"]
    third = work("third", "echo third >> shared.txt", scope=scope, needs=["c"])
    gate = {**first, "prompt": first["prompt"].replace("true", GATE, 1)}
    desk = desk_with(tmp_path, "serialise", colliding("a"), colliding("b"), gate, third)
    desk.begin()
    desk.wait_event("overlap.seen")
    desk.let_go("c")
    desk.ground.wait_for(
        lambda: "overlap in shared.txt" in desk.task("third")["reason"], "a hold for the overlap"
    )
    assert '"overlap"' in desk.ask("why", "third", "--json")
    desk.let_go("a", "b")
    desk.wait_event("attempt.admitted", 4)
    desk.wait_engine_ended()
    assert desk.ground.statuses()["third"] == "landed"


def test_a_failing_radar_hurts_nobody(tmp_path: Path) -> None:
    """A place for temporary files that cannot be written to is no place for a quarantine."""
    desk = desk_with(tmp_path, "tell", colliding("a"), colliding("b"))
    config = desk.ground.repo / ".git" / "info" / "attributes"
    config.mkdir(parents=True)  # a folder where the radar reads a file
    desk.begin()
    desk.wait_event("radar.failed")
    desk.let_go("a", "b")
    desk.wait_engine_ended()
    assert desk.count("radar.failed") == 1
    assert desk.ground.statuses()["a"] == "landed"
