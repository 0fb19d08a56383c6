"""Any command line program as an agent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.agents import TurnBrief, adapter_for
from gangsaw.agents.command import CommandReader
from gangsaw.core.errors import UserError
from gangsaw.core.launch import ActivityNoted, Ended, OutcomeKind
from gangsaw.core.model import TurnKind
from gangsaw.core.settings import AgentSettings

BRIEF = TurnBrief(
    run="r1",
    task="a",
    attempt="a.1",
    turn=1,
    kind=TurnKind.WORK,
    prompt="do it — {model}",
    prompt_file="/s/prompt file.md",
    task_prompt_file="/s/task.md",
    worktree="/w",
)


def test_placeholders_are_filled_once_and_other_braces_stay() -> None:
    agent = AgentSettings(
        "x",
        "command",
        argv=("cli", "--in={prompt_file}:{task_prompt_file}", "{worktree}", "-m{model}"),
        args=("{print $1}", "{other}"),
    )
    brief = replace(BRIEF, model="{worktree}")
    spec = adapter_for("command").launch(agent, brief)
    assert spec.argv == (
        *("cli", "--in=/s/prompt file.md:/s/task.md", "/w", "-m{worktree}"),
        *("{print $1}", "{other}"),
    )
    assert spec.stdin is None


def test_prompt_on_standard_input() -> None:
    agent = AgentSettings("x", "command", argv=("cat",), stdin="prompt")
    prompt = "ä" * 1_000_000
    assert adapter_for("command").launch(agent, replace(BRIEF, prompt=prompt)).stdin == (
        prompt.encode()
    )


def test_the_session_is_the_same_for_every_turn_of_an_attempt() -> None:
    agent = AgentSettings("x", "command", argv=("cli", "{session}"))
    launch = adapter_for("command").launch
    first = launch(agent, BRIEF).argv[1]
    assert launch(agent, replace(BRIEF, turn=2, kind=TurnKind.FIX)).argv[1] == first
    assert launch(agent, replace(BRIEF, attempt="a.2")).argv[1] != first


@pytest.mark.parametrize(
    ("argv", "words"), [((), "it has no command"), (("x", "{model}"), "no model is set")]
)
def test_what_cannot_be_started_says_why(argv: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as raised:
        adapter_for("command").launch(AgentSettings("x", "command", argv=argv), BRIEF)
    assert words in raised.value.text


def test_the_last_line_that_shows_something_is_the_activity() -> None:
    reader = CommandReader()
    assert reader.feed(b"one\ntwo\n\n  \n") == [ActivityNoted("two")]
    assert reader.feed(b"thr") == []
    assert reader.feed(b"ee\nfour") == [ActivityNoted("three")]
    assert reader.feed(b"\x1b[32m 10%\r 90% \x1b[0m\n") == [ActivityNoted("90%")]
    assert len(reader.feed(b"x" * 100_000 + b"\n")[0].text) == 120  # type: ignore[union-attr]
    assert reader.ignored_lines == 0


@given(st.lists(st.binary(max_size=30)))
def test_the_last_activity_does_not_depend_on_how_bytes_are_cut(chunks: list[bytes]) -> None:
    in_pieces = CommandReader()
    notes = [note for chunk in chunks for note in in_pieces.feed(chunk)]
    at_once = CommandReader().feed(b"".join(chunks))
    assert notes[-1:] == at_once
    in_pieces.conclude(Ended(1, None), b"").text.encode()


@pytest.mark.parametrize(
    ("ended", "kind", "text"),
    [
        (Ended(0, None), OutcomeKind.DONE, "bye"),
        (Ended(3, None), OutcomeKind.FAILED, "exit code 3: boom"),
        (Ended(None, 9), OutcomeKind.CRASHED, "killed by SIGKILL"),
        (Ended(None, 99), OutcomeKind.CRASHED, "killed by signal 99"),
    ],
)
def test_the_exit_code_alone_decides(ended: Ended, kind: OutcomeKind, text: str) -> None:
    reader = CommandReader()
    reader.feed(b"bye")
    outcome = reader.conclude(ended, b"boom\n")
    assert (outcome.kind, outcome.text) == (kind, text)
