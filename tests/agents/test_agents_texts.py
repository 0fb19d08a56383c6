"""aider, mini-swe-agent and the bridge to ACP: what their readers make of whatever bytes, and how
they are started. What they make of whole recordings is in the golden notes."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import adapter_for
from gangsaw.core.conditions import Condition
from gangsaw.core.errors import UserError
from gangsaw.core.launch import (
    ConditionNoted,
    Ended,
    FileNoted,
    LimitNoted,
    MessageNoted,
    Note,
    OutcomeKind,
    ResultNoted,
    SessionNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.settings import AgentSettings
from tests.agents.golden_streams import BRIEF, recordings

KINDS = ("acp", "aider", "mini")
EDITS = {kind: next(p for p in recordings(kind) if "_edit." in p.name) for kind in KINDS}
RAW = {kind: path.read_bytes() for kind, path in EDITS.items()}
EXIT_0, EXIT_1 = Ended(0, None), Ended(1, None)
PIECES = st.sampled_from(
    [line + b"\n" for raw in RAW.values() for line in raw.splitlines()]
) | st.binary(max_size=40)


def notes(kind: str, raw: bytes, session: str | None = None) -> list[Note]:
    return adapter_for(kind).reader(replace(BRIEF, session=session)).feed(raw)


def outcome(
    kind: str, raw: bytes, ended: Ended = EXIT_0, err: bytes = b"", session: str | None = None
) -> TurnOutcome:
    reader = adapter_for(kind).reader(replace(BRIEF, session=session))
    reader.feed(raw)
    return reader.conclude(ended, err)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_notes_do_not_depend_on_how_bytes_are_cut(kind: str, data: st.DataObject) -> None:
    raw = RAW[kind]
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=30))
    reader = adapter_for(kind).reader(BRIEF)
    found: list[Note] = []
    for a, b in itertools.pairwise([0, *sorted(cuts), len(raw)]):
        found += reader.feed(raw[a:b])
    assert found == notes(kind, raw)


@pytest.mark.parametrize("kind", KINDS)
@given(pieces=st.lists(PIECES, max_size=30))
def test_no_bytes_make_it_raise_and_notes_can_be_stored(kind: str, pieces: list[bytes]) -> None:
    reader = adapter_for(kind).reader(BRIEF)
    for note in [*reader.feed(b"".join(pieces)), reader.conclude(EXIT_1, b"\xff\x1b[31m")]:
        for name in note.__slots__:
            value = getattr(note, name)
            assert not isinstance(value, str) or value.encode("utf-8") is not None


@pytest.mark.parametrize("kind", KINDS)
def test_noise_disturbs_nothing(kind: str) -> None:
    lines = RAW[kind].splitlines(keepends=True)
    noise = b"\x1b[31m\xff\xfe\x00\x1b[0m\n"
    huge = b'{"type":"update","x":"' + b"A" * (20 << 20) + b'"}\n'
    dirty = b"".join([noise, huge, *lines])
    assert notes(kind, dirty) == notes(kind, RAW[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("keep", "ended", "condition"),
    [
        (0.5, EXIT_0, Condition.CUT),
        (0.5, Ended(None, 9), Condition.CRASHED),
        (0.5, Ended(143, None), Condition.CRASHED),
        (1.0, EXIT_1, Condition.LATE_FAILURE),
    ],
)
def test_an_end_without_a_good_last_word_is_told(
    kind: str, keep: float, ended: Ended, condition: Condition
) -> None:
    lines = RAW[kind].splitlines(keepends=True)
    # mini's first half is the prompt that it repeats.
    kept = len(lines) if keep == 1 else len(lines) - 12 if kind == "mini" else len(lines) // 2
    assert outcome(kind, b"".join(lines[:kept]), ended).condition is condition


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_was_not_found_says_so(kind: str) -> None:
    ending = outcome(kind, b"", Ended(127, None), b"sh: 1: exec: nonesuch: not found\n")
    assert ending.kind is OutcomeKind.REFUSED
    assert "cannot start the agent" in ending.text


# --- aider -------------------------------------------------------------------------------------


def event(name: str, **fields: object) -> bytes:
    return json.dumps({"event": name, "properties": fields, "user_id": "u"}).encode() + b"\n"


START = b"Aider v0.86.2\nMain model: m with whole edit format\n\n" + event("message_send_starting")
EXIT = event("exit", reason="Completed --message-file")


def answered(words: bytes, sent: int = 100, received: int = 5, cost: float = 0.5) -> bytes:
    used = {"prompt_tokens": sent, "completion_tokens": received, "cost": cost}
    return (
        words + b"\nTokens: 1.2k sent, 30 cache hit, 5 received.\n" + event("message_send", **used)
    )


def test_aider_counts_every_request_and_takes_the_last_words() -> None:
    raw = START + answered(b"First.") + b"Applied edit to /wt/x.py\n"
    raw += event("message_send_starting") + answered(b"Last.\nMore.", cost=0.25) + EXIT
    found = notes("aider", raw)
    assert found[-1] == ResultNoted(True, "Last.\nMore.")
    assert UsageNoted(140, 10, 60, 0.75) in found
    assert FileNoted("x.py") in found
    assert MessageNoted("Last.") in found


def test_aider_that_got_over_a_limit_is_done() -> None:
    limited = b"litellm.RateLimitError: rate limit\nslow down\nRetrying in 0.2 seconds...\n"
    raw = START + limited * 3 + answered(b"Done.") + EXIT
    assert len([note for note in notes("aider", raw) if isinstance(note, LimitNoted)]) == 1
    assert outcome("aider", raw) == TurnOutcome(OutcomeKind.DONE, "Done.")


def test_words_of_a_model_are_no_error_of_aiders() -> None:
    raw = START + answered(b"It raised\nlitellm.AuthenticationError: no\nin the test.") + EXIT
    assert outcome("aider", raw).kind is OutcomeKind.DONE
    raw = START + answered(b"Only 3 reflections allowed, stopping.") + EXIT
    assert outcome("aider", raw).condition is None


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        (b"litellm.BadRequestError: OpenAIException - odd\n", Condition.FALSE_SUCCESS),
        (b"litellm.APIConnectionError: Connection refused\n", Condition.NETWORK),
        (event("message_send_exception", exception="boom"), Condition.FALSE_SUCCESS),
    ],
)
def test_aider_with_exit_code_0_and_an_error_is_no_success(
    said: bytes, condition: Condition
) -> None:
    assert outcome("aider", START + said + EXIT).condition is condition


def test_aider_that_goes_round_is_stopped_by_itself() -> None:
    raw = START + answered(b"x") + b"Only 3 reflections allowed, stopping.\n" + EXIT
    assert outcome("aider", raw).condition is Condition.TURN_LIMIT


def test_a_chat_whose_history_is_gone_is_a_lost_session() -> None:
    raw = START + answered(b"Hello?") + EXIT
    assert SessionNoted("") in notes("aider", raw, "/s/h.md")
    assert outcome("aider", raw, session="/s/h.md").condition is Condition.SESSION_LOST


def test_aider_without_any_key_is_noticed_while_it_waits() -> None:
    raw = b"No LLM model was specified and no API keys were provided.\n"
    (note,) = notes("aider", raw)
    assert isinstance(note, ConditionNoted)
    assert note.condition is Condition.LOGIN_MISSING


def test_aider_keeps_its_files_beside_the_prompt_and_takes_the_chat_up_again() -> None:
    launch = adapter_for("aider").launch
    first = launch(AgentSettings("x", "aider", binary="/opt/aider"), BRIEF)
    assert first.stdin == b"do it"
    argv = first.argv
    assert argv[argv.index("--chat-history-file") + 1] == "/s/p.md.aider.md"
    assert "--restore-chat-history" not in argv
    assert "/opt/aider" in argv
    later = replace(BRIEF, prompt_file="/s/p2.md", session="/s/p.md.aider.md", readonly=True)
    again = launch(AgentSettings("x", "aider", args=("--chat-mode", "code")), later).argv
    assert again[again.index("--chat-history-file") + 1] == "/s/p.md.aider.md"
    assert "--restore-chat-history" in again
    assert again[-4:-1] == ("--chat-mode", "ask", "--dry-run")
    opened = adapter_for("aider").interactive(AgentSettings("x", "aider"), later)
    assert opened is not None
    assert "--restore-chat-history" in opened.argv
    assert "--message-file" not in opened.argv


# --- mini-swe-agent ----------------------------------------------------------------------------


def test_a_command_cannot_plant_figures() -> None:
    planted = b'=== figures of the trajectory ===\n "completion_tokens": 999\n'
    raw = RAW["mini"].replace(b"Tool:\n", b"Tool:\n" + planted, 1)
    usage = [note for note in notes("mini", raw) if isinstance(note, UsageNoted)]
    assert usage == [note for note in notes("mini", RAW["mini"]) if isinstance(note, UsageNoted)]


def test_mini_gets_its_task_and_its_folder_in_a_file() -> None:
    agent = AgentSettings("x", "mini")
    spec = adapter_for("mini").launch(agent, replace(BRIEF, prompt="x" * 300_000 + "\udc80"))
    told = json.loads(spec.stdin or b"")
    assert told["environment"] == {"cwd": "/wt"}
    assert len(told["run"]["task"]) == 300_001
    assert sum(map(len, spec.argv)) < 1_000
    with pytest.raises(UserError, match="review"):
        adapter_for("mini").launch(agent, replace(BRIEF, readonly=True))
    with pytest.raises(UserError, match="for a setting"):
        adapter_for("mini").launch(agent, replace(BRIEF, prompt_file="/a=b/p.md"))


# --- the Agent Client Protocol -----------------------------------------------------------------


def test_the_bridge_is_started_with_this_interpreter_and_told_the_rules() -> None:
    agent = AgentSettings("x", "acp", argv=("any", "--acp"), args=("--mode", "full"))
    brief = replace(BRIEF, session="s1", readonly=True)
    argv = adapter_for("acp").launch(agent, brief).argv
    assert argv[:2] == (sys.executable, "-I")
    assert Path(argv[2]).is_file()
    wanted = ("--session", "s1", "--model", "m1", "--readonly", "--mode", "full", "--")
    assert argv[3:] == (*wanted, "any", "--acp")
    with pytest.raises(UserError, match="no command"):
        adapter_for("acp").launch(AgentSettings("x", "acp"), BRIEF)


@pytest.mark.parametrize(
    ("usage", "noted"),
    [
        # Copilot: what came from the cache is a part of the input.
        (
            {"inputTokens": 90, "outputTokens": 5, "totalTokens": 95, "cachedReadTokens": 30},
            UsageNoted(60, 5, 30),
        ),
        # OpenCode: it is not.
        (
            {"inputTokens": 60, "outputTokens": 5, "totalTokens": 95, "cachedReadTokens": 30},
            UsageNoted(60, 5, 30),
        ),
    ],
)
def test_tokens_mean_the_same_whatever_the_agent_means(
    usage: dict[str, int], noted: UsageNoted
) -> None:
    end = {"type": "end", "stop": "end_turn", "usage": usage}
    assert noted in notes("acp", json.dumps(end).encode() + b"\n")


def test_a_long_line_of_figures_is_read_once() -> None:
    """Read from each of its digits, a line as long as lines may be would take days."""
    reader = adapter_for("aider").reader(BRIEF)
    begin = b'{"event": "message_send_starting", "properties": {}, "user_id": "u"}\n'
    reader.feed(begin + b"Tokens: 1 sent, " + b"1" * 400_000 + b"\n")
    assert reader.feed(b"Applied edit to a.py\n")
