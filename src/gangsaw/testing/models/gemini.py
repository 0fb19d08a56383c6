"""Google's Gemini API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

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
)

STATUSES = {
    FaultKind.THROTTLE: 429,
    FaultKind.QUOTA: 429,
    FaultKind.OVERLOADED: 503,
    FaultKind.SERVER_ERROR: 500,
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.UNKNOWN_MODEL: 404,
    FaultKind.TOO_LONG: 400,
}
NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
MESSAGES = {
    FaultKind.THROTTLE: "Resource has been exhausted (e.g. check quota).",
    FaultKind.QUOTA: "You exceeded your current quota, please check your plan and billing details.",
    FaultKind.OVERLOADED: "The model is overloaded. Please try again later.",
    FaultKind.SERVER_ERROR: "An internal error has occurred. Please retry.",
    FaultKind.UNAUTHORIZED: "API key not valid. Please pass a valid API key.",
    FaultKind.UNKNOWN_MODEL: "models/scripted is not found for API version v1beta, or is not "
    "supported for generateContent.",
    FaultKind.TOO_LONG: "The input token count (1214000) exceeds the maximum number of tokens "
    "allowed (1048576).",
}
_PATH = re.compile(r"/v1(?:beta|alpha)?/models/([^/:]+):(streamGenerateContent|generateContent)")
_GOOGLE = "type.googleapis.com/google.rpc"


class Gemini:
    """`/v1beta/models/MODEL:streamGenerateContent` and `…:generateContent`."""

    name = "gemini"

    def serves(self, path: str) -> bool:
        """Whether requests at this path are for the model."""
        return _PATH.fullmatch(path) is not None

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """The request."""
        found = _PATH.fullmatch(path)
        system = body.get("systemInstruction", body.get("system_instruction")) or {}
        declared = [
            one
            for group in dicts_in(body.get("tools"))
            for one in dicts_in(
                group.get("functionDeclarations", group.get("function_declarations"))
            )
        ]
        return Asked(
            messages=tuple(_messages(dicts_in(body.get("contents")))),
            tools=tuple(Tool(str(one.get("name", "")), _schema(one)) for one in declared),
            system="\n".join(_texts(dicts_in(system.get("parts")))) if system else "",
            model=found[1] if found else "scripted",
            stream=found is not None and found[2] == "streamGenerateContent",
        )

    def whole(self, reply: Reply) -> Json:
        """The answer as one object."""
        return _chunk(reply, _parts(reply), last=True)

    def events(self, reply: Reply) -> list[str]:
        """A chunk for each part; the last one has the reason and the usage."""
        parts = _parts(reply)
        chunks = [_chunk(reply, [part], last=part is parts[-1]) for part in parts]
        return [f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks]

    def refusal(self, fault: Fault) -> Refusal:
        """An error object; a limit tells how long to wait."""
        status = status_of(fault, STATUSES)
        message = fault.message or MESSAGES.get(fault.kind, "scripted error")
        details: list[Json] = []
        if fault.kind is FaultKind.QUOTA and fault.waits_s is not None:
            # An allowance that comes back is told as for those who are signed in with an account.
            reason = {"@type": f"{_GOOGLE}.ErrorInfo", "reason": "QUOTA_EXHAUSTED"}
            details.append({**reason, "domain": "cloudcode-pa.googleapis.com"})
            message = fault.message or (
                "You have exhausted your capacity on this model. Your quota will reset after "
                f"{fault.waits_s}s."
            )
        elif fault.kind is FaultKind.QUOTA:
            violation = {
                "quotaMetric": "generativelanguage.googleapis.com/generate_requests_per_day",
                "quotaId": "GenerateRequestsPerDayPerProjectPerModel",
            }
            details.append({"@type": f"{_GOOGLE}.QuotaFailure", "violations": [violation]})
        if fault.waits_s is not None:
            retry = {"@type": f"{_GOOGLE}.RetryInfo", "retryDelay": f"{fault.waits_s}s"}
            details.append(retry)
            if fault.kind is not FaultKind.QUOTA and not fault.message:
                message += f" Please retry in {fault.waits_s}s."
        if fault.kind is FaultKind.UNAUTHORIZED:
            reason = {"@type": f"{_GOOGLE}.ErrorInfo", "reason": "API_KEY_INVALID"}
            details.append({**reason, "domain": "googleapis.com"})
        named = fault.type or NAMES.get(status, "UNKNOWN")
        error = {"code": status, "message": message, "status": named, "details": details}
        return Refusal(status, {"error": error}, dict(fault.headers))


def _schema(declared: Json) -> Json:
    """The arguments' schema, of whichever of the two forms."""
    found = declared.get("parametersJsonSchema", declared.get("parameters"))
    return found if isinstance(found, dict) else {}


def _texts(parts: list[Json]) -> tuple[str, ...]:
    return tuple(str(part["text"]) for part in parts if "text" in part)


def _messages(contents: list[Json]) -> Iterator[Message]:
    for index, one in enumerate(contents):
        parts = dicts_in(one.get("parts"))
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        rounds = tuple(round_of(result.get("id"), index) for result in results)
        yield Message("model" if one.get("role") == "model" else "user", _texts(parts), rounds)


def _parts(reply: Reply) -> list[Json]:
    parts: list[Json] = [{"text": reply.text}] if reply.text else []
    for index, call in enumerate(reply.calls):
        given = {"id": reply.call_id(index), "name": call.name, "args": call.arguments}
        parts.append({"functionCall": given})
    return parts


def _chunk(reply: Reply, parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    own = {"modelVersion": reply.model, "responseId": f"resp-{reply.number:06d}"}
    if not last:
        return {"candidates": [candidate], **own}
    candidate["finishReason"] = "STOP"
    usage = reply.usage
    counted = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.prompt + usage.output,
    }
    return {"candidates": [candidate], "usageMetadata": counted, **own}
