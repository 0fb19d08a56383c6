"""Gemini CLI's stream, from recorded runs and from made-up ones; and how it is started."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from gangsaw.agents import TurnBrief, adapter_for
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import (
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    ResultNoted,
    ToolNoted,
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings
from tests.agents import golden_streams

RECORDED = (golden_streams.HERE / "gemini_0_61_0_edit.jsonl").read_bytes()
AGENT = AgentSettings("g", "gemini")
BRIEF: TurnBrief = golden_streams.BRIEF
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)
NOW = 1_800_000_000.0


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def notes_of(*events: dict[str, Any]) -> list[Note]:
    return adapter_for("gemini").reader(BRIEF).feed(lines(*events))


INIT: dict[str, Any] = {"type": "init", "session_id": "s1", "model": "m1"}
GOOD: dict[str, Any] = {"type": "result", "status": "success", "stats": {}}
WARNED = {"type": "error", "severity": "warning", "message": "Loop detected, stopping execution"}
EMPTY = {"type": "error", "severity": "error", "message": "The model returned an empty response"}


def said(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": text, "delta": True} | fields


def bad(message: str = "", kind: str = "unknown") -> dict[str, Any]:
    return {"type": "result", "status": "error", "error": {"type": kind, "message": message}}


def test_words_in_pieces_are_one_message_and_the_last_one_is_the_result() -> None:
    tool = {"type": "tool_use", "tool_name": "read_file", "parameters": {"file_path": "/wt/a"}}
    assert notes_of(said("I lo"), said("ok.\nNow"), tool, said("All"), said(" done."), GOOD) == [
        MessageNoted("I look."),
        ToolNoted("read_file", "reading a"),
        MessageNoted("All done."),
        ResultNoted(True, "All done."),
    ]


def test_a_file_is_noted_when_it_is_written() -> None:
    edit: dict[str, Any] = {"type": "tool_use", "tool_name": "replace", "tool_id": "t"}
    edit["parameters"] = {"file_path": "/wt/src/a.py"}
    done = {"type": "tool_result", "tool_id": "t", "status": "success"}
    assert notes_of(edit, done) == [ToolNoted("replace", "editing src/a.py"), FileNoted("src/a.py")]
    assert notes_of(edit, done | {"status": "error"})[1:] == []


def test_figures_leave_out_the_cache_and_take_the_thinking_in() -> None:
    stats = {"total_tokens": 1000, "input_tokens": 700, "output_tokens": 100, "cached": 500}
    assert notes_of(GOOD | {"stats": stats})[0] == UsageNoted(200, 300, 500, None, 200)


def test_trouble_in_the_middle_is_told() -> None:
    assert notes_of(EMPTY) == [
        ConditionNoted(C.MALFORMED, "The model returned an empty response"),
    ]
    assert notes_of(WARNED) == [ActivityNoted("Loop detected, stopping execution")]


@pytest.mark.parametrize(
    ("raw", "code", "stderr", "kind", "condition"),
    [
        (RECORDED, 0, b"", OutcomeKind.DONE, None),
        (RECORDED, 1, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED[:-30], 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(INIT), 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(INIT), 137, b"", OutcomeKind.CRASHED, C.CRASHED),
        (lines(INIT, WARNED, said("x"), GOOD), 0, b"", OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (lines(INIT, EMPTY, bad()), 0, b"", OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (lines(INIT, bad("Operation cancelled.")), 130, b"", OutcomeKind.CRASHED, C.CRASHED),
        (lines(INIT, bad("[API Error: x]")), 173, b"", OutcomeKind.LIMITED, C.THROTTLED),
        (lines(INIT, bad("[API Error: x]")), 17, b"", OutcomeKind.LIMITED, C.OVERLOADED),
        (lines(INIT, bad("[API Error: x]")), 147, b"", OutcomeKind.REFUSED, C.LOGIN_EXPIRED),
        (lines(INIT, bad("[API Error: x]")), 1, b"", OutcomeKind.FAILED, None),
        (lines(INIT, bad("x", "FatalTurnLimitedError")), 1, b"", OutcomeKind.FAILED, C.TURN_LIMIT),
        (b"", 53, b"", OutcomeKind.FAILED, C.TURN_LIMIT),
        (b"", 41, b"", OutcomeKind.REFUSED, C.LOGIN_MISSING),
        (b"", 55, b"not running in a trusted directory", OutcomeKind.REFUSED, C.TRUST),
        (b"", 42, b'Error starting session: Session ID "x" already exists.', OutcomeKind.FAILED,
         C.SESSION_LOST),
        (b"", 1, b"YOLO mode is enabled.\nunheard of\n", OutcomeKind.FAILED, None),
    ],
)  # fmt: skip
def test_how_a_gemini_turn_ended(
    raw: bytes, code: int, stderr: bytes, kind: OutcomeKind, condition: C | None
) -> None:
    reader = adapter_for("gemini").reader(BRIEF)
    reader.feed(raw)
    ending = reader.conclude(Ended(code, None), stderr)
    assert (ending.kind, ending.condition) == (kind, condition)
    assert "YOLO" not in ending.text


def test_the_reset_of_a_limit_stands_in_the_trace_alone() -> None:
    reader = adapter_for("gemini").reader(BRIEF)
    reader.feed(lines(INIT, bad("[API Error: You have exhausted your daily quota on this model.]")))
    trace = b"TerminalQuotaError: x {\n  cause: {\n    message: 'Please retry in 30s.',\n  }"
    ending = reader.conclude(Ended(173, None, NOW), trace)
    assert (ending.condition, ending.retry_at) == (C.QUOTA, NOW + 30.0)


def argv_of(*args: str, **fields: Any) -> tuple[str, ...]:
    return adapter_for("gemini").launch(replace(AGENT, args=args), replace(BRIEF, **fields)).argv


def test_gemini_gets_its_prompt_on_standard_input_and_full_approval() -> None:
    spec = adapter_for("gemini").launch(AGENT, replace(BRIEF, prompt="-p " * 400_000))
    assert spec.stdin == b"-p " * 400_000
    assert spec.argv[:-1] == (
        *("gemini", "--output-format", "stream-json", "--skip-trust", "--approval-mode", "yolo"),
        *("--model", "m1", "--session-id"),
    )
    assert uuid.UUID(spec.argv[-1]).version == 5
    assert dict(spec.env)["GEMINI_CLI_NO_RELAUNCH"] == "true"


def test_a_gemini_session_is_gone_on_with() -> None:
    assert argv_of(session="s1")[-2:] == ("--resume", "s1")
    assert "--session-id" not in argv_of(session="s1")


@pytest.mark.parametrize(
    "args",
    [
        ("--approval-mode", "auto_edit"),
        ("--approval-mode=default",),
        ("-y",),
        ("--allowed-tools=x",),
    ],
)
def test_what_the_settings_permit_gemini_goes_before_ours(args: tuple[str, ...]) -> None:
    argv = argv_of(*args)
    assert argv[-len(args) :] == args
    assert "yolo" not in argv


@pytest.mark.parametrize(
    "args",
    [
        *((), ("--approval-mode", "yolo"), ("--approval-mode=yolo",), ("-y",)),
        *(("--allowed-tools", "x"), ("--allowed-tools", "x", "y")),
    ],
)
def test_gemini_only_looks_whatever_the_settings_permit(args: tuple[str, ...]) -> None:
    argv = argv_of("--debug", *args, readonly=True)
    assert argv.count("--approval-mode") == 1
    assert argv[argv.index("--approval-mode") + 1] == "default"
    assert argv[-1] == "--debug"


def test_a_person_gets_the_same_gemini_session() -> None:
    spec = adapter_for("gemini").interactive(AGENT, replace(BRIEF, session="s1"))
    assert spec is not None
    assert spec.argv == ("gemini", "--skip-trust", "--model", "m1", "--resume", "s1")


@pytest.mark.parametrize("kind", [{}, [], 7, None])
def test_a_gemini_error_of_a_wrong_shape_is_no_refusal(kind: object) -> None:
    reader = adapter_for("gemini").reader(BRIEF)
    use = '{"type": "tool_use", "tool_id": "t", "tool_name": "write_file", "parameters": {}}'
    ended = {"type": "tool_result", "tool_id": "t", "status": "error", "error": {"type": kind}}
    result = json.dumps(ended)
    assert reader.feed(f"{use}\n{result}\n".encode())
