"""One line per event, for people: when, what, about what, and the short fields of its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gangsaw.store.rows import Row
from gangsaw.views.text import flat

VALUE_MAX = 60
LINE_MAX = 240


def event_line(row: Row, since: float) -> str:
    """The event on one line; the time is minutes and seconds since the run began."""
    minutes, seconds = divmod(max(0.0, row.at - since), 60)
    about = flat(row.subject, 40) or "-"
    head = f"{row.seq:>6}  {int(minutes):>3}:{seconds:06.3f}  {row.kind:<22} {about:<14}"
    return f"{head} {_fields(row)}".rstrip()[:LINE_MAX]


def is_about(subject: str, task: str) -> bool:
    """Whether an event with this subject is about the task or one of its attempts."""
    if subject == task:
        return True
    name, _, number = subject.rpartition(".")
    return name == task and number.isdigit()


def _fields(row: Row) -> str:
    body = row.body
    hidden = {"attempt", "task"} if row.subject else set()
    shown = [
        f"{key}={_value(value)}"
        for key, value in _named(body).items()
        if key not in hidden and not _is_empty(value) and not _is_big(value)
    ]
    return " ".join(shown)


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with an agent that it holds whole under its name alone."""
    match body.get("agent"):
        case {"name": str(name)}:
            return {**body, "agent": name}
    return dict(body)


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value == "" or value == []


def _is_big(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )


def _value(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat(text, VALUE_MAX)
