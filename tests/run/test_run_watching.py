"""A task file that is changed while its run goes on: what the run makes of it, with real processes.

Agents wait for a file that says that they may go on, so that every change meets them where the test
wants it to.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground

TODO = """\
# Things

- [ ] A-1 first
- [ ] A-2 second (after: A-1)
- [ ] A-3 third (after: A-1)
"""
WORK = (
    "while [ ! -e {root}/go.$GANGSAW_TASK ]; do sleep 0.05; done; "
    "cp {{prompt_file}} $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"
)


class Watched:
    """A run of `TODO.md` that goes on."""

    def __init__(self, ground: Playground) -> None:
        self.ground, self.path = ground, ground.repo / "TODO.md"
        self.engine: subprocess.Popen[bytes] | None = None

    def begin(self, *flags: str) -> None:
        self.engine = self.ground.start("run", "TODO.md", "--plain", *flags)
        self.until(lambda: self.task("A-1")["status"] == "working", "A-1 is at work")

    def edit(self, before: str, after: str) -> None:
        """Save the file with a change, by rename, as editors do."""
        text = self.path.read_text("utf-8")
        assert before in text
        part = self.path.with_name("TODO.md.part")
        part.write_text(text.replace(before, after), "utf-8")
        part.replace(self.path)

    def go(self, *names: str) -> None:
        for name in names:
            (self.ground.root / f"go.{name}").touch()

    def task(self, name: str) -> dict[str, Any]:
        said = self.ground.call("status", "--json")
        rows = json.loads(said.stdout)["tasks"] if said.returncode in (0, 1, 3, 4, 130) else []
        return next((row for row in rows if row["id"] == name), {"status": "", "reason": ""})

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [row["body"] for row in self.ground.events() if row["kind"] == kind]

    def until(self, fact: Callable[[], bool], what: str) -> None:
        self.ground.wait_for(fact, what, 60.0)

    def end(self) -> int:
        assert self.engine is not None
        return self.engine.wait(120)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    ground = Playground(tmp_path / "ground")
    work = json.dumps(["sh", "-c", WORK.format(root=ground.root)])
    ground.write(
        "gangsaw.toml",
        '[run]\nagent = "writer"\nmax_agents = 8\nbackoff_s = 0.02\nmemory_floor_pct = 1\n'
        "disk_floor_mb = 10\n[machine]\ndisk_max_pct = 100\nlaunch_delay_s = 0\n"
        f'[agents.writer]\nkind = "command"\nstdin = "none"\nargv = {work}\n',
    )
    ground.write("TODO.md", TODO)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "things to do")
    run = Watched(ground)
    yield run
    if run.engine is not None and run.engine.poll() is None:
        ground.call("kill")
        run.engine.wait(60)


def test_added_edited_and_dropped_tasks_are_taken_up(watched: Watched) -> None:
    watched.begin()
    watched.edit(
        "- [ ] A-1 first\n- [ ] A-2 second (after: A-1)\n- [ ] A-3 third (after: A-1)\n",
        "- [ ] A-1 first, in another way\n- [ ] A-2 second, in another way\n"
        "- [-] A-3 third (after: A-1)\n- [ ] A-4 fourth (after: A-2)\n",
    )
    watched.until(lambda: bool(watched.events("source.taken")), "the change is taken up")
    (taken,) = watched.events("source.taken")
    assert [each["entry"]["task"] for each in taken["added"]] == ["A-4"]
    assert [each["id"] for each in taken["edited"]] == ["A-1", "A-2"]
    assert [each["task"] for each in taken["marked"]] == ["A-3"]
    watched.until(lambda: watched.task("A-2")["status"] == "working", "A-2 waits for nobody")
    assert "edited in its file" in watched.task("A-1")["reason"]
    why = watched.ground.call("why", "A-1")
    assert "holds when this attempt is over" in why.stdout, why.stdout + why.stderr
    assert watched.task("A-3")["reason"] == "dropped in its file"
    watched.go("A-1", "A-2", "A-3", "A-4")
    assert watched.end() == 0  # nothing more is wanted
    assert "Landed 3 of 4 in " in (last := (watched.ground.root / "output").read_text())
    assert " · 1 dropped in its file" in last.splitlines()[-1]
    # The agent of A-1 was told what was so when it began, that of A-2 what was so by then.
    assert "another way" not in (watched.ground.repo / "A-1.txt").read_text()
    assert "second, in another way" in (watched.ground.repo / "A-2.txt").read_text()
    assert watched.path.read_text("utf-8") == (
        "# Things\n\n- [x] A-1 first, in another way\n- [x] A-2 second, in another way\n"
        "- [-] A-3 third (after: A-1)\n- [x] A-4 fourth (after: A-2)\n"
    )
    # Nothing that gangsaw has written there came back.
    assert len(watched.events("source.taken")) == 1


def test_what_is_not_taken_up_of_a_new_version_is_named(watched: Watched) -> None:
    watched.begin()
    watched.edit("A-3 third", "A-3 the third")
    watched.until(lambda: len(watched.events("source.taken")) == 1, "the file was read once")
    watched.edit("# Things\n", "# Things\n\n- [>] A-9 some day\n")
    watched.until(lambda: len(watched.events("source.taken")) == 2, "the note is told")
    taken = watched.events("source.taken")[1]
    assert (taken["added"], taken["edited"], taken["marked"]) == ([], [], [])
    assert len(taken["notes"]) == 1
    watched.go("A-1", "A-2", "A-3")
    assert watched.end() == 0
    output = (watched.ground.root / "output").read_text()
    assert "TODO.md was changed: noted: TODO.md:3:" in output
    assert "nothing to do about it" not in output
    # Marks of our own are no news, and what was noted is noted once.
    assert len(watched.events("source.taken")) == 2


def test_a_broken_file_changes_nothing_and_is_told(watched: Watched) -> None:
    watched.begin()
    good = watched.path.read_bytes()
    watched.path.write_bytes(good + b"- [ ] A-4 \xff fourth\n")
    watched.until(lambda: bool(watched.events("source.refused")), "the fault is told")
    (refused,) = watched.events("source.refused")
    assert "TODO.md:6: the byte 0xff is not UTF-8" in refused["reason"]
    watched.path.write_bytes(good + b"- [ ] A-4 fourth\n")
    watched.until(lambda: watched.task("A-4")["status"] == "working", "A-4 is at work")
    watched.go("A-1", "A-2", "A-3", "A-4")
    assert watched.end() == 0
    output = (watched.ground.root / "output").read_text()
    assert "the task file is not taken up as it is now: TODO.md:6" in output


def test_a_task_ticked_by_hand_is_done_also_after_a_kill(watched: Watched) -> None:
    """The engine dies when it has taken up the tick; the next one takes it up no second time."""
    watched.begin()
    watched.edit("(after: A-1)\n- [ ] A-3 third (after: A-1)", "\n- [x] A-3 third (after: A-1)")
    watched.until(lambda: bool(watched.events("source.taken")), "the tick is taken up")
    assert watched.engine is not None
    os.kill(watched.engine.pid, signal.SIGKILL)
    watched.engine.wait(60)
    watched.go("A-1", "A-2")
    watched.engine = watched.ground.start("run", "--plain")
    assert watched.end() == 0
    assert len(watched.events("source.taken")) == 1
    assert not (watched.ground.repo / "A-3.txt").exists()
    assert watched.task("A-3") | {"status": "done"} == watched.task("A-3")


def test_what_was_settled_while_no_engine_ran_is_not_begun(watched: Watched) -> None:
    watched.begin()
    assert watched.engine is not None
    os.kill(watched.engine.pid, signal.SIGKILL)
    watched.engine.wait(60)
    watched.edit(
        "- [ ] A-2 second (after: A-1)\n- [ ] A-3 third (after: A-1)\n",
        "- [x] A-2 second (after: A-1)\n",
    )
    watched.go("A-1", "A-2", "A-3")
    watched.engine = watched.ground.start("run", "TODO.md", "--plain")
    assert watched.end() == 0  # what is no longer there is not wanted
    assert " · 1 no longer in its file" in (watched.ground.root / "output").read_text()
    begun = [row["subject"] for row in watched.ground.events() if row["kind"] == "attempt.admitted"]
    assert begun == ["A-1.1"]
    assert watched.task("A-1")["status"] == "landed"


def test_a_run_that_does_not_watch_keeps_to_the_file_as_it_was(watched: Watched) -> None:
    watched.edit("- [ ] A-2 second (after: A-1)\n- [ ] A-3 third (after: A-1)\n", "")
    watched.begin("--no-watch")
    watched.edit("first\n", "first\n- [ ] A-2 second\n")
    watched.go("A-1", "A-2")
    assert watched.end() == 0
    assert watched.events("source.taken") == []
    assert not (watched.ground.repo / "A-2.txt").exists()


def test_a_tick_that_an_older_text_takes_away_is_set_once_more(watched: Watched) -> None:
    watched.begin()
    older = watched.path.read_text("utf-8")
    watched.go("A-1")
    watched.until(lambda: "[x] A-1" in watched.path.read_text("utf-8"), "A-1 is ticked")
    watched.path.write_text(older, "utf-8")
    watched.until(lambda: "[x] A-1" in watched.path.read_text("utf-8"), "it is ticked again")
    watched.path.write_text(older, "utf-8")
    watched.until(lambda: len(watched.events("source.taken")) == 2, "it is told of")
    watched.go("A-2", "A-3")
    assert watched.end() == 0
    assert [each["restored"] for each in watched.events("source.taken")] == [["A-1"], []]
    assert [each["left"] for each in watched.events("source.taken")] == [[], ["A-1"]]
    assert watched.path.read_text("utf-8") == (
        "# Things\n\n- [ ] A-1 first\n- [x] A-2 second (after: A-1)\n- [x] A-3 third (after: A-1)\n"
    )
    output = (watched.ground.root / "output").read_text()
    assert "A-1 landed, but open again there: written once more" in output
    assert "A-1 landed, but opened there again: left so" in output
