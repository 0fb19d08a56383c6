"""What OpenAI's two protocols have in common: how they say no."""

from __future__ import annotations

from datetime import UTC, datetime

from gangsaw.testing.models.faults import Fault, FaultKind, status_of
from gangsaw.testing.models.wire import Json, Refusal

STATUSES = {
    FaultKind.THROTTLE: 429,
    FaultKind.QUOTA: 429,
    FaultKind.OVERLOADED: 503,
    FaultKind.SERVER_ERROR: 500,
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.UNKNOWN_MODEL: 404,
    FaultKind.TOO_LONG: 400,
}
# Kind → type, code, message.
WORDS: dict[FaultKind, tuple[str, str | None, str]] = {
    FaultKind.THROTTLE: (
        "tokens",
        "rate_limit_exceeded",
        "Rate limit reached for scripted on tokens per min (TPM): Limit 30000, Used 29000, "
        "Requested 2000.",
    ),
    FaultKind.QUOTA: (
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    FaultKind.OVERLOADED: (
        "server_error",
        "server_is_overloaded",
        "Our servers are currently overloaded. Please try again later.",
    ),
    FaultKind.SERVER_ERROR: (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    FaultKind.UNAUTHORIZED: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided: test-key.",
    ),
    FaultKind.UNKNOWN_MODEL: (
        "invalid_request_error",
        "model_not_found",
        "The model `scripted` does not exist or you do not have access to it.",
    ),
    FaultKind.TOO_LONG: (
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in "
        "214000 tokens. Please reduce the length of the messages.",
    ),
}


def refusal_of(fault: Fault, *, plan_limits: bool) -> Refusal:
    """An error object. A used up allowance that comes back is the one of a plan, as Codex knows it
    (`plan_limits`), or as other vendors of this protocol tell it: in words alone."""
    kind, code, message = WORDS.get(fault.kind, ("server_error", None, "scripted error"))
    message = fault.message or message
    if fault.kind is FaultKind.THROTTLE and fault.waits_s is not None and not fault.message:
        message += f" Please try again in {fault.waits_s}s."
    body: Json = {"message": message, "type": fault.type or kind, "param": None, "code": code}
    headers = dict(fault.retry_after)
    if fault.kind is FaultKind.QUOTA and fault.resets_at_s is not None and not plan_limits:
        moment = datetime.fromtimestamp(fault.resets_at_s, UTC).isoformat()
        words = f"Usage limit reached. Your limit will reset at {moment}."
        body = {**body, "message": fault.message or words}
        headers = {}
    elif fault.kind is FaultKind.QUOTA and fault.resets_at_s is not None:
        body = {
            "type": fault.type or "usage_limit_reached",
            "message": fault.message or "The usage limit has been reached",
            "plan_type": "plus",
            "resets_at": fault.resets_at_s,
            "resets_in_seconds": fault.waits_s,
        }
        headers = {
            "x-codex-primary-used-percent": "100.0",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": str(fault.resets_at_s),
        }
    return Refusal(status_of(fault, STATUSES), {"error": body}, headers | dict(fault.headers))
