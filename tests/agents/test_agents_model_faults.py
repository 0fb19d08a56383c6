"""What goes wrong between an agent and its vendor, in every vendor's words."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gangsaw.testing.models import FaultKind, ModelServer, Scenarios
from tests.agents.vendor_clients import TALKS, WAIT_S, AnthropicTalk, Talk, exchange

RESET = 2_000_000_000
HOUR_S = 3600
SCENARIOS: Scenarios = {
    **{kind.value: [{"fault": kind.value, "say": "fine"}] for kind in FaultKind},
    **{f"{kind.value}_once": [{"fault": {"kind": kind.value, "times": 1}, "say": "fine"}]
       for kind in FaultKind},
    "quota_reset": [{"fault": {"kind": "quota", "resets_at": RESET}}],
    "quota_passes": [{"fault": {"kind": "quota", "resets_in_s": 0.5}, "say": "fine"}],
    "quota_hour": [{"fault": {"kind": "quota", "resets_in_s": HOUR_S}}],
    "throttle_wait": [{"fault": {"kind": "throttle", "retry_after_s": 7}}],
    "own": [{"fault": {"status": 418, "type": "teapot", "message": "short and stout",
                       "headers": {"x-pot": 1}}}],
    "later": [{"bash": "true"}, {"fault": {"kind": "overloaded", "times": 1}, "say": "fine"}],
    "gated": [{"gate": "g", "fault": "overloaded"}],
}  # fmt: skip
REFUSED = ("throttle", "quota", "overloaded", "server_error", "unauthorized", "unknown_model",
           "too_long")  # fmt: skip
# Dialect → kind → status and a word of the body.
SAID: dict[str, dict[str, tuple[int, str]]] = {
    "anthropic": {
        "throttle": (429, '"rate_limit_error"'),
        "quota": (429, '"rate_limit_error"'),
        "overloaded": (529, '"overloaded_error"'),
        "server_error": (500, '"api_error"'),
        "unauthorized": (401, '"authentication_error"'),
        "unknown_model": (404, '"not_found_error"'),
        "too_long": (400, "prompt is too long"),
    },
    "chat": {
        "throttle": (429, '"rate_limit_exceeded"'),
        "quota": (429, '"insufficient_quota"'),
        "overloaded": (503, '"server_is_overloaded"'),
        "server_error": (500, '"server_error"'),
        "unauthorized": (401, '"invalid_api_key"'),
        "unknown_model": (404, '"model_not_found"'),
        "too_long": (400, '"context_length_exceeded"'),
    },
    "gemini": {
        "throttle": (429, '"RESOURCE_EXHAUSTED"'),
        "quota": (429, "QuotaFailure"),
        "overloaded": (503, '"UNAVAILABLE"'),
        "server_error": (500, '"INTERNAL"'),
        "unauthorized": (401, "API_KEY_INVALID"),
        "unknown_model": (404, '"NOT_FOUND"'),
        "too_long": (400, "exceeds the maximum number of tokens"),
    },
}
SAID["responses"] = SAID["chat"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(SCENARIOS) as running:
        yield running


@pytest.fixture(params=TALKS, ids=[one.name for one in TALKS])
def talk(request: pytest.FixtureRequest, server: ModelServer) -> Talk:
    made: Talk = request.param(server.port)
    return made


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_is_said_in_the_vendors_words(talk: Talk, server: ModelServer, kind: str) -> None:
    heard = talk.say(f"[[scenario:{kind}]]")
    status, word = SAID[talk.name][kind]
    assert (heard.status, word in json.dumps(heard.body)) == (status, True)
    assert not {"retry-after", "anthropic-ratelimit-unified-reset"} & heard.headers.keys()
    assert [one.fault for one in server.log()] == [kind]


@pytest.mark.parametrize("kind", REFUSED)
def test_a_fault_may_pass(talk: Talk, server: ModelServer, kind: str) -> None:
    assert talk.say(f"[[scenario:{kind}_once]]").status != 200
    assert talk.ask().text == "fine"
    assert [(one.step, one.tries, one.fault) for one in server.log()] == [(0, 1, kind), (0, 2, "")]


def test_tries_are_counted_by_marker_and_step(talk: Talk) -> None:
    first = talk.say("[[scenario:later task=a]]")
    assert talk.go_on(first).status != 200
    assert talk.ask().text == "fine"
    other = type(talk)(talk.port)
    assert other.go_on(other.say("[[scenario:later task=b]]")).status != 200


def reset_told(talk: Talk, heard: Any) -> dict[str, Any]:
    """Where each vendor says when a used up allowance comes back."""
    if talk.name == "anthropic":
        return {
            name: heard.headers[f"anthropic-ratelimit-unified-{name}"]
            for name in ("status", "reset")
        }
    if talk.name == "responses":
        error = heard.body["error"]
        return {"type": error["type"], "at": error["resets_at"], "in": error["resets_in_seconds"]}
    if talk.name == "gemini":
        delay = next(one for one in heard.body["error"]["details"] if "retryDelay" in one)
        return {"delay": delay["retryDelay"]}
    assert "retry-after" not in heard.headers
    return {"words": heard.body["error"]["message"]}


def test_a_limit_tells_when_it_ends(talk: Talk) -> None:
    before = time.time()
    heard = talk.say("[[scenario:quota_reset]]")
    told = reset_told(talk, heard)
    waits = {str(RESET - int(before) - late) for late in range(int(WAIT_S) + 2)}
    match talk.name:
        case "anthropic":
            assert told == {"status": "rejected", "reset": str(RESET)}
            assert heard.headers["retry-after"] in waits
        case "responses":
            assert (told["type"], told["at"]) == ("usage_limit_reached", RESET)
            assert str(told["in"]) in waits
        case "gemini":
            assert told["delay"].removesuffix("s") in waits
            assert f"reset after {told['delay']}" in heard.body["error"]["message"]
            assert "QUOTA_EXHAUSTED" in json.dumps(heard.body)
        case _:
            assert "reset at 2033-05-18T03:33:20+00:00" in told["words"]


def test_every_refusal_until_the_reset_tells_the_same_moment(server: ModelServer) -> None:
    talk = AnthropicTalk(server.port)
    name = "anthropic-ratelimit-unified-reset"
    before = time.time()
    first = talk.say("[[scenario:quota_hour]]").headers[name]
    assert talk.ask().headers[name] == first
    assert before + HOUR_S <= int(first) <= time.time() + HOUR_S + 1


def test_a_limit_ends_at_its_reset(talk: Talk) -> None:
    began = time.time()
    assert talk.say("[[scenario:quota_passes]]").status == 429
    heard = talk.ask()
    while heard.status == 429 and time.time() < began + WAIT_S:
        heard = talk.ask()
    assert heard.text == "fine"
    assert time.time() >= began + 0.5


def test_a_throttle_may_tell_how_long_to_wait(talk: Talk) -> None:
    heard = talk.say("[[scenario:throttle_wait]]")
    if talk.name == "gemini":
        assert '"retryDelay": "7s"' in json.dumps(heard.body)
    else:
        assert heard.headers["retry-after"] == "7"


def test_a_scenario_may_say_it_in_its_own_words(talk: Talk) -> None:
    heard = talk.say("[[scenario:own]]")
    assert (heard.status, heard.headers["x-pot"]) == (418, "1")
    assert "short and stout" in json.dumps(heard.body)
    assert "teapot" in json.dumps(heard.body)


@pytest.mark.parametrize("stream", [True, False])
def test_a_dropped_connection_answers_nothing(talk: Talk, stream: bool) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        talk.say("[[scenario:drop_once]]", stream)
    assert talk.ask(stream).text == "fine"


@pytest.mark.parametrize("stream", [True, False])
def test_a_cut_answer_ends_too_early(talk: Talk, stream: bool) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        talk.say("[[scenario:cut_once]]", stream)
    assert cut.value.partial
    assert talk.ask(stream).text == "fine"


@pytest.mark.parametrize("stream", [True, False])
def test_a_malformed_answer_is_no_json(talk: Talk, stream: bool) -> None:
    with pytest.raises(json.JSONDecodeError):
        talk.say("[[scenario:malformed_once]]", stream)
    assert talk.ask(stream).text == "fine"


@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_silence_ends_when_the_server_closes(kind: str) -> None:
    got: list[tuple[bytes, Exception]] = []
    with ModelServer(SCENARIOS) as server:
        talk = AnthropicTalk(server.port)
        talk.user(f"[[scenario:{kind}]]")

        def ask() -> None:
            try:
                talk.ask()
            except (http.client.HTTPException, OSError) as error:
                got.append((getattr(error, "partial", b""), error))

        asking = threading.Thread(target=ask)
        asking.start()
        assert server.wait_for_fault(kind, WAIT_S)
        # The server still answers others meanwhile, and the one that waits has got nothing yet.
        assert exchange(server.port, "GET", "/__waiting")[0] == 200
        assert got == []
    asking.join(WAIT_S)
    (partial, error), *more = got
    assert more == []
    if kind == "stall":
        assert b"message_start" in partial
        assert b"message_stop" not in partial
    else:
        assert isinstance(error, http.client.RemoteDisconnected)


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer"])
def test_without_a_key_nobody_is_answered(talk: Talk, server: ModelServer, key: str) -> None:
    talk.key = key
    heard = talk.say("[[scenario:later]]")
    assert (heard.status, SAID[talk.name]["unauthorized"][1] in json.dumps(heard.body)) == (
        401,
        True,
    )
    assert [(one.scenario, one.fault) for one in server.log()] == [(None, "unauthorized")]


def test_a_fault_stands_behind_its_gate(server: ModelServer) -> None:
    talk = AnthropicTalk(server.port)
    statuses: list[int] = []
    asking = threading.Thread(target=lambda: statuses.append(talk.say("[[scenario:gated]]").status))
    asking.start()
    assert server.wait_for_gate("g", WAIT_S)
    server.open_gate("g")
    asking.join(WAIT_S)
    assert statuses == [529]
