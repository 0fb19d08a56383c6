"""Talk between people and agents with the real program: words, questions, claims, done, tokens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.state import Attempt
from gangsaw.store import inbox
from gangsaw.store.secret import repository_secret, token_of
from gangsaw.testing.endstate import complaints, control_of, folded
from gangsaw.testing.ledger import START, STOP
from gangsaw.testing.playground import SOURCE
from tests.run.test_run_steering import GATE, Desk


def work(name: str, *lines: str, **fields: Any) -> dict[str, Any]:
    """A task whose agent runs these lines, in every turn, and commits what there is."""
    leave = f"echo $GANGSAW_TURN > {name}-turn.txt"
    body = [START, *lines, leave, "git add -A", "git commit -qm work", STOP]
    return {"id": name, "title": f"Task {name}", "prompt": "\n".join(body), **fields}


class Table(Desk):
    """A desk whose agents find our command, and keep what they were told."""

    def __init__(self, root: Path, tasks: list[dict[str, Any]], **options: Any) -> None:
        bin_folder = root / "bin"
        bin_folder.mkdir()
        command = bin_folder / "gangsaw"
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{sys.executable}" -m gangsaw "$@"\n'
        )
        command.chmod(0o755)
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        super().__init__(root, tasks, env={"PATH": path}, **options)

    def begin(self) -> None:
        self.ask("run", str(self.plan), "--detach")

    def prompt(self, attempt: str, launch: int) -> str:
        folder = control_of(self.ground).root / "attempts" / "r1" / attempt
        return (folder / f"prompt-{launch}.md").read_text()

    def attempt(self, name: str) -> Attempt:
        return folded(self.ground).attempts[name]

    def wait_event(self, kind: str, count: int = 1) -> None:
        self.ground.wait_for(lambda: self.count(kind) >= count, f"{count} {kind}")

    def task(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(t for t in self.ground.status()["tasks"] if t["id"] == name)
        return found

    def end(self) -> None:
        self.wait_engine_ended()
        assert complaints(self.ground, self.needs) == []


def said(name: str) -> str:
    """The end of an agent's output, from a file beside the ledger."""
    return f'"$LEDGER.{name}"'


def out(desk: Table, name: str) -> str:
    return Path(f"{desk.ground.ledger}.{name}").read_text()


def has(desk: Table, name: str) -> bool:
    return Path(f"{desk.ground.ledger}.{name}").exists()


def test_a_message_is_read_before_the_work_lands(tmp_path: Path) -> None:
    desk = Table(tmp_path, [work("a", GATE, "echo $GANGSAW_TURN >> a.txt")])
    desk.begin()
    desk.wait_recorded("a.1")
    told = desk.ask("say", "a", "use", "tabs")
    assert "told with its next turn" in told
    assert desk.task("a")["messages"] == 1
    assert "use tabs · waits for its next turn" in desk.ask("why", "a")
    desk.let_go("a")
    desk.end()
    assert desk.ground.statuses() == {"a": "landed"}
    assert "From the people you work for" not in desk.prompt("a.1", 1)
    assert "> use tabs" in desk.prompt("a.1", 2)
    assert "gangsaw ask" in desk.prompt("a.1", 1), "the commands are not told of"
    assert (desk.attempt("a.1").turns_used, desk.task("a")["messages"]) == (1, 0)
    assert desk.ground.git("show", "gangsaw/run/r1:a.txt") == "1\n2"
    refused = desk.ask("say", "a", "too late", ok=False)
    assert "gangsaw undo a" in refused


