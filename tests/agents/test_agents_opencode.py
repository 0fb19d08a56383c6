"""opencode's stream, from recorded runs and from made-up ones; and how it is started."""

from __future__ import annotations

import json
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

RECORDED = (golden_streams.HERE / "opencode_1_18_33_edit.jsonl").read_bytes()
AGENT = AgentSettings("o", "opencode")
BRIEF: TurnBrief = golden_streams.BRIEF
NOW = 1_800_000_000.0


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "sessionID": "ses_1", **fields}


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def notes_of(*events: dict[str, Any]) -> list[Note]:
    return adapter_for("opencode").reader(BRIEF).feed(lines(event("hello"), *events))[2:]


def step(message: str = "msg_1") -> dict[str, Any]:
    return event("step_start", part={"messageID": message})


def step_end(reason: str = "stop", cost: float = 0.0, **tokens: Any) -> dict[str, Any]:
    return event("step_finish", part={"reason": reason, "cost": cost, "tokens": tokens})


def text(words: str, **fields: Any) -> dict[str, Any]:
    return event("text", part={"text": words, **fields})


def tool(name: str, error: str = "", metadata: Any = None, **arguments: Any) -> dict[str, Any]:
    state = {"status": "error" if error else "completed", "input": arguments, "error": error}
    return event("tool_use", part={"tool": name, "state": state | {"metadata": metadata}})


def error(name: str = "APIError", **told: Any) -> dict[str, Any]:
    return event("error", error={"name": name, "data": told})


REJECTED = tool("bash", "The user rejected permission to use this specific tool call.")
UNTOLD = error("UnknownError", message="Unexpected server error. Check server logs for details.")


def test_the_session_is_told_once() -> None:
    reader = adapter_for("opencode").reader(BRIEF)
    assert reader.feed(lines(step(), text("x"))) == [
        StartedNoted(),
        SessionNoted("ses_1"),
        MessageNoted("x"),
    ]


def test_figures_and_cost_are_summed_over_the_steps() -> None:
    cache = {"read": 300, "write": 20}
    one = step_end("tool-calls", 0.5, total=1560, input=1200, output=30, reasoning=10, cache=cache)
    two = step_end("stop", 0.25, total=120, input=110, output=10, reasoning=4, cache={})
    assert notes_of(one, text("Done."), two) == [
        UsageNoted(1220, 40, 300, 0.5, 10),
        MessageNoted("Done."),
        UsageNoted(1330, 50, 300, 0.75, 14),
        ResultNoted(True, "Done."),
    ]


def test_a_model_without_a_price_has_no_cost() -> None:
    assert notes_of(step_end("tool-calls", 0, input=1)) == [UsageNoted(1, 0)]


def test_files_questions_and_refusals() -> None:
    patch = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** Update File: /wt/b.txt\n*** End Patch"
    assert notes_of(tool("apply_patch", patchText=patch)) == [
        ToolNoted("apply_patch", "editing a.txt, b.txt"),
        FileNoted("a.txt"),
        FileNoted("b.txt"),
    ]
    assert notes_of(tool("write", filePath="/wt/a", metadata={"filepath": "/wt/c"}))[1:] == [
        FileNoted("a")
    ]
    assert notes_of(tool("write", "no such folder", filePath="/wt/a")) == [
        ToolNoted("write", "write failed: no such folder")
    ]
    assert notes_of(tool("question", questions=[{"question": "Which?"}])) == [
        QuestionNoted("Which?")
    ]
    assert notes_of(tool("invalid", tool="bash", error="")) == [
        ToolNoted("invalid", "bash failed:")
    ]
    assert notes_of(REJECTED) == [
        PermissionNoted(
            "bash: The user rejected permission to use this specific tool call.", refused=True
        )
    ]


def test_a_step_that_begins_anew_is_told() -> None:
    again = ConditionNoted(C.NETWORK, "the model's answer broke off; it is asked again")
    assert notes_of(step(), step()) == [again]
    assert notes_of(step(), step_end("tool-calls", input=1), step("msg_2"))[1:] == []


def test_an_error_is_told_though_it_may_go_on() -> None:
    assert notes_of(error(message="Rate limit reached", statusCode=429)) == [
        LimitNoted(LimitKind.THROTTLE, text="Rate limit reached"),
        ResultNoted(False, "Rate limit reached"),
    ]
    assert notes_of(error("ContextOverflowError", message="too long")) == [
        ConditionNoted(C.CONTEXT_FULL, "too long"),
        ResultNoted(False, "too long"),
    ]


SHORTENED = (error("ContextOverflowError", message="x"), step(), text("so far"), step_end())
GONE_ON = (*SHORTENED, step("msg_2"), text("y"), step_end())
NO_MODEL = b'x level=ERROR error="ProviderModelNotFoundError: Model not found: p/m1.'
SUGGESTED = NO_MODEL + b' Did you mean: m1, m12?"\n'


