"""A draft as a table in JSON, with the usual names of its fields."""

from __future__ import annotations

from typing import Any

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.composed import Composed, filled, json_text, own_keys, plain_checks
from gangsaw.sources.drafts import Draft

EXPRESSES = (
    "prompt", "needs", "status", "priority", "track", "agent", "model", "scope", "checks",
    "estimate_s", "goal",
)  # fmt: skip

_WORDS = {
    Standing.OPEN: "open",
    Standing.RUNNING: "in progress",
    Standing.DONE: "done",
    Standing.DROPPED: "cancelled",
    Standing.LATER: "on hold",
}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    rows = [_row(task, draft) for task in draft.tasks]
    top: Any = {"goal": draft.goal, "items": rows} if draft.goal else rows
    return Composed({"backlog.json": json_text(top)}, own_keys(draft))


def _row(task: Task, draft: Draft) -> dict[str, Any]:
    return filled(
        {
            "id": task.id,
            "title": task.title,
            "status": _WORDS[draft.standing(task)],
            "description": task.prompt,
            "needs": list(task.needs),
            "priority": task.priority or None,
            "track": task.track,
            "agent": task.agent,
            "model": task.model,
            "files": list(task.scope),
            "checks": plain_checks(task),
            "estimate_s": task.estimate_s,
        }
    )
