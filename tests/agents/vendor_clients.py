"""Plain clients of the vendors' protocols, as far as tests of the scripted model need them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
WAIT_S = 60.0
SYSTEM = "Primary working directory: /wt/a\nMore."
BASH: Json = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
}
WRITE: Json = {"type": "object", "properties": {"file_path": {}, "content": {}}, "required": []}
TOOLS: Sequence[tuple[str, Json]] = (("Read", {}), ("Write", WRITE), ("Bash", BASH))


@dataclass(frozen=True)
class Heard:
    """What came back: the model's words, its calls (id, name, arguments), the usage as the vendor
    counts it; or a refusal."""

    status: int
    text: str = ""
    calls: Sequence[tuple[str, str, Any]] = ()
    usage: Json = field(default_factory=dict)
    body: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def exchange(
    port: int, method: str, path: str, body: Any = None, key: str = "Bearer test-key"
) -> tuple[int, str, Json]:
    """Status, body and headers of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        sent = {"authorization": key} if key else {}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, response.read().decode(), headers
    finally:
        connection.close()


def events_in(raw: str) -> list[Json]:
    """The objects of a stream of server-sent events."""
    lines = [line[6:] for line in raw.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


class Talk:
    """One conversation with the model, in one vendor's protocol."""

    name = ""
    path = ""

    def __init__(self, port: int, tools: Sequence[tuple[str, Json]] = TOOLS) -> None:
        self.port = port
        self.tools = tools
        self.system = SYSTEM
        self.key = "Bearer test-key"
        self.messages: list[Json] = []

    def ask(self, stream: bool = True) -> Heard:
        """The answer to the conversation so far."""
        status, raw, headers = exchange(
            self.port, "POST", self.where(stream), self.body(stream) | {"stream": stream}, self.key
        )
        if status != 200:
            return Heard(status, body=json.loads(raw), headers=headers)
        return self.streamed(events_in(raw)) if stream else self.whole(json.loads(raw))

    def say(self, text: str, stream: bool = True) -> Heard:
        """The answer to words of the user."""
        self.user(text)
        return self.ask(stream)

    def go_on(self, heard: Heard, stream: bool = True) -> Heard:
        """The answer after all calls of the last one have run."""
        self.ran(heard)
        return self.ask(stream)

    def where(self, stream: bool) -> str:
        """The path to ask at."""
        return self.path

    def user(self, text: str) -> None:
        """Add words of the user."""
        self.messages.append({"role": "user", "content": text})

    def ran(self, heard: Heard, printed: str = "ok") -> None:
        """Add an answer and what its tools printed."""
        raise NotImplementedError

    def body(self, stream: bool) -> Json:
        raise NotImplementedError

    def whole(self, body: Json) -> Heard:
        raise NotImplementedError

    def streamed(self, events: list[Json]) -> Heard:
        raise NotImplementedError


class AnthropicTalk(Talk):
    name = "anthropic"
    path = "/v1/messages?beta=true"

    def ran(self, heard: Heard, printed: str = "ok") -> None:
        used = [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in heard.calls]
        text = [{"type": "text", "text": heard.text}] if heard.text else []
        self.messages.append({"role": "assistant", "content": [*text, *used]})
        words = [{"type": "text", "text": printed}]
        done = [
            {"type": "tool_result", "tool_use_id": one[0], "content": words} for one in heard.calls
        ]
        self.messages.append({"role": "user", "content": done})

    def body(self, stream: bool) -> Json:
        tools = [{"name": name, "input_schema": schema} for name, schema in self.tools]
        return {"model": "m", "system": self.system, "messages": self.messages, "tools": tools}

    def whole(self, body: Json) -> Heard:
        texts = [one["text"] for one in body["content"] if one["type"] == "text"]
        used = [one for one in body["content"] if one["type"] == "tool_use"]
        assert (body["stop_reason"] == "tool_use") == bool(used)
        calls = [(one["id"], one["name"], one["input"]) for one in used]
        return Heard(200, "".join(texts), calls, body["usage"])

    def streamed(self, events: list[Json]) -> Heard:
        blocks = []
        for event in events:
            if event["type"] == "content_block_start":
                blocks.append(dict(event["content_block"]))
            elif event["type"] == "content_block_delta":
                delta = event["delta"]
                if delta["type"] == "text_delta":
                    blocks[-1]["text"] += delta["text"]
                else:
                    blocks[-1]["input"] = json.loads(delta["partial_json"])
        assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
        ending = events[-2]
        stop = {"stop_reason": ending["delta"]["stop_reason"]}
        return self.whole({"content": blocks, "usage": ending["usage"], **stop})


class ResponsesTalk(Talk):
    name = "responses"
    path = "/v1/responses"

    def user(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        self.messages.append({"type": "message", "role": "user", "content": content})

    def ran(self, heard: Heard, printed: str = "ok") -> None:
        for call_id, name, arguments in heard.calls:
            free = isinstance(arguments, str)
            kind = "custom_tool_call" if free else "function_call"
            given = {"input": arguments} if free else {"arguments": json.dumps(arguments)}
            self.messages.append({"type": kind, "call_id": call_id, "name": name, **given})
            done = {"type": f"{kind}_output", "call_id": call_id, "output": printed}
            self.messages.append(done)

    def body(self, stream: bool) -> Json:
        tools = [
            {"type": "custom", "name": name, "format": {}}
            if schema.get("freeform")
            else {"type": "function", "name": name, "parameters": schema}
            for name, schema in self.tools
        ]
        return {"model": "m", "instructions": self.system, "input": self.messages, "tools": tools}

    def whole(self, body: Json) -> Heard:
        text = ""
        calls: list[tuple[str, str, Any]] = []
        for item in body["output"]:
            match item["type"]:
                case "message":
                    text += item["content"][0]["text"]
                case "function_call":
                    arguments = json.loads(item["arguments"])
                    calls.append((item["call_id"], item["name"], arguments))
                case "custom_tool_call":
                    calls.append((item["call_id"], item["name"], item["input"]))
        assert body["status"] == "completed"
        return Heard(200, text, calls, body["usage"])

    def streamed(self, events: list[Json]) -> Heard:
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert events[0]["type"] == "response.created"
        assert events[-1]["type"] == "response.completed"
        done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
        assert done == events[-1]["response"]["output"]
        return self.whole(events[-1]["response"])


class ChatTalk(Talk):
    name = "chat"
    path = "/v1/chat/completions"

    def ran(self, heard: Heard, printed: str = "ok") -> None:
        calls = [
            {"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
            for i, n, a in heard.calls
        ]
        text = heard.text or None
        self.messages.append({"role": "assistant", "content": text, "tool_calls": calls})
        for one in heard.calls:
            self.messages.append({"role": "tool", "tool_call_id": one[0], "content": printed})

    def body(self, stream: bool) -> Json:
        system = {"role": "system", "content": self.system}
        tools = [
            {"type": "function", "function": {"name": name, "parameters": schema}}
            for name, schema in self.tools
        ]
        return {"model": "m", "messages": [system, *self.messages], "tools": tools}

    def whole(self, body: Json) -> Heard:
        choice = body["choices"][0]
        message = choice["message"]
        used = message.get("tool_calls") or []
        assert choice["finish_reason"] == ("tool_calls" if used else "stop")
        calls = [
            (one["id"], one["function"]["name"], json.loads(one["function"]["arguments"]))
            for one in used
        ]
        return Heard(200, message["content"] or "", calls, body["usage"])

    def streamed(self, events: list[Json]) -> Heard:
        assert events[-1]["choices"] == []
        choices = [event["choices"][0] for event in events[:-1]]
        text = "".join(choice["delta"].get("content", "") for choice in choices)
        used = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
        message = {"content": text, "tool_calls": used}
        choice = {"message": message, "finish_reason": choices[-1]["finish_reason"]}
        return self.whole({"choices": [choice], "usage": events[-1]["usage"]})


class GeminiTalk(Talk):
    name = "gemini"

    def where(self, stream: bool) -> str:
        what = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/m:{what}"

    def user(self, text: str) -> None:
        self.messages.append({"role": "user", "parts": [{"text": text}]})

    def ran(self, heard: Heard, printed: str = "ok") -> None:
        used = [{"functionCall": {"id": i, "name": n, "args": a}} for i, n, a in heard.calls]
        text = [{"text": heard.text}] if heard.text else []
        self.messages.append({"role": "model", "parts": [*text, *used]})
        done = [
            {"functionResponse": {"id": i, "name": n, "response": {"output": printed}}}
            for i, n, _ in heard.calls
        ]
        self.messages.append({"role": "user", "parts": done})

    def body(self, stream: bool) -> Json:
        declared = [{"name": name, "parametersJsonSchema": schema} for name, schema in self.tools]
        return {
            "contents": self.messages,
            "systemInstruction": {"role": "user", "parts": [{"text": self.system}]},
            "tools": [{"functionDeclarations": declared}],
        }

    def whole(self, body: Json) -> Heard:
        parts = body["candidates"][0]["content"]["parts"]
        text = "".join(part.get("text", "") for part in parts)
        used = [part["functionCall"] for part in parts if "functionCall" in part]
        calls = [(one["id"], one["name"], one["args"]) for one in used]
        assert body["candidates"][0]["finishReason"] == "STOP"
        return Heard(200, text, calls, body["usageMetadata"])

    def streamed(self, events: list[Json]) -> Heard:
        parts = [
            part for event in events for part in event["candidates"][0]["content"]["parts"]
        ]  # fmt: skip
        last = events[-1]
        candidate = {**last["candidates"][0], "content": {"parts": parts}}
        return self.whole({**last, "candidates": [candidate]})


TALKS: tuple[type[Talk], ...] = (AnthropicTalk, ResponsesTalk, ChatTalk, GeminiTalk)
