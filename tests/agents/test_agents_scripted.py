"""The scripted agent: the real program, started as the adapter says, in real repositories."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import TurnBrief, adapter_for, allowed_environment
from gangsaw.agents.endings import KIND_OF
from gangsaw.core.conditions import NOT_TOLD, Condition
from gangsaw.core.launch import (
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    LaunchSpec,
    LimitKind,
    LimitNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    PermissionNoted,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings
from gangsaw.testing import scripted_text
from gangsaw.testing.scripted_moods import MOODS

WAIT_S = 60.0
AGENT = AgentSettings("s", "scripted")


@dataclass
class Turn:
    """How a turn of the scripted agent went."""

    notes: list[Note]
    outcome: TurnOutcome
    ignored_lines: int
    stderr: str

    @property
    def said(self) -> list[str]:
        return [note.text for note in self.notes if isinstance(note, ActivityNoted)]


class Place:
    """A scratch repository and the launch of scripted turns in it."""

    def __init__(self, folder: Path) -> None:
        self.worktree = folder / "wt"
        self.task_prompt = folder / "task.md"
        self.home = folder / "home"
        self.home.mkdir()
        subprocess.run(["git", "init", "-q", "-b", "main", self.worktree], check=True)
        for key, value in (("user.name", "A"), ("user.email", "a@example.invalid")):
            self.git("config", key, value)
        self.git("commit", "-q", "--allow-empty", "-m", "root")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.worktree, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def spec(
        self, script: str, turn: int = 1, kind: TurnKind = TurnKind.WORK, attempt: str = "a.1"
    ) -> LaunchSpec:
        self.task_prompt.write_text(f"Do this:\n\n```script\n{script}\n```\nThanks.\n")
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        brief = TurnBrief(
            run="r1",
            task="a",
            attempt=attempt,
            turn=turn,
            kind=kind,
            prompt="the rendered prompt",
            prompt_file="unused",
            task_prompt_file=str(self.task_prompt),
            worktree=str(self.worktree),
            ambient=allowed_environment(environ, AGENT),
        )
        self.brief = brief
        return adapter_for("scripted").launch(AGENT, brief)

    def start(self, spec: LaunchSpec) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            spec.argv,
            cwd=spec.cwd,
            env=dict(spec.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(spec.stdin or b"")
        process.stdin.close()
        process.stdin = None
        return process

    def turn(
        self, script: str, turn: int = 1, kind: TurnKind = TurnKind.WORK, attempt: str = "a.1"
    ) -> Turn:
        process = self.start(self.spec(script, turn, kind, attempt))
        stdout, stderr = process.communicate(timeout=WAIT_S)
        code = process.returncode
        reader = adapter_for("scripted").reader(self.brief)
        notes = reader.feed(stdout)
        ended = Ended(code, None) if code >= 0 else Ended(None, -code)
        outcome = reader.conclude(ended, stderr)
        return Turn(notes, outcome, reader.ignored_lines, stderr.decode())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_edits_commits_and_prints_a_stream(place: Place) -> None:
    turn = place.turn(
        """
        # a comment
        say looking around
        usage 100 20 0.01
        write src/a.py <<END
def f():
    return 1
