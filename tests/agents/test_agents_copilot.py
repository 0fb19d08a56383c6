"""Copilot's stream, from recorded runs and from made-up ones; and how it is started."""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import Reader, adapter_for
from gangsaw.agents.sessions import new_session
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import (
    Ended,
    Note,
    OutcomeKind,
    QuestionNoted,
    SessionNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings
from tests.agents import golden_streams

RECORDED = (golden_streams.HERE / "copilot_1_0_102_edit.jsonl").read_bytes()
AGENT = AgentSettings("c", "copilot")
BRIEF = golden_streams.BRIEF
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)
BEGUN = b'{"type":"assistant.turn_start","data":{}}\n'
ERROR: dict[str, Any] = {"type": "session.error", "data": {"message": "odd"}}
RESULT = {"type": "result", "exitCode": 0}


def reader_of() -> Reader:
    return adapter_for("copilot").reader(BRIEF)


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def outcome(raw: bytes, ended: Ended = EXIT_1, stderr: bytes = b"") -> TurnOutcome:
    reader = reader_of()
    reader.feed(raw)
    return reader.conclude(ended, stderr)


@given(st.lists(st.integers(0, len(RECORDED)), max_size=30))
def test_copilot_notes_do_not_depend_on_how_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(RECORDED)]
    reader = reader_of()
    chunks = [RECORDED[a:b] for a, b in itertools.pairwise(edges)]
    assert [n for chunk in chunks for n in reader.feed(chunk)] == reader_of().feed(RECORDED)


