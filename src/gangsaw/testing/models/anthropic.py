"""Anthropic's Messages API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gangsaw.testing.models.faults import Fault, FaultKind, status_of
from gangsaw.testing.models.wire import (
    Asked,
    Json,
    Message,
    Refusal,
    Reply,
    Tool,
    dicts_in,
    round_of,
    texts_of,
)

STATUSES = {
    FaultKind.THROTTLE: 429,
    FaultKind.QUOTA: 429,
    FaultKind.OVERLOADED: 529,
    FaultKind.SERVER_ERROR: 500,
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.UNKNOWN_MODEL: 404,
    FaultKind.TOO_LONG: 400,
}
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
MESSAGES = {
    FaultKind.THROTTLE: "This request would exceed your organization's rate limit of 30,000 input "
    "tokens per minute.",
    FaultKind.QUOTA: "This request would exceed your account's rate limit. Please try again later.",
    FaultKind.OVERLOADED: "Overloaded",
    FaultKind.SERVER_ERROR: "Internal server error",
    FaultKind.UNAUTHORIZED: "invalid x-api-key",
    FaultKind.UNKNOWN_MODEL: "model: scripted",
    FaultKind.TOO_LONG: "prompt is too long: 214000 tokens > 200000 maximum",
}


class Anthropic:
    """`/v1/messages`, streaming and not."""

    name = "anthropic"

    def serves(self, path: str) -> bool:
        """Whether requests at this path are for the model."""
        return path == "/v1/messages"

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """The request."""
        return Asked(
            messages=tuple(
                _message(index, one) for index, one in enumerate(dicts_in(body.get("messages")))
            ),
            tools=tuple(
                Tool(str(one.get("name", "")), one.get("input_schema") or {})
                for one in dicts_in(body.get("tools"))
            ),
            system="\n".join(texts_of(body.get("system"))),
            model=str(body.get("model", "scripted")),
            stream=bool(body.get("stream")),
            session=headers.get("x-claude-code-session-id", ""),
        )

    def whole(self, reply: Reply) -> Json:
        """The message object."""
        blocks: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
        for index, call in enumerate(reply.calls):
            own = {"id": reply.call_id(index, "toolu"), "name": call.name}
            blocks.append({"type": "tool_use", **own, "input": call.arguments})
        return {
            "id": f"msg_{reply.number:06d}",
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": blocks,
            "stop_reason": "tool_use" if reply.calls else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": reply.usage.input,
                "output_tokens": reply.usage.output,
                "cache_read_input_tokens": reply.usage.cached,
                "cache_creation_input_tokens": reply.usage.cache_write,
            },
        }

    def events(self, reply: Reply) -> list[str]:
        """The message as the events of a streaming answer."""
        return [
            f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n"
            for name, fields in stream_of(self.whole(reply))
        ]

    def refusal(self, fault: Fault) -> Refusal:
        """An error object; a limit tells its reset as Claude's own service does."""
        status = status_of(fault, STATUSES)
        kind = fault.type or TYPES.get(status, "api_error")
        message = fault.message or MESSAGES.get(fault.kind, "scripted error")
        body = {"type": "error", "error": {"type": kind, "message": message}}
        headers = dict(fault.retry_after)
        if fault.kind is FaultKind.QUOTA and fault.resets_at_s is not None:
            limit = "anthropic-ratelimit-unified"
            headers |= {
                f"{limit}-status": "rejected",
                f"{limit}-reset": str(fault.resets_at_s),
                f"{limit}-representative-claim": "five_hour",
                f"{limit}-5h-status": "rejected",
                f"{limit}-5h-reset": str(fault.resets_at_s),
            }
        return Refusal(status, body, headers | dict(fault.headers))


def _message(index: int, message: Json) -> Message:
    content = message.get("content")
    results = [one for one in dicts_in(content) if one.get("type") == "tool_result"]
    rounds = tuple(round_of(one.get("tool_use_id"), index) for one in results)
    role = "user" if message.get("role") == "user" else "model"
    return Message(role, texts_of(content), rounds)


def stream_of(message: Mapping[str, Any]) -> list[tuple[str, Json]]:
    """The message as the names and fields of the events of a streaming answer."""
    usage = message["usage"]
    start = {
        **message,
        "content": [],
        "stop_reason": None,
        "usage": {**usage, "output_tokens": 1},
    }
    events: list[tuple[str, Json]] = [("message_start", {"message": start})]
    opening: Json
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            opening = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            opening = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        events.append(("content_block_start", {"index": index, "content_block": opening}))
        events.append(("content_block_delta", {"index": index, "delta": delta}))
        events.append(("content_block_stop", {"index": index}))
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append(("message_delta", {"delta": ending, "usage": usage}))
    events.append(("message_stop", {}))
    return events
