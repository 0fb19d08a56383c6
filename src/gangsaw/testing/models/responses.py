"""OpenAI's Responses API, as Codex speaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from gangsaw.testing.models.faults import Fault
from gangsaw.testing.models.openai import refusal_of
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

SYSTEM_ROLES = ("system", "developer")


class Responses:
    """`…/responses`."""

    name = "responses"

    def serves(self, path: str) -> bool:
        """Whether requests at this path are for the model."""
        return path.endswith("/responses")

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """The request. What the developer says counts as the system's words."""
        given = body.get("input")
        items = dicts_in(given) if not isinstance(given, str) else [_said(given)]
        told = [text for one in items if one.get("role") in SYSTEM_ROLES for text in _texts(one)]
        return Asked(
            messages=tuple(_messages(items)),
            tools=tuple(_tools(dicts_in(body.get("tools")))),
            system="\n".join([str(body.get("instructions") or ""), *told]),
            model=str(body.get("model", "scripted")),
            stream=bool(body.get("stream")),
            session=headers.get("session-id", headers.get("session_id", "")),
        )

    def whole(self, reply: Reply) -> Json:
        """The response object."""
        return {**_frame(reply, "completed"), "output": _items(reply), "usage": _usage(reply)}

    def events(self, reply: Reply) -> list[str]:
        """The response as the events of a streaming answer."""
        frame = _frame(reply, "in_progress")
        events: list[Json] = [{"type": "response.created", "response": frame}]
        for index, item in enumerate(_items(reply)):
            at = {"output_index": index}
            events.append({"type": "response.output_item.added", **at, "item": _begun(item)})
            if item["type"] == "message":
                spot = {**at, "item_id": item["id"], "content_index": 0}
                text = {"delta": reply.text}
                events.append({"type": "response.output_text.delta", **spot, **text})
            events.append({"type": "response.output_item.done", **at, "item": item})
        events.append({"type": "response.completed", "response": self.whole(reply)})
        return [
            f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n"
            for number, event in enumerate(events)
        ]

    def refusal(self, fault: Fault) -> Refusal:
        """An error object."""
        return refusal_of(fault, plan_limits=True)


def _said(text: str) -> Json:
    return {"type": "message", "role": "user", "content": text}


def _texts(item: Json) -> tuple[str, ...]:
    return texts_of(item.get("content"), ("input_text", "output_text", "text"))


def _messages(items: list[Json]) -> Iterator[Message]:
    for index, item in enumerate(items):
        if item.get("type", "message") == "message":
            if item.get("role") not in SYSTEM_ROLES:
                role = "user" if item.get("role") == "user" else "model"
                yield Message(role, _texts(item))
        elif str(item["type"]).endswith("_output"):
            yield Message("user", rounds=(round_of(item.get("call_id"), index),))


def _tools(offered: list[Json]) -> Iterator[Tool]:
    """All tools, also those within a namespace; what has a type of its own is named by it."""
    for one in offered:
        if "tools" in one:
            yield from _tools(dicts_in(one["tools"]))
        else:
            name = str(one.get("name") or one.get("type"))
            yield Tool(name, one.get("parameters") or {}, one.get("type") == "custom")


def _frame(reply: Reply, status: str) -> Json:
    return {
        "id": f"resp_{reply.number:06d}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "model": reply.model,
        "output": [],
        "usage": None,
    }


def _items(reply: Reply) -> list[Json]:
    items: list[Json] = []
    if reply.text:
        words = {"type": "output_text", "text": reply.text, "annotations": []}
        own = {"id": f"msg_{reply.number:06d}", "role": "assistant", "status": "completed"}
        items.append({"type": "message", **own, "content": [words]})
    for index, call in enumerate(reply.calls):
        own = {"id": f"item_{reply.number:06d}_{index}", "status": "completed", "name": call.name}
        own["call_id"] = reply.call_id(index)
        if isinstance(call.arguments, str):
            items.append({"type": "custom_tool_call", **own, "input": call.arguments})
        else:
            given = json.dumps(call.arguments)
            items.append({"type": "function_call", **own, "arguments": given})
    return items


def _begun(item: Json) -> Json:
    """An item before its content has come."""
    empty = {"content": [], "arguments": "", "input": ""}
    return {**item, "status": "in_progress", **{k: v for k, v in empty.items() if k in item}}


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.output,
    }
