"""OpenAI's Chat Completions, which many agents speak."""

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


class Chat:
    """`…/chat/completions`, streaming and not."""

    name = "chat"

    def serves(self, path: str) -> bool:
        """Whether requests at this path are for the model."""
        return path.endswith("/chat/completions")

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """The request."""
        messages = dicts_in(body.get("messages"))
        told = [one for one in messages if one.get("role") in SYSTEM_ROLES]
        functions = [one.get("function") for one in dicts_in(body.get("tools"))]
        return Asked(
            messages=tuple(_messages(messages)),
            tools=tuple(
                Tool(str(one.get("name", "")), one.get("parameters") or {})
                for one in functions
                if isinstance(one, dict)
            ),
            system="\n".join(text for one in told for text in texts_of(one.get("content"))),
            model=str(body.get("model", "scripted")),
            stream=bool(body.get("stream")),
            session=headers.get("x-session-id", ""),
        )

    def whole(self, reply: Reply) -> Json:
        """The completion object."""
        message: Json = {"role": "assistant", "content": reply.text or None}
        if reply.calls:
            message["tool_calls"] = _calls(reply)
        choice = {"index": 0, "message": message, "finish_reason": _reason(reply)}
        return {**_frame(reply, "chat.completion"), "choices": [choice], "usage": _usage(reply)}

    def events(self, reply: Reply) -> list[str]:
        """The completion as chunks; the last one has no choices but the usage."""
        deltas: list[Json] = [{"role": "assistant", "content": ""}]
        if reply.text:
            deltas.append({"content": reply.text})
        calls = enumerate(_calls(reply))
        deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in calls]
        choices: list[Json] = [{"index": 0, "delta": one, "finish_reason": None} for one in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": _reason(reply)})
        frame = _frame(reply, "chat.completion.chunk")
        chunks: list[Json] = [{**frame, "choices": [choice]} for choice in choices]
        chunks.append({**frame, "choices": [], "usage": _usage(reply)})
        return [*(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks), "data: [DONE]\n\n"]

    def refusal(self, fault: Fault) -> Refusal:
        """An error object."""
        return refusal_of(fault, plan_limits=False)


def _messages(messages: list[Json]) -> Iterator[Message]:
    last = -1
    for index, one in enumerate(messages):
        match one.get("role"):
            case "tool" | "function":
                # Results that stand side by side are of one answer, whatever their ids.
                first = last if last >= 0 else index
                last = first
                yield Message("user", rounds=(round_of(one.get("tool_call_id"), first),))
                continue
            case "user":
                yield Message("user", texts_of(one.get("content")))
            case "assistant":
                yield Message("model", texts_of(one.get("content")))
            case _:
                pass
        last = -1


def _frame(reply: Reply, kind: str) -> Json:
    own = {"id": f"chatcmpl-{reply.number:06d}", "object": kind, "created": 0}
    return {**own, "model": reply.model}


def _calls(reply: Reply) -> list[Json]:
    return [
        {
            "id": reply.call_id(index),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
        }
        for index, call in enumerate(reply.calls)
    ]


def _reason(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _usage(reply: Reply) -> Json:
    usage = reply.usage
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