def test_work_that_waits_for_a_person_goes_back_with_a_message(tmp_path: Path) -> None:
    desk = Table(tmp_path, [work("a", "echo $GANGSAW_TURN >> a.txt", review="person")])
    desk.begin()
    desk.wait_status("needs_you", "a")
    desk.wait_engine_ended()
    done = subprocess.run(
        desk.ground.argv("say", "a", "-"), cwd=desk.ground.repo, env=desk.ground.environment(),
        input="no tabs\nand no spaces\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "goes back to its agent" in done.stdout
    desk.begin()
    desk.wait_event("turn.started", 2)
    desk.wait_event("review.opened", 2)
    assert "> no tabs\n> and no spaces" in desk.prompt("a.1", 2)
    desk.wait_engine_ended()
    desk.ask("approve", "a")
    desk.finish()
    assert desk.ground.statuses() == {"a": "landed"}


def test_a_question_is_answered_while_its_agent_waits(tmp_path: Path) -> None:
    desk = Table(
        tmp_path,
        [
            work(
                "a", f'gangsaw ask "tabs or spaces?" > {said("answer")}', 'cat "$LEDGER.answer" > a'
            )
        ],
    )
    desk.begin()
    desk.wait_event("question.asked")
    desk.wait_status("needs_you", "a")
    assert desk.task("a")["reason"] == "asks: tabs or spaces?"
    assert desk.task("a")["asks"] == "tabs or spaces?"
    assert "gangsaw answer a TEXT" in desk.ask("status")
    assert "tabs or spaces?" in desk.ask("why", "a")
    assert "answered" in desk.ask("answer", "a", "tabs, please")
    desk.end()
    assert out(desk, "answer") == "tabs, please\n"
    assert desk.ground.git("show", "gangsaw/run/r1:a") == "tabs, please"
    assert (desk.count("answer.heard"), desk.count("turn.started")) == (1, 1)
    assert "has asked nothing" in desk.ask("answer", "a", "again", ok=False)


@pytest.mark.parametrize("how", ["TERM", "KILL"])
def test_an_answer_that_nobody_waits_for_is_told_in_the_next_turn(tmp_path: Path, how: str) -> None:
    """Whatever ended the command that waited: nothing is lost, and no harm is done."""
    ask = f'gangsaw ask "which?" > {said("answer")} & echo $! > {said("pid")}'
    ended = f"wait $(cat {said('pid')}) || echo $? > {said('code')}"
    desk = Table(tmp_path, [work("a", f"[ $GANGSAW_TURN -gt 1 ] || {{ {ask}; {ended}; }}", GATE)])
    desk.begin()
    desk.wait_event("question.asked")
    pid = int(out(desk, "pid"))
    os.kill(pid, signal.Signals[f"SIG{how}"])
    desk.ground.wait_for(lambda: has(desk, "code"), "the end of the command")
    if how == "TERM":
        desk.wait_event("question.dropped")
    desk.ask("answer", "a", "the second one")
    desk.let_go("a")
    desk.end()
    assert "You asked: “which?” " in desk.prompt("a.1", 2)
    assert "> the second one" in desk.prompt("a.1", 2)
    assert desk.count("answer.heard") == 0


def test_nobody_answers_in_time_or_nobody_is_waited_for(tmp_path: Path) -> None:
    lines = (
        f'gangsaw ask --wait-s 0.2 "hello?" 2> {said("late")} || echo $? > {said("code")}',
        f'gangsaw ask --no-wait --json "right?" > {said("asked")}',
        GATE,
    )
    desk = Table(tmp_path, [work("a", *lines)])
    desk.begin()
    desk.wait_event("question.asked", 2)
    desk.ground.wait_for(lambda: has(desk, "asked"), "the second question")
    assert (out(desk, "code"), "nobody has answered" in out(desk, "late")) == ("3\n", True)
    desk.ask("answer", "a", "yes, right")
    assert desk.count("question.answered") == 0
    desk.let_go("a")
    desk.end()
    assert "You asked: “right?” " in desk.prompt("a.1", 2)


def test_claims_keep_others_off(tmp_path: Path) -> None:
    """Refused where somebody else has it; a task that would meet it waits."""
    one = work(
        "one",
        f'gangsaw claim "lib/*.py" docs 2> {said("one")} || echo $? > {said("one-code")}',
        f"gangsaw siblings > {said('siblings')}",
        f"touch {said('claimed')}",
        GATE,
        scope=["src", "one-turn.txt"],
    )
    two = work(
        "two",
        f"until [ -e {said('claimed')} ]; do sleep 0.05; done",
        f"gangsaw claim docs/a.md 2> {said('two')} || echo $? > {said('code')}",
        f"gangsaw claim src/x.py 2>> {said('two')} || echo $? >> {said('code')}",
        f"gangsaw claim lib/x.txt && gangsaw release lib/x.txt && touch {said('two-done')}",
        GATE,
    )
    three = work("three", scope=["docs", "three-turn.txt"], needs=["zero"])
    desk = Table(tmp_path, [one, two, work("zero", GATE), three])
    desk.begin()
    desk.ground.wait_for(lambda: has(desk, "two-done"), "the claims")
    assert out(desk, "code") == "1\n1\n"
    assert "docs/a.md is held by one, which has claimed docs" in out(desk, "two")
    assert "src/x.py is held by one, whose scope has src" in out(desk, "two")
    assert not has(desk, "one-code"), out(desk, "one")
    assert "two" in out(desk, "siblings")
    assert "one" not in out(desk, "siblings").split()
    desk.let_go("zero")
    desk.wait_status("landed", "zero")
    desk.wait_status("held", "three")
    found = json.loads(desk.ask("siblings", "--json"))
    assert {s["task"]: s["claims"] for s in found["siblings"]}["one"] == ["lib/*.py", "docs"]
    desk.let_go("one", "two")
    desk.end()
    assert set(desk.ground.statuses().values()) == {"landed"}


def test_who_says_done_and_falls_silent_is_not_stuck(tmp_path: Path) -> None:
    """Its turn is ended for it, and its work is looked at and lands."""
    lines = ("echo a > a.txt", "git add -A", "git commit -qm early", "gangsaw done all of it",
             "sleep 600")  # fmt: skip
    desk = Table(tmp_path, [work("a", *lines)])
    # After the word a silence is judged by the shorter of a minute and what any silence may last.
    path = desk.ground.repo / "gangsaw.toml"
    path.write_text(path.read_text().replace("grace_s = 2", "grace_s = 2\nstall_s = 3"))
    desk.ground.git("commit", "-qam", "stall")
    desk.begin()
    desk.end()
    state = folded(desk.ground)
    assert state.task_states["a"].landed_commit
    assert state.attempts["a.1"].done_text == "all of it"
    kinds = [e for e in desk.ground.events() if e["kind"] == "stop.wanted"]
    assert [e["body"]["cause"] for e in kinds] == ["said_done"]


def test_an_agent_steers_nobody(tmp_path: Path) -> None:
    lines = [
        f"gangsaw {words} >> {said('said')} 2>&1 && echo 0 >> {said('codes')} "
        f"|| echo $? >> {said('codes')}"
        for words in ("cancel b", "run", "answer b x", "kill", "approve b", "say b hello", "status")
    ]
    desk = Table(tmp_path, [work("a", *lines, f"touch {said('a-done')}", GATE), work("b", GATE)])
    desk.begin()
    desk.wait_recorded("a.1", "b.1")
    desk.ground.wait_for(lambda: has(desk, "a-done"), "its tries")
    assert out(desk, "codes").split() == ["2", "2", "2", "2", "2", "0", "0"]
    assert "this is the agent of a, and only a person may steer" in out(desk, "said")
    desk.let_go("a", "b")
    desk.end()
    assert "the agent of a, which is another program and no person, says:" in desk.prompt("b.1", 2)
    # Told on its own it would not be believed either: a person has to ask for that.
    assert desk.count("task.cancelled") == 0


def test_who_claims_to_be_an_attempt_must_prove_it(tmp_path: Path) -> None:
    desk = Table(tmp_path, [work("a", f"env | sort > {said('env')}", GATE), work("b", GATE)])
    desk.begin()
    desk.wait_recorded("a.1", "b.1")
    desk.ground.wait_for(lambda: has(desk, "env"), "its environment")
    control = control_of(desk.ground)
    env = dict(line.split("=", 1) for line in out(desk, "env").splitlines() if "=" in line)
    secret = repository_secret(control.root)
    assert env["GANGSAW_TOKEN"] == token_of(secret, "r1", "a.1")
    assert Path(env["GANGSAW_CONTROL"]) == control.root
    forged: dict[str, dict[str, Any]] = {
        "none": {"attempt": "b.1", "text": "x", "task": "b"},
        "wrong": {"attempt": "b.1", "text": "x", "proof": "0" * 64},
        "odd": {"proof": 7, "text": "x"},
    }
    for key, args in forged.items():
        inbox.submit(control.inbox, inbox.Request(key, "done", args, 1.0, "me"))
    inbox.ring(control.inbox)
    desk.wait_event("request.answered", len(forged))
    answers = folded(desk.ground).answers
    assert {answers[key] for key in forged} == {
        (False, "refused: it does not come from the attempt that it names")
    }
    assert desk.count("done.said") == 0
    # One attempt's token is no other's, even with everything else in place.
    other = dict(desk.ground.environment(), **{k: v for k, v in env.items() if "GANGSAW" in k})
    other["GANGSAW_ATTEMPT"], other["GANGSAW_TASK"] = "b.1", "b"
    desk.ground.env = other
    refused = desk.ground.call("done")
    assert (refused.returncode, "does not come from" in refused.stderr) == (1, True)
    other["GANGSAW_ATTEMPT"] = "a.1"
    assert desk.ground.call("done", "really").returncode == 0
    assert desk.attempt("a.1").done_text == "really"
    desk.ground.env = {}
    desk.let_go("a", "b")
    desk.end()
    assert control.root.joinpath("secret").stat().st_mode & 0o777 == 0o600
    assert found_in(control.root, env["GANGSAW_TOKEN"]) == []


def found_in(root: Path, text: str) -> list[Path]:
    """The files below that hold the text."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if text.encode() in path.read_bytes()]


def test_words_survive_a_kill_of_the_engine(tmp_path: Path) -> None:
    """Left while nobody lives, taken in by the next engine, asked and answered across its death."""
    desk = Table(
        tmp_path,
        [work("a", f'[ $GANGSAW_TURN -gt 1 ] || gangsaw ask "on?" > {said("answer")}', GATE)],
    )
    desk.begin()
    desk.wait_event("question.asked")
    pid = desk.engine_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.wait_engine_ended()
    assert "the next: gangsaw run" in desk.ask("answer", "a", "go on")
    assert "the next: gangsaw run" in desk.ask("say", "a", "and hurry")
    desk.ask("run", "--detach")
    desk.wait_event("answer.heard")
    assert out(desk, "answer") == "go on\n"
    desk.let_go("a")
    desk.end()
    assert "> and hurry" in desk.prompt("a.1", 2)
    assert desk.ground.statuses() == {"a": "landed"}
