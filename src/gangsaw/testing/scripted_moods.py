"""How the scripted agent gets into each condition of `core.conditions`: what a real agent in it
prints, and how it ends. Values only; standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Beyond(Enum):
    """Ends without an exit code of its own."""

    HANGS = "hangs"
    KILLED = "killed"


Result = dict[str, object]


@dataclass(frozen=True)
class Mood:
    """Events that are printed, then raw bytes, then the end: an exit code and a final event."""

    events: list[dict[str, object]] = field(default_factory=list)
    raw: bytes = b""
    code: int | Beyond = 1
    result: Result | None = None


_SAID = {
    "trust": "do you trust the files in this folder?",
    "login_missing": "not logged in, please run login",
    "login_expired": "the token has expired",
    "model_unknown": "there is no such model",
    "context_full": "the prompt is too long",
    "turn_limit": "the maximum number of steps is reached",
    "money_limit": "the budget of this session is used up",
    "quota": "usage limit reached",
    "throttled": "too many requests",
    "overloaded": "the server is overloaded",
    "network": "connection refused",
    "session_lost": "no conversation found with this session",
}
"""What an agent says in a condition that it tells itself."""

_LIMITS = {"quota": "quota", "throttled": "throttle"}
_PASSING = (*_LIMITS, "overloaded", "network")

MOODS = (
    *_SAID,
    *("stalled", "permission", "answer", "malformed", "cut", "crashed"),
    *("false_success", "late_failure"),
)
"""The conditions, by their names."""


def trouble(name: str, argument: str, now: float) -> list[dict[str, object]]:
    """The event by which an agent says that something is wrong while it goes on."""
    text = _SAID.get(name, argument or name)
    if name in _LIMITS:
        until = now + float(argument) if argument else None
        limit = {"type": "limit", "kind": _LIMITS[name], "resets_at": until, "account": "scripted"}
        return [{**limit, "text": text}]
    if name == "permission":
        return [{"type": "permission", "text": argument or "write", "refused": True}]
    return [{"type": "condition", "condition": name, "text": text}]


def mood(name: str, argument: str, now: float) -> Mood:
    """How a turn ends in this condition. `argument` are the seconds until a limit ends, an exit
    code, or words; `now` is in epoch seconds."""
    match name:
        case "stalled":
            return Mood([{"type": "activity", "text": "thinking"}], code=Beyond.HANGS)
        case "crashed":
            return Mood(code=Beyond.KILLED)
        case "answer":
            asked = argument or "which one?"
            ending: Result = {"ok": True, "text": "", "condition": name}
            return Mood([{"type": "question", "text": asked}], code=0, result=ending)
        case "permission":
            ending = {"ok": True, "text": "I was not allowed to", "condition": name}
            return Mood(trouble(name, argument, now), code=0, result=ending)
        case "cut":
            return Mood(raw=b'{"type": "activity", "te', code=0)
        case "malformed":
            return Mood(raw=b"{]\n<html>502</html>\nnot JSON\n\n")
        case "false_success":
            return Mood(code=0, result={"ok": False, "text": argument or "something went wrong"})
        case "late_failure":
            return Mood(code=int(argument or 1), result={"ok": True, "text": "done"})
        case "session_lost":
            lost: dict[str, object] = {"type": "session", "session": ""}
            return Mood([lost], result=_told(name, argument, now))
        case _:
            return Mood(trouble(name, argument, now), result=_told(name, argument, now))


def _told(name: str, argument: str, now: float) -> Result:
    """The final event of an agent that says itself what is wrong."""
    result: Result = {"ok": False, "text": _SAID[name], "condition": name}
    if name in _PASSING and argument:
        result["retry_at"] = now + float(argument)
    if name in _LIMITS:
        result["account"] = "scripted"
    return result
