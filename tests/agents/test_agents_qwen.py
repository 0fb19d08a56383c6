"""Qwen Code's stream, from recorded runs and from made-up ones; and how it is started."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from gangsaw.agents import TurnBrief, adapter_for
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import (
    ConditionNoted,
    Ended,
    FileNoted,
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
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings
from tests.agents import golden_streams

RECORDED = (golden_streams.HERE / "qwen_0_24_4_edit.jsonl").read_bytes()
AGENT = AgentSettings("q", "qwen")
BRIEF: TurnBrief = golden_streams.BRIEF


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def notes_of(*events: dict[str, Any]) -> list[Note]:
    return adapter_for("qwen").reader(BRIEF).feed(lines(*events))


INIT = {"type": "system", "subtype": "init", "session_id": "s1", "model": "m", "cwd": "/wt"}
GOOD = {"type": "result", "is_error": False, "result": "Done."}


def bad(message: str) -> dict[str, Any]:
    return {"type": "result", "is_error": True, "error": {"message": message}}


def assistant(*blocks: dict[str, Any], **usage: int) -> dict[str, Any]:
    return {"type": "assistant", "message": {"content": list(blocks), "usage": usage}}


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t", "name": name, "input": arguments}


def answered(text: str, *, is_error: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": "t", "is_error": is_error, "content": text}
    return {"type": "user", "message": {"content": [block]}}


DECLINED = answered(
    'Qwen Code requires permission to use "x", but that was declined.', is_error=True
)


def test_it_tells_version_model_and_session_once() -> None:
    again = INIT | {"qwen_code_version": "0.24.4"}
    assert notes_of(again, again) == [StartedNoted("0.24.4", "m"), SessionNoted("s1")]


def test_its_own_words_on_a_failed_request_are_not_the_models() -> None:
    failed = {"type": "text", "text": "I wa[API Error: terminated]"}
    words = {"type": "text", "text": "Hello\nyou"}
    assert notes_of(assistant(failed), assistant(words)) == [MessageNoted("Hello")]


def test_figures_leave_out_the_cache_and_end_as_those_of_the_session() -> None:
    one = {"input_tokens": 100, "output_tokens": 5, "cache_read_input_tokens": 60}
    end = GOOD | {"usage": {"input_tokens": 900, "output_tokens": 50, "cache_read_input_tokens": 9}}
    assert notes_of(assistant(**one), assistant(), assistant(**one), end) == [
        UsageNoted(40, 5, 60),
        UsageNoted(80, 10, 120),
        UsageNoted(891, 50, 9, of_session=True),
        ResultNoted(True, "Done."),
    ]


def test_files_refusals_and_questions() -> None:
    write = assistant(tool("write_file", file_path="/wt/a.txt"))
    noted = ToolNoted("write_file", "editing a.txt")
    assert notes_of(write, answered("Successfully created")) == [noted, FileNoted("a.txt")]
    refused = PermissionNoted(
        'write_file: Qwen Code requires permission to use "x", but that was declined.', refused=True
    )
    assert notes_of(write, DECLINED) == [noted, refused]
    ask = assistant(tool("ask_user_question", questions=[{"question": "Which?"}]))
    assert notes_of(ask) == [QuestionNoted("Which?")]


@pytest.mark.parametrize(
    ("told", "note"),
    [
        ({"delayMs": 60_000, "attempt": 1, "maxRetries": 10},
         ConditionNoted(C.THROTTLED, "waiting 60 s for the model, try 1 of 10")),
        ({"preserveText": False},
         ConditionNoted(C.NETWORK, "no whole answer came; the model is asked again")),
    ],
)  # fmt: skip
def test_qwen_tries_again_in_sight(told: dict[str, Any], note: Note) -> None:
    assert notes_of({"type": "system", "subtype": "retry", "data": told}) == [note]


def test_a_limit_is_noted_without_the_advice() -> None:
    words = "[API Error: 429 You exceeded your current quota.]"
    notes = notes_of(bad(f"{words}\nPossible quota limitations in place or slow."))
    assert notes == [LimitNoted(LimitKind.QUOTA, text=words), ResultNoted(False, words)]


@pytest.mark.parametrize(
    ("raw", "code", "stderr", "kind", "condition"),
    [
        (RECORDED, 0, b"", OutcomeKind.DONE, None),
        (RECORDED, 1, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED[:-30], 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(INIT), 53, b"Reached max session turns", OutcomeKind.FAILED, C.TURN_LIMIT),
        (lines(INIT), 55, b"wall time", OutcomeKind.FAILED, C.TURN_LIMIT),
        (lines(INIT), 143, b"", OutcomeKind.CRASHED, C.CRASHED),
        (lines(INIT, bad("unheard of")), 0, b"", OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (lines(INIT, bad("unheard of")), 1, b"", OutcomeKind.FAILED, None),
        (lines(INIT, bad("[API Error: 403 Forbidden]")), 1, b"", OutcomeKind.REFUSED,
         C.LOGIN_EXPIRED),
        (lines(INIT, bad("No auth type is selected.")), 1, b"", OutcomeKind.REFUSED,
         C.LOGIN_MISSING),
        (lines(INIT, assistant(tool("edit")), DECLINED, GOOD), 0, b"", OutcomeKind.DONE,
         C.PERMISSION),
        (lines(INIT, assistant(tool("edit")), DECLINED, answered("ok"), GOOD), 0, b"",
         OutcomeKind.DONE, None),
        (lines(INIT, assistant(tool("ask_user_question")), GOOD), 0, b"", OutcomeKind.DONE,
         C.ANSWER),
        (b"", 1, b"Error: Session Id x already exists (active or archived).", OutcomeKind.FAILED,
         C.SESSION_LOST),
    ],
)  # fmt: skip
def test_how_a_qwen_turn_ended(
    raw: bytes, code: int, stderr: bytes, kind: OutcomeKind, condition: C | None
) -> None:
    reader = adapter_for("qwen").reader(BRIEF)
    reader.feed(raw)
    ending = reader.conclude(Ended(code, None), stderr)
    assert (ending.kind, ending.condition) == (kind, condition)


def argv_of(*args: str, **fields: Any) -> tuple[str, ...]:
    return adapter_for("qwen").launch(replace(AGENT, args=args), replace(BRIEF, **fields)).argv


def test_qwen_gets_its_prompt_on_standard_input_and_full_approval() -> None:
    spec = adapter_for("qwen").launch(AGENT, replace(BRIEF, prompt="-p " * 400_000))
    assert spec.stdin == b"-p " * 400_000
    assert spec.argv[:-1] == (
        *("qwen", "--output-format", "stream-json", "--approval-mode", "yolo"),
        *("--model", "m1", "--session-id"),
    )
    assert uuid.UUID(spec.argv[-1]).version == 5


def test_the_model_stands_beside_the_key() -> None:
    assert dict(adapter_for("qwen").launch(AGENT, BRIEF).env)["OPENAI_MODEL"] == "m1"
    theirs = replace(BRIEF, ambient=(("OPENAI_MODEL", "m2"),))
    assert dict(adapter_for("qwen").launch(AGENT, theirs).env)["OPENAI_MODEL"] == "m2"
    assert "OPENAI_MODEL" not in dict(
        adapter_for("qwen").launch(AGENT, replace(BRIEF, model=None)).env
    )


def test_a_qwen_session_is_gone_on_with() -> None:
    assert argv_of(session="s1")[-2:] == ("--resume", "s1")


@pytest.mark.parametrize("args", [("--approval-mode", "auto-edit"), ("--yolo",)])
def test_what_the_settings_permit_qwen_goes_before_ours(args: tuple[str, ...]) -> None:
    argv = argv_of(*args)
    assert argv[-len(args) :] == args
    assert argv.count("--approval-mode") == args.count("--approval-mode")


@pytest.mark.parametrize(
    "args", [(), ("--approval-mode", "yolo"), ("--approval-mode=yolo",), ("-y",)]
)
def test_qwen_only_looks_whatever_the_settings_permit(args: tuple[str, ...]) -> None:
    argv = argv_of(*args, "--debug", readonly=True)
    assert argv.count("--approval-mode") == 1
    assert argv[argv.index("--approval-mode") + 1] == "default"
    assert argv[-1] == "--debug"


def test_a_person_gets_the_same_qwen_session() -> None:
    spec = adapter_for("qwen").interactive(AGENT, replace(BRIEF, session="s1"))
    assert spec is not None
    assert spec.argv == ("qwen", "--model", "m1", "--resume", "s1")