END
        replace src/a.py "return 1\\n" => "return 2\\n"
        append "a file.txt" one line
        commit add f
        usage 50 5 0.005
        ask which colour?
        """
    )
    assert turn.notes == [
        StartedNoted("1.0"),
        SessionNoted("scripted-r1-a.1"),
        ActivityNoted("looking around"),
        UsageNoted(100, 20, 0, 0.01),
        ActivityNoted("editing src/a.py"),
        ActivityNoted("editing src/a.py"),
        ActivityNoted("editing a file.txt"),
        ActivityNoted("committing: add f"),
        UsageNoted(150, 25, 0, 0.015),
        QuestionNoted("which colour?"),
        ResultNoted(True, "done"),
    ]
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "done")
    assert (place.worktree / "src/a.py").read_text() == "def f():\n    return 2\n"
    assert place.git("show", "-s", "--format=%s") == "add f"
    assert place.git("status", "--porcelain") == ""


def test_what_is_not_committed_stays_uncommitted(place: Place) -> None:
    assert place.turn("write a.txt x\nlie").outcome.kind is OutcomeKind.DONE
    assert place.git("status", "--porcelain") == "?? a.txt"
    assert place.turn("commit x\ndelete a.txt\ncommit y\ncommit z").said[-1] == "nothing to commit"
    assert place.git("log", "--format=%s") == "y\nx\nroot"


def test_a_fix_turn_runs_its_own_block_or_nothing(place: Place) -> None:
    script = "write a.txt bad\non fix\nwrite a.txt good\nend\non attempt 2 turn 1\nsay second\nend"
    place.turn(script)
    assert (place.worktree / "a.txt").read_text() == "bad\n"
    place.turn(script, 2, TurnKind.FIX)
    assert (place.worktree / "a.txt").read_text() == "good\n"
    assert place.turn(script, 1, attempt="a.2").said == ["second"]
    idle = place.turn("write a.txt worse", 2, TurnKind.FIX)
    assert idle.said == ["the script has no part for this fix turn"]
    assert idle.outcome.kind is OutcomeKind.DONE
    assert (place.worktree / "a.txt").read_text() == "good\n"
    place.turn("write a.txt again", 2, TurnKind.CONTINUE)
    assert (place.worktree / "a.txt").read_text() == "again\n"


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        ("fail 7", OutcomeKind.FAILED, "exit code 7: failing with 7 as told"),
        ("exit 5", OutcomeKind.FAILED, "exit code 5: ended without a result"),
        ("exit 0", OutcomeKind.FAILED, "exit code 0: ended without a result"),
        ("crash KILL", OutcomeKind.CRASHED, "killed by SIGKILL"),
        ("crash SEGV", OutcomeKind.CRASHED, "killed by SIGSEGV"),
        ("run exit 3", OutcomeKind.FAILED, "exit code 1: exit 3: exit code 3"),
        ("replace none a => b", OutcomeKind.FAILED, "exit code 1: script line 2: [Errno 2]"),
        ("refuse no login", OutcomeKind.REFUSED, "no login"),
        ("limit 60", OutcomeKind.LIMITED, "usage limit reached"),
        ("expect the rendered prompt", OutcomeKind.DONE, "done"),
        ("expect something else", OutcomeKind.FAILED, "exit code 1: the prompt does not hold"),
    ],
)
def test_every_way_to_end(place: Place, script: str, kind: OutcomeKind, text: str) -> None:
    turn = place.turn(f"say hello\n{script}\nsay never" if kind is not OutcomeKind.DONE else script)
    assert turn.outcome.kind is kind
    assert turn.outcome.text.startswith(text)
    assert "never" not in turn.said
    assert (turn.outcome.retry_at is not None) == (kind is OutcomeKind.LIMITED)


def test_every_note_of_the_vocabulary(place: Place) -> None:
    turn = place.turn(
        """
        message I look around
        tool sh running ls
        file src/a.py
        file /elsewhere
        request may I?
        ask which?
        trouble permission write a.txt
        trouble network
        trouble overloaded
        trouble throttled
        trouble quota
        usage 1 2 0.5
        done all of it
        """
    )
    assert turn.notes == [
        StartedNoted("1.0"),
        SessionNoted("scripted-r1-a.1"),
        MessageNoted("I look around"),
        ToolNoted("sh", "running ls"),
        FileNoted("src/a.py"),
        FileNoted("/elsewhere"),
        PermissionNoted("may I?"),
        QuestionNoted("which?"),
        PermissionNoted("write a.txt", refused=True),
        ConditionNoted(Condition.NETWORK, "connection refused"),
        ConditionNoted(Condition.OVERLOADED, "the server is overloaded"),
        LimitNoted(LimitKind.THROTTLE, None, "scripted", "too many requests"),
        LimitNoted(LimitKind.QUOTA, None, "scripted", "usage limit reached"),
        UsageNoted(1, 2, 0, 0.5),
        ResultNoted(True, "all of it"),
    ]
    assert {type(note) for note in turn.notes} == set(get_args(Note)) - {ActivityNoted}
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "all of it")


def test_there_is_a_mood_for_every_condition() -> None:
    assert set(MOODS) == {condition.value for condition in set(Condition) - NOT_TOLD}


@pytest.mark.parametrize("condition", sorted(set(Condition) - NOT_TOLD - {Condition.STALLED}))
def test_a_mood_ends_in_its_condition(place: Place, condition: Condition) -> None:
    outcome = place.turn(f"write a.txt x\nmood {condition}\nsay never").outcome
    assert outcome.condition is condition
    assert outcome.kind is KIND_OF.get(condition, OutcomeKind.FAILED)
    assert outcome.text
    assert outcome.retry_at is None


def test_a_limit_says_when_it_ends_and_whose_it_is(place: Place) -> None:
    before = time.time()
    turn = place.turn("mood quota 60")
    limits = [note for note in turn.notes if isinstance(note, LimitNoted)]
    assert [(note.kind, note.account) for note in limits] == [(LimitKind.QUOTA, "scripted")]
    assert turn.outcome.account == "scripted"
    assert turn.outcome.retry_at == limits[0].resets_at
    assert turn.outcome.retry_at is not None
    assert before + 60 <= turn.outcome.retry_at <= time.time() + 60


def test_a_session_that_is_lost_is_taken_back(place: Place) -> None:
    sessions = [n for n in place.turn("mood session_lost").notes if isinstance(n, SessionNoted)]
    assert sessions[-1] == SessionNoted("")


def test_noise_disturbs_nothing(place: Place) -> None:
    noisy = "say a\nansi\nbinary 5000\nflood 50000000\nrun printf no-newline\nsay b"
    turn = place.turn(noisy)
    assert [text for text in turn.said if not text.startswith("running")] == ["a", "b"]
    assert turn.outcome.kind is OutcomeKind.DONE
    assert turn.ignored_lines >= 3


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("say ok\nfly away", "script line 2: unknown command: fly away"),
        ("write a.txt <<END\nx", "script line 1: no line END ends it"),
        ("on fix\nsay x", "script line 2: the last block has no end"),
        ("end", "script line 1: no block is open here"),
        ("on monday\nend", "script line 1: unknown condition 'monday'"),
        ("sleep long", "script line 1: could not convert"),
        ("crash NOTHING", "script line 1: unknown signal"),
        ("replace a b", "script line 1: needs PATH OLD => NEW"),
        ("hang on", "script line 1: takes no argument"),
        ("mood swings", "script line 1: needs one of "),
        ("mood quota soon", "script line 1: could not convert"),
    ],
)
def test_a_bad_script_is_named_before_anything_is_done(
    place: Place, script: str, message: str
) -> None:
    turn = place.turn(f"{script}")
    assert turn.notes == []
    assert turn.outcome.text.startswith(f"exit code 64: {message}")


def test_a_prompt_without_a_script_is_an_error(place: Place) -> None:
    spec = place.spec("say x")
    place.task_prompt.write_text("Just words.\n")
    process = place.start(spec)
    _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 64
    assert b"no script in the prompt" in stderr


@pytest.mark.parametrize(
    ("prompt", "script"),
    [
        ("a\n```script\nsay x\n```\nb\n```script\nsay y\n```\n", "say x\nsay y\n"),
        ("````script\nwrite a <<E\n```\nE\n````\n", "write a <<E\n```\nE\n"),
        ("a\n#!script\nsay x\n", "say x\n"),
        ("```sh\nsay x\n```\n", None),
    ],
)
def test_where_a_script_stands_in_a_prompt(prompt: str, script: str | None) -> None:
    assert scripted_text.script_text(prompt) == script


@given(st.text())
def test_a_script_is_parsed_or_refused_and_nothing_else(text: str) -> None:
    with contextlib.suppress(scripted_text.BadScript):
        scripted_text.parse(text)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("ours", "one\nours\nlast\n"),
        ("theirs", "one\ntheirs\nlast\n"),
        ("union", "one\nours\ntheirs\nlast\n"),
    ],
)
def test_it_settles_a_conflict(place: Place, side: str, expected: str) -> None:
    file = place.worktree / "f.txt"
    for branch, line in (("main", "base"), ("other", "theirs"), ("main", "ours")):
        place.git("checkout", "-q", "-B" if line == "theirs" else "-q", branch)
        file.write_text(f"one\n{line}\nlast\n")
        place.git("add", "-A")
        place.git("commit", "-q", "-m", line)
    subprocess.run(["git", "merge", "-q", "other"], cwd=place.worktree, capture_output=True)
    assert place.git("ls-files", "-u") != ""
    script = f"on resolve\nresolve {side} f.txt\ncommit merged\nend"
    assert place.turn(script, 2, TurnKind.RESOLVE).outcome.kind is OutcomeKind.DONE
    assert file.read_text() == expected
    assert len(place.git("show", "-s", "--format=%P").split()) == 2


def test_the_ledger_tells_who_ran_when(place: Place, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    place.turn(f"ledger {ledger}\nfail 3")
    place.turn(f"on fix\nledger {ledger}\nend", 2, TurnKind.FIX)
    marks = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [(m["mark"], m["turn"], m["kind"], m["code"]) for m in marks] == [
        ("start", 1, "work", None),
        ("stop", 1, "work", 3),
        ("start", 2, "fix", None),
        ("stop", 2, "fix", 0),
    ]
    assert all((m["run"], m["task"], m["attempt"]) == ("r1", "a", "a.1") for m in marks)
    assert marks[0]["pid"] == marks[1]["pid"] != marks[2]["pid"]
    assert marks[0]["at"] <= marks[1]["at"]


def lines_of(process: subprocess.Popen[bytes]) -> Iterator[dict[str, str]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def test_it_may_ignore_term(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    process = place.start(place.spec(f"ignore-term\nwait {gate}\nsay survived"))
    events = lines_of(process)
    assert any(event.get("text") == "ignoring TERM" for event in events)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    gate.touch()
    assert any(event.get("text") == "survived" for event in events)
    assert process.wait(WAIT_S) == 0


def test_it_may_hang_until_it_is_ended(place: Place) -> None:
    process = place.start(place.spec("hang"))
    assert any(event.get("text") == "hanging" for event in lines_of(process))
    assert process.poll() is None
    process.terminate()
    assert process.wait(WAIT_S) == -signal.SIGTERM


def lines_of_until_result(process: subprocess.Popen[bytes]) -> Iterator[dict[str, str]]:
    for event in lines_of(process):
        yield event
        if event["type"] == "result":
            return


def test_it_may_leave_a_daemon_in_a_session_of_its_own(place: Place) -> None:
    process = place.start(place.spec("fork-daemon 300"))
    found = [e for e in lines_of_until_result(process) if e.get("text", "").startswith("daemon ")]
    daemon = int(found[0]["text"].removeprefix("daemon "))
    try:
        assert process.wait(WAIT_S) == 0
        assert os.getsid(daemon) not in (os.getsid(0), daemon)
        assert b"GANGSAW_ATTEMPT=a.1" in Path(f"/proc/{daemon}/environ").read_bytes()
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_it_waits_for_a_file(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    process = place.start(place.spec(f"say before\nwait {gate}\nsay after"))
    events = lines_of(process)
    assert any(event.get("text") == "before" for event in events)
    assert process.poll() is None
    gate.touch()
    assert any(event.get("text") == "after" for event in events)
    assert process.wait(WAIT_S) == 0
