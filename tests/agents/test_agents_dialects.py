"""The scripted model in every vendor's protocol: the same scenario, the same work."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gangsaw.testing.models import DIALECTS, ModelServer, Scenarios
from tests.agents.vendor_clients import BASH, TALKS, AnthropicTalk, ChatTalk, ResponsesTalk, Talk

SCENARIOS: Scenarios = {
    "edit": [
        {
            "say": "writing",
            "write": {"path": "{file}", "content": "x\n"},
            "usage": {"input": 7, "output": 5, "cached": 20, "cache_write": 3, "reasoning": 2},
        },
        {"bash": "git commit -m {file}"},
        {"say": "Done with {file}."},
    ],
    "both": [
        {"write": {"path": "/b.txt", "content": "b"}, "bash": "true"},
        {"say": "after one round"},
    ],
    "named": [{"call": {"name": "report", "arguments": {"text": "{word}"}}}, {"say": "Told."}],
    "patch": [{"apply_patch": "*** Begin Patch\n*** End Patch"}, {"say": "Done."}],
    "words": [{"text": "exactly this"}, {"say": "second"}],
    "mend": [{"edit": {"path": "a.txt", "content": "ok\n"}, "bash": "true"}, {"say": "Mended."}],
    "silent": [{}],
}
USAGES = {
    "anthropic": {
        "input_tokens": 7,
        "output_tokens": 5,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 3,
    },
    "responses": {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 3},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 35,
    },
    "chat": {
        "prompt_tokens": 30,
        "completion_tokens": 5,
        "total_tokens": 35,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
    "gemini": {
        "promptTokenCount": 30,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 2,
        "cachedContentTokenCount": 20,
        "totalTokenCount": 35,
    },
}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(SCENARIOS) as running:
        yield running


@pytest.fixture(params=TALKS, ids=[one.name for one in TALKS])
def talk(request: pytest.FixtureRequest, server: ModelServer) -> Talk:
    made: Talk = request.param(server.port)
    return made


def test_every_dialect_has_a_client_here() -> None:
    assert {one.name for one in TALKS} == {one.name for one in DIALECTS} == set(USAGES)


@pytest.mark.parametrize("stream", [True, False])
def test_a_scenario_is_walked_through(talk: Talk, server: ModelServer, stream: bool) -> None:
    first = talk.say("[[scenario:edit file=a.txt]] do", stream)
    assert first.text == "writing"
    (_, name, arguments), *more = first.calls
    assert more == []
    assert (name, arguments) == ("Write", {"file_path": "/wt/a/a.txt", "content": "x\n"})
    second = talk.go_on(first, stream)
    assert [call[1:] for call in second.calls] == [("Bash", {"command": "git commit -m a.txt"})]
    talk.ran(second, "[[scenario:silent]] what a tool printed is no marker")
    assert talk.ask(stream).text == "Done with a.txt."
    again = talk.say("[[scenario:edit file=b.txt]] more", stream)
    assert again.calls[0][2]["file_path"] == "/wt/a/b.txt"
    seen = [(one.dialect, one.scenario, one.step) for one in server.log()]
    assert seen == [(talk.name, "edit", step) for step in (0, 1, 2, 0)]
    assert [one.model for one in server.log()] == ["m"] * 4
    assert "more" in server.log()[-1].told


@pytest.mark.parametrize("stream", [True, False])
def test_usage_is_told_as_the_vendor_counts_it(talk: Talk, stream: bool) -> None:
    assert talk.say("[[scenario:edit file=a]]", stream).usage == USAGES[talk.name]


def test_two_calls_of_one_answer_are_one_round(talk: Talk) -> None:
    first = talk.say("[[scenario:both]]")
    assert [name for _, name, _ in first.calls] == ["Write", "Bash"]
    assert len({call_id for call_id, _, _ in first.calls}) == 2
    assert talk.go_on(first).text == "after one round"


def test_a_tool_is_called_by_the_end_of_its_name(talk: Talk) -> None:
    talk.tools = [*talk.tools, ("mcp__orch__report", {})]
    heard = talk.say("[[scenario:named word=hello]]")
    assert [call[1:] for call in heard.calls] == [("mcp__orch__report", {"text": "hello"})]


def test_what_is_not_offered_is_said_as_an_error(talk: Talk) -> None:
    heard = talk.say("[[scenario:named word=x]]")
    assert heard.status == 400
    assert "offers no 'report'" in json.dumps(heard.body)


def test_an_empty_step_says_something(talk: Talk) -> None:
    assert talk.say("[[scenario:silent]]").text == "Done."


def test_side_requests_use_no_tokens(talk: Talk, server: ModelServer) -> None:
    talk.tools = [("respond_in_schema", {})]
    heard = talk.say("[[scenario:edit file=a]] a title, please")
    assert heard.text == "Scripted work"
    assert sum(value for value in heard.usage.values() if isinstance(value, int)) == 0
    assert [(one.scenario, one.step) for one in server.log()] == [(None, -1)]


@pytest.mark.parametrize(
    ("name", "schema", "expected"),
    [
        ("exec_command", {"cmd": {"type": "string"}}, {"cmd": "true"}),
        ("shell", {"command": {"type": "array"}}, {"command": ["bash", "-lc", "true"]}),
        ("run_commands", {"commands": {"type": "array"}}, {"commands": ["true"]}),
        ("bash", {"command": {}, "description": {"type": "string"}},
         {"command": "true", "description": "scripted"}),
        ("bash", {"command": {}, "mode": {"enum": ["sync"]}, "n": {"type": "integer"}},
         {"command": "true", "mode": "sync", "n": 1}),
        ("bash", {"command": {}, "on": {"type": "BOOLEAN"}, "s": {"default": 30}},
         {"command": "true", "on": False, "s": 30}),
    ],
)  # fmt: skip
def test_the_shell_is_called_as_its_schema_asks(
    server: ModelServer, name: str, schema: dict[str, object], expected: dict[str, object]
) -> None:
    tool = {"properties": schema, "required": list(schema)}
    heard = ChatTalk(server.port, [(name, tool)]).say("[[scenario:mend]]")
    assert [call[1:] for call in heard.calls] == [(name, expected)]


def test_a_file_is_written_by_whatever_there_is(server: ModelServer) -> None:
    shell = ("bash", BASH)
    create: dict[str, object] = {"properties": {"path": {}, "file_text": {}}}
    own = ChatTalk(server.port, [shell, ("create", create)]).say("[[scenario:edit file=a.txt]]")
    assert own.calls[0][1:] == ("create", {"path": "/wt/a/a.txt", "file_text": "x\n"})
    free = ResponsesTalk(server.port, [shell, ("apply_patch", {"freeform": True})])
    patch = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch"
    assert free.say("[[scenario:edit file=a.txt]]").calls[0][1:] == ("apply_patch", patch)
    plain = ChatTalk(server.port, [shell]).say("[[scenario:edit file=a.txt]]").calls[0]
    command = "cat > '/wt/a/a.txt' <<'SCRIPTED_EOF'\nx\nSCRIPTED_EOF"
    assert plain[1:] == ("bash", {"command": command})


def test_a_patch_goes_through_the_shell_where_there_is_no_tool_for_it(server: ModelServer) -> None:
    heard = ChatTalk(server.port).say("[[scenario:patch]]")
    assert heard.calls[0][2]["command"].startswith("apply_patch <<")


@pytest.mark.parametrize(
    "told",
    [
        "<environment_context>\n  <cwd>/wt/a</cwd>\n</environment_context>",
        "- **Workspace Directories:**\n  - /wt/a\n- **Directory Structure:**",
        "I'm currently working in the directory: /wt/a\n",
        "* Current working directory: /wt/a\n",
    ],
)
def test_the_folder_is_the_one_that_the_agent_told(server: ModelServer, told: str) -> None:
    talk = AnthropicTalk(server.port)
    talk.system = "none"
    talk.user(told)
    heard = talk.say("[[scenario:edit file=a.txt]]")
    assert heard.calls[0][2]["file_path"] == "/wt/a/a.txt"


def test_the_marker_may_name_the_folder(server: ModelServer) -> None:
    heard = AnthropicTalk(server.port).say("[[scenario:edit file=a.txt cwd=/other]]")
    assert heard.calls[0][2]["file_path"] == "/other/a.txt"


def test_an_agent_that_ends_by_a_command_is_given_it(server: ModelServer) -> None:
    talk = ChatTalk(server.port, [("bash", BASH)])
    talk.system = "Submit with `echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT`."
    first = talk.say("[[scenario:both]]", stream=False)
    last = talk.go_on(first, stream=False)
    command = last.calls[0][2]["command"]
    assert command.startswith("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")
    assert "after one round" in command


class TextTalk(ChatTalk):
    """An agent that offers no tools but asks for edits as text."""

    def __init__(self, port: int, form: str) -> None:
        super().__init__(port, [])
        forms = {"diff": "Every *SEARCH/REPLACE block* must …", "whole": "a *file listing* …"}
        self.system = forms[form]

    def answered(self, text: str) -> None:
        self.messages.append({"role": "assistant", "content": text})


def test_an_edit_is_text_where_no_tools_are_offered(server: ModelServer) -> None:
    whole = TextTalk(server.port, "whole").say("[[scenario:edit file=a.txt]]")
    assert whole.text == "writing\n\na.txt\n```\nx\n```\n"
    talk = TextTalk(server.port, "diff")
    fresh = talk.say("[[scenario:edit file=a.txt]]")
    block = "<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE"
    assert fresh.text == f"writing\n\na.txt\n```\n{block}\n```\n"


def test_an_edit_of_a_file_that_was_shown_replaces_what_it_shows(server: ModelServer) -> None:
    talk = TextTalk(server.port, "diff")
    talk.user("These are the files:\n\na.txt\n```\nwrong\n```\n")
    talk.answered("Ok.")
    heard = talk.say("[[scenario:mend]]")
    assert "<<<<<<< SEARCH\nwrong\n=======\nok\n>>>>>>> REPLACE" in heard.text


def test_steps_without_tools_are_answers(server: ModelServer) -> None:
    talk = TextTalk(server.port, "whole")
    talk.user("[[scenario:silent]] before")
    talk.answered("Ok.")
    first = talk.say("[[scenario:words]]")
    assert first.text == "exactly this"
    talk.answered(first.text)
    # A file that the answer names is shown, and the same is asked for again.
    assert talk.say("I added these files to the chat: a.txt").text == "exactly this"
    talk.answered(first.text)
    assert talk.say("Some edits failed.").text == "second"
    assert [one.step for one in server.log()] == [0, 0, 1]


def test_a_request_without_tools_or_format_is_a_side_request(server: ModelServer) -> None:
    talk = TextTalk(server.port, "whole")
    talk.system = "You write commit messages."
    assert talk.say("[[scenario:words]]").text == "Scripted work"


def test_a_scenario_that_cannot_be_understood_is_refused() -> None:
    with pytest.raises(ValueError, match="step 0 of scenario 'a': no such: wirte"):
        ModelServer({"a": [{"wirte": {}}]})