@pytest.mark.parametrize(
    ("raw", "code", "stderr", "kind", "condition"),
    [
        (RECORDED, 0, b"", OutcomeKind.DONE, None),
        (RECORDED, 1, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED, 143, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED[:-30], 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(*GONE_ON), 0, b"", OutcomeKind.DONE, None),
        (lines(*GONE_ON), 1, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (lines(*SHORTENED), 1, b"", OutcomeKind.FAILED, C.CONTEXT_FULL),
        (lines(step()), 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(step()), 137, b"", OutcomeKind.CRASHED, C.CRASHED),
        (lines(step(), step_end("length")), 0, b"", OutcomeKind.FAILED, C.CUT),
        (lines(step(), REJECTED, step_end("tool-calls")), 0, b"", OutcomeKind.FAILED,
         C.PERMISSION),
        (lines(error(message="unheard of")), 0, b"", OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (lines(error(message="unheard of")), 1, b"", OutcomeKind.FAILED, None),
        (lines(error("ProviderAuthError")), 1, b"", OutcomeKind.REFUSED, C.LOGIN_MISSING),
        (lines(UNTOLD), 1, NO_MODEL + b'"\n', OutcomeKind.REFUSED, C.MODEL_UNKNOWN),
        (lines(UNTOLD), 1, SUGGESTED, OutcomeKind.REFUSED, C.LOGIN_MISSING),
        (lines(UNTOLD), 1, b"", OutcomeKind.FAILED, None),
        (b"", 1, b"\x1b[91mError: \x1b[0mSession not found", OutcomeKind.FAILED, C.SESSION_LOST),
    ],
)  # fmt: skip
def test_how_an_opencode_turn_ended(
    raw: bytes, code: int, stderr: bytes, kind: OutcomeKind, condition: C | None
) -> None:
    reader = adapter_for("opencode").reader(BRIEF)
    reader.feed(raw)
    ending = reader.conclude(Ended(code, None), stderr)
    assert (ending.kind, ending.condition) == (kind, condition)


def test_the_vendors_headers_tell_when_a_limit_passes() -> None:
    reader = adapter_for("opencode").reader(BRIEF)
    headers = {"retry-after": "7200"}
    reader.feed(lines(error(message="slow down", statusCode=429, responseHeaders=headers)))
    ending = reader.conclude(Ended(1, None, NOW), b"")
    assert (ending.condition, ending.retry_at) == (C.QUOTA, NOW + 7200)


def spec_of(*args: str, **fields: Any) -> tuple[tuple[str, ...], dict[str, str]]:
    adapter, agent = adapter_for("opencode"), replace(AGENT, args=args)
    spec = adapter.launch(agent, replace(BRIEF, **fields))
    return spec.argv, dict(spec.env)


def test_opencode_gets_its_prompt_on_standard_input_and_full_approval() -> None:
    spec = adapter_for("opencode").launch(AGENT, replace(BRIEF, prompt="-p " * 400_000))
    assert spec.stdin == b"-p " * 400_000
    assert spec.argv == (
        *("opencode", "run", "--format", "json", "--print-logs", "--log-level", "ERROR"),
        *("--model", "m1", "--auto"),
    )
    assert spec_of("--log-level", "INFO")[0].count("--log-level") == 1


def test_an_opencode_session_is_gone_on_with() -> None:
    argv, _ = spec_of(session="ses_1")
    assert argv[argv.index("--session") + 1] == "ses_1"


def test_what_the_settings_permit_opencode_goes_before_ours() -> None:
    theirs = (("OPENCODE_PERMISSION", '{"bash":"ask"}'),)
    argv, env = spec_of(ambient=theirs)
    assert "--auto" not in argv
    assert env["OPENCODE_PERMISSION"] == '{"bash":"ask"}'
    assert spec_of("--auto", ambient=theirs)[0].count("--auto") == 1


@pytest.mark.parametrize(
    ("told", "kept"),
    [("", {}), ('{"bash":"allow","webfetch":"deny"}', {"webfetch": "deny"}), ("{", {}), ("[]", {})],
)
def test_opencode_only_looks_whatever_the_settings_permit(told: str, kept: dict[str, str]) -> None:
    ambient = (("OPENCODE_PERMISSION", told),) if told else ()
    argv, env = spec_of("--auto", "--title", "x", readonly=True, ambient=ambient)
    assert json.loads(env["OPENCODE_PERMISSION"]) == kept | {"edit": "deny", "bash": "deny"}
    assert argv.count("--auto") == 1
    assert argv[-2:] == ("--title", "x")


def test_a_person_gets_the_same_opencode_session() -> None:
    spec = adapter_for("opencode").interactive(AGENT, replace(BRIEF, session="ses_1"))
    assert spec is not None
    assert spec.argv == ("opencode", "--model", "m1", "--session", "ses_1")
