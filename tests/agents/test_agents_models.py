"""The scripted model server, asked over HTTP as the CLI asks it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.models import ModelServer, Scenarios

WAIT_S = 60.0
TOOLS = [{"name": "Read"}, {"name": "Write"}, {"name": "Bash"}]
SCENARIOS: Scenarios = {
    "edit": [
        {"say": "writing", "write": {"path": "{file}", "content": "x\n"}, "usage": {"input": 7}},
        {"bash": "git commit -m {file}"},
        {"say": "Done with {file}."},
    ],
    "named": [{"call": {"name": "Write"}}],
    "denied": [{"say": "I try.", "call": {"name": "Write", "unoffered": True}}],
    "gated": [{"gate": "g", "say": "open"}],
    "busy": [{"fault": {"kind": "overloaded", "retry_after_s": 9}}],
}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(SCENARIOS) as running:
        yield running


def call(port: int, method: str, path: str, body: Any = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request(method, path, json.dumps(body), {"x-api-key": "k"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def tool_round(text: str = "ok") -> list[dict[str, Any]]:
    done = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": text}]}
    return [{"role": "assistant", "content": []}, {"role": "user", "content": [done]}]


def ask(
    server: ModelServer, messages: list[dict[str, Any]], stream: bool = False, **fields: Any
) -> tuple[int, str]:
    body = {"model": "m", "messages": messages, "tools": TOOLS, "stream": stream} | fields
    system = "Primary working directory: /wt/a\nMore."
    return call(server.port, "POST", "/v1/messages?beta=true", {"system": system} | body)


def content(answer: tuple[int, str]) -> list[dict[str, Any]]:
    assert answer[0] == 200, answer
    blocks: list[dict[str, Any]] = json.loads(answer[1])["content"]
    return blocks


def test_the_step_follows_from_the_request_alone(server: ModelServer) -> None:
    start = [user("[[scenario:edit file=a.txt]] do")]
    for _ in range(2):
        text, call_ = content(ask(server, start))
        assert text["text"] == "writing"
        assert (call_["name"], call_["input"]["file_path"]) == ("Write", "/wt/a/a.txt")
    second = content(ask(server, [*start, *tool_round()]))
    assert second[0]["input"]["command"] == "git commit -m a.txt"
    third = [*start, *tool_round(), *tool_round("[[scenario:busy]] in an output is no marker")]
    assert content(ask(server, third))[0]["text"] == "Done with a.txt."
    assert content(ask(server, [*third, *tool_round()]))[0]["text"] == "Done with a.txt."
    again = [*third, user("[[scenario:edit file=b.txt]] more")]
    assert content(ask(server, again))[1]["input"]["file_path"] == "/wt/a/b.txt"
    assert [(seen.scenario, seen.step) for seen in server.log()] == [
        ("edit", step) for step in (0, 0, 1, 2, 3, 0)
    ]


def test_an_agent_that_may_only_read_gets_its_scenario(server: ModelServer) -> None:
    answer = ask(server, [user("[[scenario:denied]] review")], tools=[{"name": "Read"}])
    assert content(answer)[1]["name"] == "Write"
    status, raw = ask(server, [user("[[scenario:named]]")], tools=[{"name": "Read"}])
    assert (status, "offers no 'Write'" in raw) == (400, True)


def test_a_request_without_tools_for_work_is_a_side_request(server: ModelServer) -> None:
    answer = ask(server, [user("[[scenario:edit file=a]] title?")], tools=[])
    assert content(answer) == [{"type": "text", "text": "Scripted work"}]
    assert server.log()[0].scenario is None


def test_a_stream_has_the_events_of_the_wire_format(server: ModelServer) -> None:
    _, raw = ask(server, [user("[[scenario:edit file=a.txt]] do")], stream=True)
    events = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: ")]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert [event["type"] for event in events] == [
        *("message_start", *block, *block, "message_delta", "message_stop")
    ]
    assert events[0]["message"]["usage"]["input_tokens"] == 7
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    assert json.loads(events[5]["delta"]["partial_json"])["content"] == "x\n"


def test_an_error_step_and_an_unknown_scenario(server: ModelServer) -> None:
    status, raw = ask(server, [user("[[scenario:busy]]")])
    assert (status, json.loads(raw)["error"]["type"]) == (529, "overloaded_error")
    status, raw = ask(server, [user("[[scenario:nowhere]]")])
    assert (status, "no scenario 'nowhere'" in raw) == (400, True)


def test_a_gate_holds_a_request_until_it_is_opened(server: ModelServer) -> None:
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(server, [user("[[scenario:gated]]")]))
    )
    asking.start()
    assert server.wait_for_gate("g", WAIT_S)
    assert answers == []
    assert json.loads(call(server.port, "GET", "/__waiting")[1]) == ["g"]
    assert call(server.port, "POST", "/__open/g")[0] == 200
    asking.join(WAIT_S)
    assert content(answers[0])[0]["text"] == "open"
    log = json.loads(call(server.port, "GET", "/__log")[1])
    assert [entry["scenario"] for entry in log] == ["gated"]


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    scenarios = tmp_path / "scenarios.json"
    scenarios.write_text(json.dumps(SCENARIOS))
    argv = [sys.executable, "-m", "gangsaw.testing.models", "--scenarios", str(scenarios)]
    process = subprocess.Popen([*argv, "--port", "0"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert call(port, "GET", "/__log") == (200, "[]")
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)