KEYS = st.sampled_from(
    "type data message content model toolName arguments command path question success error code"
    " fileEdits errorMessage statusCode retryAttempt exitCode modelMetrics usage inputTokens denied"
    " bash ask_user create".split()
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
KINDS = (
    *("result", "session.error", "model.call_failure", "assistant.message", "model.call_start"),
    *("tool.execution_start", "tool.execution_complete"),
)
EVENT_LIKE = st.dictionaries(KEYS, ANY_JSON, max_size=6).flatmap(
    lambda event: st.sampled_from(KINDS).map(
        lambda kind: json.dumps({"modelMetrics": event} | event | {"type": kind}).encode()
    )
)


@given(st.lists(st.binary(max_size=30) | EVENT_LIKE, max_size=6))
def test_no_bytes_make_the_copilot_reader_raise(raw: list[bytes]) -> None:
    reader = reader_of()
    notes: list[Note] = reader.feed(b"\n".join(raw) + b"\n")
    for note in [*notes, reader.conclude(EXIT_1, b"\xff\x1b[31m")]:
        repr(note).encode("utf-8")
        for name in note.__slots__:
            value = getattr(note, name)
            assert not isinstance(value, str) or value.encode("utf-8") is not None


def test_the_session_is_told_with_the_first_event() -> None:
    assert reader_of().feed(BEGUN) == [SessionNoted(new_session(BRIEF))]
    resumed = adapter_for("copilot").reader(replace(BRIEF, session="s1"))
    assert resumed.feed(BEGUN + BEGUN) == [SessionNoted("s1")]


@pytest.mark.parametrize(
    ("name", "arguments", "shown"),
    [
        ("bash", {"command": "pytest -q\nmore"}, "running: pytest -q"),
        ("edit", {"path": "/wt/src/x.py"}, "editing src/x.py"),
        ("view", {"path": "/wt/a"}, "reading a"),
        ("grep", {"pattern": "def x"}, "searching: def x"),
        ("web_fetch", {}, "using web_fetch"),
    ],
)
def test_copilot_tools_in_a_few_words(name: str, arguments: dict[str, str], shown: str) -> None:
    data = {"toolName": name, "arguments": arguments}
    notes = reader_of().feed(lines({"type": "tool.execution_start", "data": data}))
    assert notes[1:] == [ToolNoted(name, shown)]


def test_a_question_of_copilots_is_noted() -> None:
    data = {"toolName": "ask_user", "arguments": {"question": "Which?"}}
    notes = reader_of().feed(lines({"type": "tool.execution_start", "data": data}))
    assert notes[1:] == [QuestionNoted("Which?")]


def test_usage_of_several_models_is_added_up_the_cache_apart() -> None:
    model = {"usage": {"inputTokens": 100, "cacheReadTokens": 60, "outputTokens": 9}}
    raw = lines({"modelMetrics": {"a": model, "b": model}})
    assert reader_of().feed(raw) == [UsageNoted(80, 18, 120, of_session=True)]
    assert reader_of().feed(lines({"modelMetrics": {}})) == []


@pytest.mark.parametrize(
    ("raw", "ended", "kind", "condition"),
    [
        (RECORDED, EXIT_0, OutcomeKind.DONE, None),
        (RECORDED, EXIT_1, OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED, Ended(None, 9), OutcomeKind.CRASHED, C.CRASHED),
        (BEGUN, Ended(137, None), OutcomeKind.CRASHED, C.CRASHED),
        (BEGUN, EXIT_0, OutcomeKind.FAILED, C.CUT),
        (BEGUN + b'{"type":"ass', EXIT_1, OutcomeKind.FAILED, C.CUT),
        (b"", Ended(127, None), OutcomeKind.REFUSED, None),
        (lines(ERROR, RESULT), EXIT_0, OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (lines(ERROR, RESULT), EXIT_1, OutcomeKind.FAILED, None),
        (lines(ERROR), EXIT_1, OutcomeKind.FAILED, None),
        (lines({"type": "result", "exitCode": 1}), EXIT_1, OutcomeKind.FAILED, None),
        (
            lines(ERROR, {"type": "assistant.message", "data": {"content": "On."}}, RESULT),
            EXIT_0,
            OutcomeKind.DONE,
            None,
        ),
    ],
)
def test_how_a_copilot_turn_ended(
    raw: bytes, ended: Ended, kind: OutcomeKind, condition: C | None
) -> None:
    ending = outcome(raw, ended)
    assert (ending.kind, ending.condition) == (kind, condition)


def program_of(*args: str, **fields: Any) -> tuple[str, ...]:
    """The program's own arguments, without the shell around it."""
    spec = adapter_for("copilot").launch(replace(AGENT, args=args), replace(BRIEF, **fields))
    assert spec.argv[:2] == ("sh", "-c")
    assert spec.argv[4] == "/s/p.md.usage"
    return spec.argv[5:]


def test_copilot_presets_its_session_and_goes_on_with_it() -> None:
    first = program_of()
    assert first[0] == "copilot"
    assert first[first.index("--session-id") + 1] == new_session(BRIEF)
    again = program_of(session="s1")
    assert again[again.index("--resume") + 1] == "s1"
    assert "--session-id" not in again


def test_permissions_of_copilot_are_full_unless_the_settings_or_the_turn_say_otherwise() -> None:
    assert {"--allow-all-tools", "--allow-all-paths"} < set(program_of())
    narrow = program_of("--allow-tool=write")
    assert "--allow-all-tools" not in narrow
    assert program_of("--yolo", readonly=True, session="s")[-4:] == (
        *("--yolo", "--allow-all-tools", "--deny-tool=shell", "--deny-tool=write"),
    )


def test_copilot_at_a_terminal_goes_on_in_the_same_session() -> None:
    spec = adapter_for("copilot").interactive(AGENT, replace(BRIEF, session="s1"))
    assert spec is not None
    assert spec.argv == ("copilot", "--model", "m1", "--resume", "s1")


FAKE = """#!/bin/sh
cat >"$0.stdin"
while [ $# -gt 0 ]; do
  [ "$1" != --usage-output-file ] || printf '{\\n "modelMetrics": {}\\n}' >"$2"
  shift
done
printf '{"type":"result"}'
exit $CODE
"""


@pytest.mark.parametrize("code", [0, 3])
def test_the_shell_around_it_adds_the_usage_and_keeps_prompt_and_exit_code(
    tmp_path: Path, code: int
) -> None:
    program = tmp_path / "a copilot"
    program.write_text(FAKE)
    program.chmod(0o755)
    brief = replace(BRIEF, prompt="do 'it'", prompt_file=str(tmp_path / "p 1.md"))
    spec = adapter_for("copilot").launch(replace(AGENT, binary=str(program)), brief)
    env = {"PATH": "/usr/bin:/bin", "CODE": str(code)}
    done = subprocess.run(spec.argv, input=spec.stdin, env=env, capture_output=True, check=False)
    assert done.returncode == code
    assert done.stdout.splitlines() == [b'{"type":"result"}', b'{ "modelMetrics": {}}']
    assert (tmp_path / "a copilot.stdin").read_text() == "do 'it'"
    assert done.stderr == b""
