"""Watching an agent and taking over from it, at a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gangsaw.core.model import TurnKind
from gangsaw.testing.endstate import folded
from tests.run.test_run_steering import GATE
from tests.run.test_run_talk import Table, work

SEEN_MAX_S = 120.0
READ_BYTES = 65536


class Terminal:
    """A program with a terminal of its own, and what it has written there."""

    def __init__(self, desk: Table, *words: str) -> None:
        self.master, slave = pty.openpty()
        environment = desk.ground.environment() | {"SHELL": "/bin/sh", "TERM": "dumb", "PS1": "$ "}
        self.process = subprocess.Popen(
            desk.ground.argv(*words), cwd=desk.ground.repo, env=environment,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        """Until the text has been written; fails where the program ends without it."""
        deadline = time.monotonic() + SEEN_MAX_S
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in: {self.seen}"
            ready, _, _ = select.select([self.master], [], [], 0.2)
            if ready:
                self._read()
            elif self.process.poll() is not None:
                raise AssertionError(f"it ended without {text!r}: {self.seen}")

    def _read(self) -> None:
        try:
            self.seen += os.read(self.master, READ_BYTES).decode("utf-8", "replace")
        except OSError:  # nobody has the other end any more
            assert self.process.wait(SEEN_MAX_S) is not None

    def type(self, line: str) -> None:
        os.write(self.master, f"{line}\n".encode())

    def end(self) -> int:
        """Its exit code, once it has ended and been read to the end."""
        deadline = time.monotonic() + SEEN_MAX_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.1)[0]:
                self._read()
        with suppress(OSError):
            while select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, READ_BYTES).decode("utf-8", "replace")
        return self.process.wait(1)


@contextmanager
def terminal(desk: Table, *words: str) -> Iterator[Terminal]:
    found = Terminal(desk, *words)
    try:
        yield found
    finally:
        with suppress(ProcessLookupError):
            found.process.kill()
        found.process.wait()
        with suppress(OSError):
            os.close(found.master)


def test_a_person_takes_over_and_hands_back(tmp_path: Path) -> None:
    """While they work nothing of the task runs, nobody else decides about it, and all see who has
    it. It costs the agent no try, and it is told of it."""
    desk = Table(tmp_path, [work("a", GATE)])
    desk.begin()
    desk.wait_started("a.1")
    desk.wait_recorded("a.1")
    with terminal(desk, "attach", "a", "--take-over") as person:
        person.wait_for("leave it with exit")
        assert desk.alive() == {}
        task = desk.task("a")
        assert task["status"] == "needs_you"
        assert task["reason"].startswith("taken over by")
        assert task["taken_by"]
        assert "gangsaw attach a --hand-back" in desk.ask("why", "a")
        for words in (("cancel", "a"), ("attach", "a", "--hand-back")):
            desk.ask(*words, ok=False)
        assert "has taken a over" in desk.ask("retry", "a", ok=False)
        person.type("echo mine > mine.txt; git add -A; git commit -qm mine; exit 3")
        code = person.end()
        assert code == 0, person.seen
        assert "the agent of a goes on" in person.seen
    desk.wait_event("turn.started", 2)
    attempt = desk.attempt("a.1")
    assert (attempt.turns_used, attempt.continues, attempt.why) == (1, 0, TurnKind.CONTINUE)
    assert "took over for a while and has worked in the worktree" in desk.prompt("a.1", 2)
    desk.let_go("a")
    desk.end()
    assert desk.ground.git("show", "gangsaw/run/r1:mine.txt") == "mine"
    known = folded(desk.ground).task_states["a"]
    assert (known.tries, known.attempts) == (0, 1)


def test_a_terminal_that_dies_leaves_the_task_in_its_hands(tmp_path: Path) -> None:
    """Until it is given back by hand, which needs that nobody works there any more."""
    desk = Table(tmp_path, [work("a", GATE)])
    desk.begin()
    desk.wait_recorded("a.1")
    with terminal(desk, "attach", "a", "--take-over") as person:
        person.wait_for("leave it with exit")
        # What is typed is echoed before anybody has read it: only the shell can say 42.
        person.type("echo shell $((40 + 2)) is open")
        person.wait_for("shell 42 is open")
        person.process.send_signal(signal.SIGKILL)
        person.process.wait()
        assert "is alive" in desk.ask("attach", "a", "--hand-back", ok=False)
        assert desk.task("a")["taken_by"]
    # Its terminal is closed now, so that the shell ends.
    desk.ground.wait_for(
        lambda: desk.ground.call("attach", "a", "--hand-back").returncode == 0, "the hand-back"
    )
    desk.wait_event("turn.started", 2)
    desk.let_go("a")
    desk.end()


def test_nothing_is_taken_over_without_an_engine_or_a_terminal(tmp_path: Path) -> None:
    desk = Table(tmp_path, [work("a", "echo hello", GATE)])
    desk.begin()
    desk.wait_recorded("a.1")
    assert "there is no terminal here" in desk.ask("attach", "a", "--take-over", ok=False)
    pid = desk.engine_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.wait_engine_ended()
    with terminal(desk, "attach", "a", "--take-over") as person:
        assert person.end() == 2
        assert "no gangsaw is running" in person.seen
    assert "nobody has taken a over" in desk.ask("attach", "a", "--hand-back", ok=False)
    desk.let_go("a")
    desk.finish()


def test_watching_does_no_harm(tmp_path: Path) -> None:
    desk = Table(tmp_path, [work("a", "echo the first word", GATE, "echo the last word")])
    desk.begin()
    desk.wait_recorded("a.1")
    with terminal(desk, "attach", "a") as person:
        person.wait_for("the first word")
        person.process.send_signal(signal.SIGINT)
        assert person.end() == 0
        assert "the agent of a goes on" in person.seen
    assert "a.1" in desk.alive()
    with terminal(desk, "attach", "a") as person:
        person.wait_for("the first word")
        desk.let_go("a")
        assert person.end() == 0
        assert "the last word" in person.seen
        assert "the turn is over" in person.seen
    desk.end()
