"""The bridge to agents of the Agent Client Protocol, started as the adapter says, with a small
agent at its other end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gangsaw.agents import TurnBrief, adapter_for
from gangsaw.core.conditions import Condition
from gangsaw.core.launch import (
    ConditionNoted,
    Ended,
    FileNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    PermissionNoted,
    ResultNoted,
    SessionNoted,
    StartedNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings

FAKE = str(Path(__file__).parent / "fake_acp_agent.py")
WAIT_S = 120.0


@dataclass
class Turn:
    """How a turn went."""

    notes: list[Note]
    outcome: TurnOutcome
    ignored: int
    code: int
    raw: bytes

    def texts(self, kind: type[MessageNoted] | type[ToolNoted]) -> list[str]:
        return [note.text for note in self.notes if isinstance(note, kind)]

    @property
    def session(self) -> str:
        return [note.session for note in self.notes if isinstance(note, SessionNoted)][-1]


class Place:
    """A folder as the worktree, and the fake agent's settings."""

    def __init__(self, folder: Path) -> None:
        self.worktree = folder / "wt"
        self.worktree.mkdir()
        self.agent = AgentSettings("f", "acp", argv=(sys.executable, "-I", FAKE))
        self.brief = TurnBrief(
            run="r1",
            task="a",
            attempt="a.1",
            turn=1,
            kind=TurnKind.WORK,
            prompt="",
            prompt_file=str(folder / "p.md"),
            task_prompt_file=str(folder / "t.md"),
            worktree=str(self.worktree),
            ambient=(("HOME", str(folder)), ("PATH", os.environ["PATH"])),
        )

    def start(self, brief: TurnBrief, *options: str) -> subprocess.Popen[bytes]:
        agent = replace(self.agent, argv=(*self.agent.argv, *options))
        spec = adapter_for("acp").launch(agent, brief)
        process = subprocess.Popen(
            spec.argv,
            cwd=spec.cwd,
            env=dict(spec.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        process.stdin.write(spec.stdin or b"")
        process.stdin.close()
        process.stdin = None
        return process

    def finish(
        self, brief: TurnBrief, process: subprocess.Popen[bytes], before: bytes = b""
    ) -> Turn:
        out, err = process.communicate(timeout=WAIT_S)
        raw, code = before + out, process.returncode
        reader = adapter_for("acp").reader(brief)
        notes = reader.feed(raw)
        ended = Ended(code, None) if code >= 0 else Ended(None, -code)
        return Turn(notes, reader.conclude(ended, err), reader.ignored_lines, code, raw)

    def turn(self, prompt: str, *options: str, session: str = "", readonly: bool = False) -> Turn:
        brief = replace(self.brief, prompt=prompt, session=session or None, readonly=readonly)
        return self.finish(brief, self.start(brief, *options))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def until(process: subprocess.Popen[bytes], words: bytes) -> bytes:
    """What the bridge writes up to a line with these words."""
    assert process.stdout is not None
    read = b""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"{words!r} never came: {read!r}")


def is_gone(pid: int) -> bool:
    """Whether no such process runs any more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_it_writes_when_permitted_and_tells_everything(place: Place) -> None:
    turn = place.turn("say I begin.\nwrite a.txt hello\nusage 10 2\nsay Done.")
    assert (place.worktree / "a.txt").read_text() == "hello\n"
    assert turn.notes == [
        StartedNoted("fake 1.0", "m1"),
        SessionNoted(turn.session),
        MessageNoted("I begin."),
        ToolNoted("edit", "editing a.txt"),
        PermissionNoted("editing a.txt"),
        FileNoted("a.txt"),
        MessageNoted("Done."),
        UsageNoted(10, 2),
        ResultNoted(True, "Done."),
    ]
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "Done.")
    assert turn.ignored == 0


def test_a_session_is_loaded_and_its_past_is_not_told_again(place: Place) -> None:
    first = place.turn("say one")
    for options in ((), ("--late-past",)):
        again = place.turn("say two", *options, session=first.session)
        assert again.outcome.kind is OutcomeKind.DONE
        assert again.session == first.session
        assert "past: say one" not in again.raw.decode()
        assert again.texts(MessageNoted)[-1] == "two"


def test_an_unknown_session_is_lost_and_a_signed_out_agent_is_not(place: Place) -> None:
    lost = place.turn("say x", session="never-was")
    assert (lost.session, lost.outcome.condition) == ("", Condition.SESSION_LOST)
    signed_out = place.turn("say x", "--signed-out", session="never-was")
    assert signed_out.outcome.condition is Condition.LOGIN_MISSING
    assert signed_out.outcome.kind is OutcomeKind.REFUSED


def test_an_agent_that_keeps_no_sessions_names_none(place: Place) -> None:
    turn = place.turn("say x", "--no-load")
    assert not [note for note in turn.notes if isinstance(note, SessionNoted)]
    assert turn.outcome.kind is OutcomeKind.DONE
    lost = place.turn("say x", "--no-load", session="s")
    assert lost.outcome.condition is Condition.SESSION_LOST


def test_a_turn_that_only_looks_may_read_and_not_write(place: Place) -> None:
    turn = place.turn("look a.txt\nwrite a.txt no\nsay Fine.", readonly=True)
    assert not (place.worktree / "a.txt").exists()
    asked = [note for note in turn.notes if isinstance(note, PermissionNoted)]
    assert asked == [
        PermissionNoted("reading a.txt"),
        PermissionNoted("editing a.txt", refused=True),
    ]
    assert turn.texts(MessageNoted) == ["set x#plan", "Fine."]
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "Fine.")


def test_model_and_mode_are_set_as_the_agent_offers_it(place: Place) -> None:
    place.agent = replace(place.agent, model="m2", args=("--mode", "x#plan"))
    turn = place.turn("say x")
    assert turn.texts(MessageNoted) == ["set x#planset m2x"]
    assert StartedNoted("fake 1.0", "m2") in turn.notes


def test_a_model_that_cannot_be_told_is_named(place: Place) -> None:
    first = place.turn("say one")
    place.agent = replace(place.agent, model="m2")
    turn = place.turn("say x", session=first.session)
    assert any(
        isinstance(note, ConditionNoted) and note.condition is Condition.MODEL_UNKNOWN
        for note in turn.notes
    )
    assert turn.outcome.kind is OutcomeKind.DONE


@pytest.mark.parametrize(
    ("prompt", "kind", "condition"),
    [
        ("fail -32000 Authentication required", OutcomeKind.REFUSED, Condition.LOGIN_MISSING),
        ("fail 429 You exceeded your current quota", OutcomeKind.LIMITED, Condition.QUOTA),
        ("fail 500 something odd", OutcomeKind.FAILED, None),
        ("stop max_turn_requests", OutcomeKind.FAILED, Condition.TURN_LIMIT),
        ("stop max_tokens", OutcomeKind.FAILED, Condition.CONTEXT_FULL),
        ("stop refusal", OutcomeKind.FAILED, None),
        ("say Error: 401 Incorrect API key provided", OutcomeKind.REFUSED, Condition.LOGIN_EXPIRED),
        ("say x\ndie 3", OutcomeKind.FAILED, None),
        ("say x\ndie 0", OutcomeKind.FAILED, Condition.CUT),
        ("kill", OutcomeKind.CRASHED, Condition.CRASHED),
    ],
)
def test_every_ending_is_told_apart(
    place: Place, prompt: str, kind: OutcomeKind, condition: Condition | None
) -> None:
    outcome = place.turn(prompt).outcome
    assert (outcome.kind, outcome.condition) == (kind, condition)
    assert outcome.text


def test_an_agent_that_cannot_be_started_is_said(place: Place) -> None:
    place.agent = replace(place.agent, argv=("/nonexistent/agent",))
    outcome = place.turn("say x").outcome
    assert outcome.kind is OutcomeKind.REFUSED
    assert "cannot start the agent" in outcome.text


def test_another_version_of_the_protocol_is_refused(place: Place) -> None:
    outcome = place.turn("say x", "--version").outcome
    assert outcome.kind is OutcomeKind.FAILED
    assert "version 2 of the protocol" in outcome.text


def test_noise_is_passed_over_and_unknown_requests_are_answered(place: Place) -> None:
    turn = place.turn("noise\nask-client\nsay Done.")
    assert turn.outcome.kind is OutcomeKind.DONE
    assert "-32601" in turn.outcome.text
    assert turn.ignored == 0


def test_floods_are_cut_and_a_prompt_of_megabytes_arrives(place: Place) -> None:
    # One tool's output of 20 MB is longer than a message may be, one of 4 MB is cut.
    filler = "".join(f"line {number}\n" for number in range(300_000))
    turn = place.turn(f"{filler}flood 4000000\nflood 20000000\nsay Done.")
    assert turn.outcome == TurnOutcome(OutcomeKind.DONE, "Done.")
    assert len(turn.raw) < 20_000
    assert b"flood" in turn.raw


def test_told_to_stop_it_has_the_agent_cancel_and_leaves_nothing(place: Place) -> None:
    brief = replace(place.brief, prompt="child\nhang")
    process = place.start(brief)
    before = until(process, b"ging")
    agent = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    process.send_signal(signal.SIGTERM)
    turn = place.finish(brief, process, before)
    assert turn.code == 128 + signal.SIGTERM
    last = json.loads(turn.raw.splitlines()[-1])
    assert (last["type"], last["stop"]) == ("end", "cancelled")
    assert is_gone(agent)
    os.killpg(process.pid, signal.SIGKILL)  # the agent's own child, which the shim would sweep


def test_an_agent_that_will_not_end_is_killed(place: Place) -> None:
    brief = replace(place.brief, prompt="stubborn")
    process = place.start(brief)
    before = until(process, b"born")
    agent = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    process.send_signal(signal.SIGTERM)
    turn = place.finish(brief, process, before)
    assert turn.code == 128 + signal.SIGTERM
    assert is_gone(agent)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child")
def test_a_bridge_that_is_killed_takes_its_agent_along(place: Place) -> None:
    brief = replace(place.brief, prompt="stubborn")
    process = place.start(brief)
    until(process, b"born")
    agent = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    watch = os.pidfd_open(agent)
    process.kill()
    process.communicate(timeout=WAIT_S)
    assert select.select([watch], [], [], WAIT_S)[0], "the agent lives on"
    os.close(watch)
    assert is_gone(agent)
