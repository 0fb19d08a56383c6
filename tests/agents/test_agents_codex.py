"""Codex's stream, from recorded runs and from made-up ones; and how it is started."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import Reader, TurnBrief, adapter_for
from gangsaw.core.conditions import Condition as C
from gangsaw.core.launch import (
    ActivityNoted,
    ConditionNoted,
    Ended,
    FileNoted,
    LimitNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    ResultNoted,
    ToolNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings
from tests.agents import golden_streams

RECORDED = (golden_streams.HERE / "codex_0_169_0_edit.jsonl").read_bytes()
BEGUN = b'{"type":"thread.started","thread_id":"t1"}\n{"type":"turn.started"}\n'
BYPASS = "--dangerously-bypass-approvals-and-sandbox"
AGENT = AgentSettings("c", "codex")
BRIEF: TurnBrief = golden_streams.BRIEF
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)


def reader_of() -> Reader:
    return adapter_for("codex").reader(BRIEF)


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def item(when: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"type": f"item.{when}", "item": {"id": "item_1", **fields}}


def failure(message: str) -> bytes:
    return lines(
        {"type": "error", "message": message},
        {"type": "turn.failed", "error": {"message": message}},
    )


def outcome(raw: bytes, ended: Ended = EXIT_1, stderr: bytes = b"") -> TurnOutcome:
    reader = reader_of()
    reader.feed(raw)
    return reader.conclude(ended, stderr)


@given(st.lists(st.integers(0, len(RECORDED)), max_size=30))
def test_codex_notes_do_not_depend_on_how_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(RECORDED)]
    reader = reader_of()
    chunks = [RECORDED[a:b] for a, b in itertools.pairwise(edges)]
    assert [n for chunk in chunks for n in reader.feed(chunk)] == reader_of().feed(RECORDED)


KEYS = st.sampled_from(
    "type item id text message error usage input_tokens cached_input_tokens changes path status"
    " command thread_id server tool query completed file_change command_execution mcp_tool_call"
    " agent_message reasoning web_search Reconnecting...".split()
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
EVENT_LIKE = st.dictionaries(KEYS, ANY_JSON, max_size=6).flatmap(
    lambda event: st.sampled_from(
        ["thread.started", "item.started", "item.completed", "turn.completed", "turn.failed"]
    ).map(lambda kind: json.dumps(event | {"type": kind}).encode())
)


@given(st.lists(st.binary(max_size=30) | EVENT_LIKE, max_size=6))
def test_no_bytes_make_the_codex_reader_raise(raw: list[bytes]) -> None:
    reader = reader_of()
    notes: list[Note] = reader.feed(b"\n".join(raw) + b"\n")
    for note in [*notes, reader.conclude(EXIT_1, b"\xff\x1b[31m")]:
        repr(note).encode("utf-8")
        for name in note.__slots__:
            value = getattr(note, name)
            assert not isinstance(value, str) or value.encode("utf-8") is not None


@pytest.mark.parametrize(
    ("fields", "notes"),
    [
        ({"type": "command_execution", "command": "/bin/bash -lc 'pytest -q'"},
         [ToolNoted("shell", "running: pytest -q")]),
        ({"type": "command_execution", "command": "bash -lc 'unclosed"},
         [ToolNoted("shell", "running: bash -lc 'unclosed")]),
        ({"type": "mcp_tool_call", "server": "orch", "tool": "report"},
         [ToolNoted("orch.report", "using orch.report")]),
        ({"type": "web_search", "query": "how to"},
         [ToolNoted("web_search", "looking up: how to")]),
        ({"type": "reasoning", "text": "**Looking around**"}, [ActivityNoted("Looking around")]),
        ({"type": "agent_message", "text": "\nHello\nmore"}, [MessageNoted("Hello")]),
        ({"type": "todo_list", "items": []}, []),
        ({"type": "of_a_new_kind"}, []),
    ],
)  # fmt: skip
def test_codex_items_in_a_few_words(fields: dict[str, Any], notes: list[Note]) -> None:
    assert reader_of().feed(lines(item(**fields))) == notes


def test_an_item_is_told_once_and_its_files_when_they_are_written() -> None:
    change: dict[str, Any] = {
        "type": "file_change",
        "changes": [{"path": "/wt/a.txt"}, {"path": "/else/b"}],
    }
    begun, done = item("started", **change), item(status="completed", **change)
    assert reader_of().feed(lines(begun, item("updated", **change), done)) == [
        ToolNoted("apply_patch", "editing a.txt, /else/b"),
        FileNoted("a.txt"),
        FileNoted("/else/b"),
    ]
    refused = item(status="failed", **change)
    assert reader_of().feed(lines(begun, refused))[1:] == []


def test_usage_is_of_the_session_and_counts_the_cache_apart() -> None:
    usage = {"input_tokens": 100, "cached_input_tokens": 60, "output_tokens": 9}
    usage |= {"reasoning_output_tokens": 4}
    notes = reader_of().feed(lines({"type": "turn.completed", "usage": usage}))
    assert notes[0] == UsageNoted(40, 9, 60, reasoning_tokens=4, of_session=True)


def test_tries_again_are_told_while_they_last() -> None:
    again = "Reconnecting... 2/5 (exceeded retry limit, last status: 429 Too Many Requests)"
    text = "waiting for the model: exceeded retry limit, last status: 429 Too Many Requests"
    notes = reader_of().feed(lines({"type": "error", "message": again}))
    assert notes[:2] == [
        ActivityNoted(f"{text}, try 2 of 5"),
        ConditionNoted(C.THROTTLED, f"{text}, try 2 of 5"),
    ]
    assert isinstance(notes[2], LimitNoted)
    gone = "Reconnecting... 1/5 (unexpected status 404 Not Found: ws)"
    assert ConditionNoted(
        C.NETWORK, "waiting for the model: unexpected status 404 Not Found: ws, try 1 of 5"
    ) in reader_of().feed(lines({"type": "error", "message": gone}))


@pytest.mark.parametrize(
    ("raw", "ended", "stderr", "kind", "condition"),
    [
        (RECORDED, EXIT_0, b"", OutcomeKind.DONE, None),
        (RECORDED, EXIT_1, b"", OutcomeKind.DONE, C.LATE_FAILURE),
        (RECORDED, Ended(None, 9), b"", OutcomeKind.CRASHED, C.CRASHED),
        (RECORDED[:-30], EXIT_0, b"", OutcomeKind.FAILED, C.CUT),
        (BEGUN, EXIT_0, b"", OutcomeKind.FAILED, C.CUT),
        (BEGUN, Ended(137, None), b"", OutcomeKind.CRASHED, C.CRASHED),
        (BEGUN, EXIT_1, b"thread panicked", OutcomeKind.FAILED, None),
        (b"", EXIT_1, b"Not inside a trusted directory and so on", OutcomeKind.REFUSED, C.TRUST),
        (b"", EXIT_1, b"no rollout found for thread id x", OutcomeKind.FAILED, C.SESSION_LOST),
        (failure("a new kind of error"), EXIT_1, b"", OutcomeKind.FAILED, None),
        (failure("a new kind of error"), EXIT_0, b"", OutcomeKind.FAILED, C.FALSE_SUCCESS),
        (BEGUN + failure("usage limit")[:40], EXIT_1, b"", OutcomeKind.FAILED, C.CUT),
        (lines({"type": "error", "message": "x usage limit"}), EXIT_1, b"",
         OutcomeKind.LIMITED, C.QUOTA),
    ],
)  # fmt: skip
def test_how_a_codex_turn_ended(
    raw: bytes, ended: Ended, stderr: bytes, kind: OutcomeKind, condition: C | None
) -> None:
    ending = outcome(raw, ended, stderr)
    assert (ending.kind, ending.condition) == (kind, condition)


def test_the_last_words_are_the_result() -> None:
    said = [item(type="agent_message", text="First."), item(type="agent_message", text="Last.\nOK")]
    notes = reader_of().feed(lines(*said, {"type": "turn.completed"}))
    assert notes[-1] == ResultNoted(True, "Last.\nOK")


def argv_of(*args: str, **fields: Any) -> tuple[str, ...]:
    brief = replace(BRIEF, git_dirs=("/g/worktrees/a", "/g"), **fields)
    return adapter_for("codex").launch(replace(AGENT, args=args), brief).argv


def test_codex_gets_its_prompt_on_standard_input_and_full_approval() -> None:
    spec = adapter_for("codex").launch(AGENT, replace(BRIEF, prompt="-p " * 400_000))
    assert spec.stdin == b"-p " * 400_000
    assert spec.argv == (
        *("codex", "exec", "--json", "--skip-git-repo-check", "-C", "/wt", "-m", "m1", BYPASS, "-"),
    )


def test_a_codex_thread_is_gone_on_with_under_the_same_permissions() -> None:
    argv = argv_of("--search", session="t1")
    assert argv[-5:] == (BYPASS, "--search", "resume", "t1", "-")


@pytest.mark.parametrize(
    ("args", "added"),
    [
        (("-s", "workspace-write"), True),
        (("--sandbox=workspace-write",), True),
        (("-sworkspace-write",), True),
        (("-c", 'sandbox_mode="workspace-write"'), True),
        (("--approve-for-me",), True),
        (("-s", "read-only"), False),
        (("--sandbox", "danger-full-access"), False),
    ],
)
def test_a_sandbox_that_the_settings_name_is_kept_and_git_made_to_work_in_it(
    args: tuple[str, ...], added: bool
) -> None:
    argv = argv_of(*args)
    assert BYPASS not in argv
    assert set(args) < set(argv)
    folders = ("--add-dir", "/g/worktrees/a", "--add-dir", "/g")
    assert argv[-1 - len(folders) : -1] == folders if added else "--add-dir" not in argv


def test_a_codex_turn_that_only_looks_is_read_only_whatever_the_settings_permit() -> None:
    args = ("-s", "workspace-write", BYPASS, "--sandbox=danger-full-access", "--search")
    argv = argv_of(*args, readonly=True)
    assert argv[-4:] == ("--search", "-s", "read-only", "-")
    assert BYPASS not in argv
    assert "workspace-write" not in " ".join(argv)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), []),
        (("-c", "model_provider=openai"), []),
        (("-c", 'model_provider="mine"'), ["request_max_retries=2", "stream_max_retries=0"]),
        (
            ("-c", "model_provider=mine", "-c", "model_providers.mine.stream_max_retries=9"),
            ["request_max_retries=2", "stream_max_retries=9"],
        ),
    ],
)
def test_a_provider_that_the_settings_choose_gives_up_soon(
    args: tuple[str, ...], told: list[str]
) -> None:
    words = [word.removeprefix("model_providers.mine.") for word in argv_of(*args)]
    assert sorted(word for word in words if "_max_retries=" in word) == told


def test_codex_at_a_terminal_goes_on_in_the_same_thread() -> None:
    interactive = adapter_for("codex").interactive
    fresh, again = interactive(AGENT, BRIEF), interactive(AGENT, replace(BRIEF, session="t1"))
    assert fresh is not None
    assert fresh.argv == ("codex", "-C", "/wt", "-m", "m1")
    assert again is not None
    assert again.argv == ("codex", "resume", "-C", "/wt", "-m", "m1", "t1")
