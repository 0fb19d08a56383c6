"""Claude Code's stream, from a recorded run and from made-up ones; and how it is started."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import Reader, TurnBrief, adapter_for
from gangsaw.agents.endings import KIND_OF
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import (
    ActivityNoted,
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
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings

# A run of version 2.1.329 against a scripted model: write a file, commit it, say so.
RECORDED = (Path(__file__).parent / "claude_2_1_329_edit.jsonl").read_bytes()
BEGUN = RECORDED.partition(b"\n")[0] + b"\n"
SESSION = "00000000-0000-4000-8000-000000000001"
AGENT = AgentSettings("c", "claude")
BRIEF = TurnBrief(
    run="r1",
    task="a",
    attempt="a.1",
    turn=1,
    kind=TurnKind.WORK,
    prompt="do it",
    prompt_file="/s/p.md",
    task_prompt_file="/s/t.md",
    worktree="/wt",
    model="m1",
)
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)


def reader_of(session: str | None = None) -> Reader:
    return adapter_for("claude").reader(replace(BRIEF, session=session))


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def result(**fields: Any) -> dict[str, Any]:
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": "Done.",
        "session_id": SESSION,
        "api_error_status": None,
    } | fields


def outcome(
    raw: bytes, ended: Ended = EXIT_1, stderr: bytes = b"", session: str | None = None
) -> TurnOutcome:
    reader = reader_of(session)
    reader.feed(raw)
    return reader.conclude(ended, stderr)


def test_notes_of_a_recorded_run() -> None:
    reader = reader_of()
    assert reader.feed(RECORDED) == [
        StartedNoted("2.1.329", "claude-sonnet-4-5"),
        SessionNoted(SESSION),
        MessageNoted("I will write the file."),
        UsageNoted(1200, 1, 300),
        ToolNoted("Write", "editing a.txt"),
        FileNoted("a.txt"),
        MessageNoted("Now I commit it."),
        UsageNoted(1320, 2, 1800),
        ToolNoted(
            "Bash", "running: git add -A && git commit -q -m add-a.txt && git log -1 --format=%s"
        ),
        MessageNoted("Done with a.txt."),
        UsageNoted(1430, 3, 3400),
        UsageNoted(1430, 82, 3400, 0.006555),
        ResultNoted(True, "Done with a.txt."),
    ]
    assert reader.ignored_lines == 0
    done = TurnOutcome(OutcomeKind.DONE, "Done with a.txt.")
    assert reader.conclude(EXIT_0, b"") == done


@given(st.lists(st.integers(0, len(RECORDED)), max_size=30))
def test_notes_do_not_depend_on_how_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(RECORDED)]
    reader = reader_of()
    chunks = [RECORDED[a:b] for a, b in itertools.pairwise(edges)]
    assert [n for chunk in chunks for n in reader.feed(chunk)] == reader_of().feed(RECORDED)


KEYS = st.sampled_from(
    "type subtype message content usage input name id text model_usage_since_last_result"
    " is_error result errors api_error_status rate_limit_info status resetsAt session_id"
    " permission_denied init api_retry tool_use tool_result text tool_use_id tool_name message"
    " input_tokens costUSD file_path command questions question total_cost_usd".split()
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
EVENT_LIKE = st.dictionaries(KEYS, ANY_JSON, max_size=6).flatmap(
    lambda event: st.sampled_from(
        ["assistant", "system", "result", "user", "rate_limit_event"]
    ).map(lambda kind: json.dumps(event | {"type": kind}).encode())
)


@given(st.lists(st.binary(max_size=30) | EVENT_LIKE, max_size=6))
def test_no_bytes_make_it_raise_and_notes_can_be_stored(raw: list[bytes]) -> None:
    reader = reader_of()
    notes: list[Note] = reader.feed(b"\n".join(raw) + b"\n")
    for note in [*notes, reader.conclude(EXIT_1, b"\xff\x1b[31m")]:
        repr(note).encode("utf-8")
        for name in note.__slots__:
            value = getattr(note, name)
            assert not isinstance(value, str) or value.encode("utf-8") is not None


def test_garbage_between_events_is_counted_and_ignored() -> None:
    reader = reader_of()
    dirty = RECORDED.replace(b"\n", b"\n\x1b[31mnoise\x1b[0m\n\n\xff\x00\n", 3)
    assert reader.feed(dirty) == reader_of().feed(RECORDED)
    assert reader.ignored_lines == 6


def test_an_image_of_50_megabytes_in_a_line_disturbs_nothing() -> None:
    reader = reader_of()
    huge = b'{"type":"user","x":"' + b"A" * (50 << 20) + b'"}\n'
    first, _, rest = RECORDED.partition(b"\n")
    assert reader.feed(first + b"\n" + huge + rest) == reader_of().feed(RECORDED)
    assert reader.ignored_lines == 1


def test_the_result_counts_though_its_line_has_no_end() -> None:
    assert outcome(RECORDED.rstrip(b"\n"), EXIT_0).kind is OutcomeKind.DONE


@pytest.mark.parametrize(
    ("name", "arguments", "shown"),
    [
        ("Edit", {"file_path": "/wt/src/x.py"}, "editing src/x.py"),
        ("Write", {"file_path": "/elsewhere/y"}, "editing /elsewhere/y"),
        ("Read", {"file_path": "/wt/a"}, "reading a"),
        ("Bash", {"command": "pytest -q\nmore"}, "running: pytest -q"),
        ("Grep", {"pattern": "def x"}, "searching: def x"),
        ("Task", {"description": "look around"}, "delegating: look around"),
        ("WebFetch", {"url": "http://localhost/"}, "looking up: http://localhost/"),
        ("mcp__x__y", {}, "using mcp__x__y"),
    ],
)
def test_tools_in_a_few_words(name: str, arguments: dict[str, str], shown: str) -> None:
    block = {"type": "tool_use", "name": name, "input": arguments}
    event = {"type": "assistant", "message": {"id": "m", "content": [block]}}
    assert reader_of().feed(lines(event)) == [ToolNoted(name, shown)]


def test_a_question_and_a_retry_are_noted() -> None:
    asked = {"questions": [{"question": "Which database?"}]}
    block = {"type": "tool_use", "name": "AskUserQuestion", "input": asked}
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10}
    notes = reader_of().feed(
        lines(
            {"type": "assistant", "message": {"id": "m", "content": [block]}},
            {**retry, "error": "overloaded", "error_status": 529},
            {**retry, "attempt": 2, "error": "unknown", "error_status": None},
        )
    )
    assert notes == [
        QuestionNoted("Which database?"),
        ActivityNoted("waiting for the model: overloaded, try 1 of 10"),
        ConditionNoted(C.OVERLOADED, "waiting for the model: overloaded, try 1 of 10"),
        ActivityNoted("waiting for the model: unknown, try 2 of 10"),
        ConditionNoted(C.NETWORK, "waiting for the model: unknown, try 2 of 10"),
    ]


def test_money_of_a_resumed_session_is_this_turn_alone() -> None:
    used = {"inputTokens": 10, "outputTokens": 2, "cacheReadInputTokens": 5}
    used |= {"cacheCreationInputTokens": 1}
    event = result(
        total_cost_usd=0.9,
        usage={"input_tokens": 99},
        model_usage_since_last_result={
            "big": {**used, "costUSD": 0.25},
            "small": {**used, "costUSD": 0.125},
        },
    )
    assert UsageNoted(22, 4, 10, 0.375) in reader_of(SESSION).feed(lines(event))


def test_an_older_version_tells_the_money_of_a_resumed_session_as_a_whole() -> None:
    event = result(total_cost_usd=0.5, usage={"input_tokens": 7, "output_tokens": 1})
    assert UsageNoted(7, 1, 0, 0.5) in reader_of().feed(lines(event))
    assert UsageNoted(7, 1, 0, 0.5, cost_of_session=True) in reader_of(SESSION).feed(lines(event))


def test_two_results_of_one_process_add_up() -> None:
    used = {"m": {"inputTokens": 10, "outputTokens": 2, "costUSD": 0.25}}
    event = result(model_usage_since_last_result=used)
    notes = reader_of().feed(lines(event, event))
    assert [note for note in notes if isinstance(note, UsageNoted)] == [
        UsageNoted(10, 2, 0, 0.25),
        UsageNoted(20, 4, 0, 0.5),
    ]


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"api_error_status": 401, "result": "Invalid API key"}, C.LOGIN_EXPIRED),
        ({"api_error_status": 404}, C.MODEL_UNKNOWN),
        ({"api_error_status": 400, "result": "Credit balance is too low"}, C.MONEY_LIMIT),
        ({"result": "Not logged in · Please run /login"}, C.LOGIN_MISSING),
        ({"api_error_status": 429}, C.THROTTLED),
        ({"api_error_status": 529}, C.OVERLOADED),
        ({"api_error_status": 500}, C.OVERLOADED),
        ({"result": "You've hit your session limit · resets 3pm"}, C.QUOTA),
        ({"api_error": "connection_failed", "result": "API Error"}, C.NETWORK),
        ({"terminal_reason": "prompt_too_long", "result": "too long"}, C.CONTEXT_FULL),
        ({"subtype": "error_max_turns", "result": None}, C.TURN_LIMIT),
        ({"subtype": "error_max_budget_usd", "result": None}, C.MONEY_LIMIT),
    ],
)
@pytest.mark.parametrize("ended", [EXIT_0, EXIT_1])
def test_an_error_is_told_by_its_fields(fields: dict[str, Any], condition: C, ended: Ended) -> None:
    ending = outcome(lines(result(is_error=True, **fields)), ended)
    assert ending.condition is condition
    assert ending.kind is KIND_OF.get(condition, OutcomeKind.FAILED)


def test_an_error_of_no_known_form_is_a_failure_or_a_false_success() -> None:
    error = lines(result(is_error=True, result="no such tool"))
    assert outcome(error, EXIT_1) == TurnOutcome(OutcomeKind.FAILED, "exit code 1: no such tool")
    assert outcome(error, EXIT_0) == TurnOutcome(
        OutcomeKind.FAILED, "no such tool", condition=C.FALSE_SUCCESS
    )


def test_a_usage_limit_tells_when_it_ends() -> None:
    limit = {"status": "rejected", "resetsAt": 1_800_000_000, "rateLimitType": "five_hour"}
    told = {"type": "rate_limit_event", "rate_limit_info": limit}
    error = result(is_error=True, api_error_status=429, result="You've hit your limit")
    assert outcome(lines(told, error)).retry_at == 1_800_000_000
    assert reader_of().feed(lines(told)) == [
        LimitNoted(LimitKind.QUOTA, 1_800_000_000, text="five hour limit")
    ]
    older = result(is_error=True, result="Claude AI usage limit reached|1800000001")
    assert outcome(lines(older)) == TurnOutcome(
        OutcomeKind.LIMITED, "Claude AI usage limit reached|1800000001", 1_800_000_001, C.QUOTA
    )


def test_a_limit_that_is_only_near_or_over_is_none() -> None:
    near = {"status": "allowed_warning", "resetsAt": 1_800_000_000}
    rejected, allowed = {**near, "status": "rejected"}, {**near, "status": "allowed"}
    told = [{"type": "rate_limit_event", "rate_limit_info": i} for i in (near, rejected, allowed)]
    assert reader_of().feed(lines(told[0])) == []
    failure = result(is_error=True, result="no such tool")
    assert outcome(lines(*told, failure)).kind is OutcomeKind.FAILED
    assert outcome(lines(told[0], failure)).kind is OutcomeKind.FAILED
    assert outcome(lines(told[1], failure)).condition is C.QUOTA


def test_a_limit_told_by_the_hour_is_dated_from_the_end_of_the_turn() -> None:
    error = result(is_error=True, api_error_status=429, result="slow down, try again in 20s")
    ended = Ended(1, None, 1_800_000_000.0)
    assert outcome(lines(error), ended).retry_at == 1_800_000_020
    notes = reader_of().feed(lines(error))
    assert LimitNoted(LimitKind.THROTTLE, text="slow down, try again in 20s") in notes


@pytest.mark.parametrize(
    ("raw", "ended", "kind", "condition"),
    [
        (b"", Ended(None, 9), OutcomeKind.CRASHED, C.CRASHED),
        (RECORDED, Ended(None, 15), OutcomeKind.CRASHED, C.CRASHED),
        (b"", Ended(143, None), OutcomeKind.CRASHED, C.CRASHED),
        (b"", EXIT_0, OutcomeKind.FAILED, None),
        (b"", EXIT_1, OutcomeKind.FAILED, None),
        (b"", Ended(127, None), OutcomeKind.REFUSED, None),
        (b"garbage\n", EXIT_1, OutcomeKind.FAILED, C.MALFORMED),
        (BEGUN, EXIT_0, OutcomeKind.FAILED, C.CUT),
        (BEGUN, EXIT_1, OutcomeKind.FAILED, None),
        (BEGUN + b'{"type":"assis', EXIT_1, OutcomeKind.FAILED, C.CUT),
        (RECORDED[:-40], EXIT_0, OutcomeKind.FAILED, C.CUT),
        (RECORDED, EXIT_1, OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED, EXIT_0, OutcomeKind.DONE, None),
    ],
)
def test_an_end_is_told_by_final_event_and_exit_code(
    raw: bytes, ended: Ended, kind: OutcomeKind, condition: C | None
) -> None:
    ending = outcome(raw, ended, b"error: unknown option")
    assert (ending.kind, ending.condition) == (kind, condition)


def test_half_a_line_is_the_same_when_its_end_was_fed_before() -> None:
    reader = reader_of()
    reader.feed(RECORDED[:-40])
    reader.feed(b"\n")
    assert reader.conclude(EXIT_0, b"").condition is C.CUT


def denied(id_: str) -> dict[str, Any]:
    said = {"subtype": "permission_denied", "tool_name": "Bash", "tool_use_id": id_}
    return {"type": "system", **said, "message": "requires approval"}


def answered(id_: str, *, error: bool) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": id_, "is_error": error, "content": "x"}
    return {"type": "user", "message": {"content": [block]}}


def test_a_refusal_counts_unless_the_agent_got_over_it() -> None:
    refused = [denied("t1"), answered("t1", error=True)]
    assert reader_of().feed(lines(*refused)) == [
        PermissionNoted("Bash: requires approval", refused=True)
    ]
    assert outcome(lines(*refused, result()), EXIT_0).condition is C.PERMISSION
    assert outcome(lines(*refused, result()), EXIT_0).kind is OutcomeKind.DONE
    over_it = [*refused, answered("t2", error=False), result()]
    assert outcome(lines(*over_it), EXIT_0).condition is None
    reader = adapter_for("claude").reader(replace(BRIEF, readonly=True))
    reader.feed(lines(*refused, result()))
    assert reader.conclude(EXIT_0, b"").condition is None


def test_a_question_as_the_last_deed_waits_for_its_answer() -> None:
    block = {"type": "tool_use", "name": "AskUserQuestion", "input": {"question": "Which?"}}
    asked = {"type": "assistant", "message": {"id": "m", "content": [block]}}
    assert outcome(lines(asked, result()), EXIT_0).condition is C.ANSWER


def test_a_file_is_noted_once_it_is_written() -> None:
    arguments = {"file_path": "/wt/src/x.py"}
    blocks = [
        {"type": "tool_use", "id": id_, "name": "Edit", "input": arguments} for id_ in ("t1", "t2")
    ]
    event = {"type": "assistant", "message": {"id": "m", "content": blocks}}
    notes = reader_of().feed(lines(event, answered("t1", error=True), answered("t2", error=False)))
    assert [n for n in notes if isinstance(n, FileNoted)] == [FileNoted("src/x.py")]


def test_standard_error_is_the_reason_where_there_is_no_result() -> None:
    ending = outcome(b"", EXIT_1, b"\x1b[31merror: unknown option '--x'\x1b[0m\n")
    assert ending.text == "exit code 1: error: unknown option '--x'"


def test_a_session_that_was_never_saved_is_taken_back() -> None:
    error = result(
        subtype="error_during_execution",
        is_error=True,
        result=None,
        errors=[f"No conversation found with session ID: {SESSION}"],
    )
    reader = reader_of(SESSION)
    notes = reader.feed(lines(error))
    assert [note for note in notes if isinstance(note, SessionNoted)] == [SessionNoted("")]
    assert reader.conclude(EXIT_1, b"").condition is C.SESSION_LOST


def test_the_first_turn_presets_its_session_and_the_next_resumes_it() -> None:
    launch = adapter_for("claude").launch
    first = launch(AGENT, BRIEF)
    session = first.argv[first.argv.index("--session-id") + 1]
    assert str(uuid.UUID(session)) == session
    assert launch(AGENT, BRIEF) == first
    again = launch(AGENT, replace(BRIEF, turn=2, kind=TurnKind.FIX, session=session))
    assert again.argv[again.argv.index("--resume") + 1] == session
    assert "--session-id" not in again.argv
    lost = launch(AGENT, replace(BRIEF, turn=2, kind=TurnKind.CONTINUE, session=""))
    assert lost.argv[lost.argv.index("--session-id") + 1] != session


def test_the_prompt_is_on_standard_input_however_long() -> None:
    spec = adapter_for("claude").launch(AGENT, replace(BRIEF, prompt="-p " * 400_000))
    assert spec.stdin == b"-p " * 400_000
    assert spec.argv[:6] == (
        *("claude", "-p", "--output-format", "stream-json", "--verbose"),
        "--dangerously-skip-permissions",
    )
    assert sum(map(len, spec.argv)) < 300
    assert dict(spec.env)["DISABLE_AUTOUPDATER"] == "1"
    assert "IS_SANDBOX" not in dict(spec.env)


def test_settings_add_arguments_name_the_binary_and_may_narrow_permissions() -> None:
    agent = replace(
        AGENT, binary="/opt/claude", model="m0", args=("--permission-mode", "acceptEdits")
    )
    argv = adapter_for("claude").launch(agent, replace(BRIEF, model=None)).argv
    assert argv[0] == "/opt/claude"
    assert argv[argv.index("--model") + 1] == "m0"
    assert argv[-2:] == ("--permission-mode", "acceptEdits")
    assert "--dangerously-skip-permissions" not in argv


def test_a_turn_that_only_looks_is_kept_from_writing_whatever_the_settings_permit() -> None:
    agent = replace(AGENT, args=("--dangerously-skip-permissions", "--max-turns", "9"))
    argv = adapter_for("claude").launch(agent, replace(BRIEF, readonly=True)).argv
    assert "--dangerously-skip-permissions" not in argv
    assert argv[-6:] == (
        *("--max-turns", "9", "--permission-mode", "dontAsk", "--allowedTools", "Read,Grep,Glob"),
    )


@pytest.mark.parametrize(
    "allowed",
    [
        ("--allowedTools", "Bash(git *)", "Bash(npm test)"),
        ("--allowed-tools", "Bash,Write"),
        ("--allowedTools=Write",),
    ],
)
def test_what_the_settings_allow_is_not_added_to_a_turn_that_only_looks(
    allowed: tuple[str, ...],
) -> None:
    agent = replace(AGENT, args=(*allowed, "--max-turns", "9"))
    argv = adapter_for("claude").launch(agent, replace(BRIEF, readonly=True)).argv
    assert not any("Bash" in word or "Write" in word for word in argv)
    assert argv[-6:-4] == ("--max-turns", "9")


def test_waiting_is_the_engines_unless_the_user_says_otherwise() -> None:
    launch = adapter_for("claude").launch
    assert dict(launch(AGENT, BRIEF).env)["CLAUDE_CODE_MAX_RETRIES"] == "3"
    told = replace(BRIEF, ambient=(("CLAUDE_CODE_MAX_RETRIES", "10"),))
    assert dict(launch(AGENT, told).env)["CLAUDE_CODE_MAX_RETRIES"] == "10"


def test_at_a_terminal_it_goes_on_in_the_same_session() -> None:
    spec = adapter_for("claude").interactive(AGENT, replace(BRIEF, session="s1"))
    assert spec is not None
    assert spec.argv == ("claude", "--model", "m1", "--resume", "s1")
    assert spec.stdin is None
