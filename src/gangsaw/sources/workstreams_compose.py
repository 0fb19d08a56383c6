"""A draft as a file of workstreams."""

from __future__ import annotations

from typing import Any

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.commands import stated_command
from gangsaw.sources.composed import Composed, filled, json_text, own_keys, plain_checks
from gangsaw.sources.drafts import Draft

EXPRESSES = (
    "prompt", "needs", "status", "scope", "track", "agent", "checks", "attempts", "timeout_s",
)  # fmt: skip

_WORDS = {
    Standing.OPEN: "pending",
    Standing.RUNNING: "running",
    Standing.DONE: "completed",
    Standing.DROPPED: "cancelled",
    Standing.LATER: "on_hold",
}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    streams = [_stream(task, draft) for task in draft.tasks]
    return Composed({"plan.json": json_text({"workstreams": streams})}, own_keys(draft))


def _stream(task: Task, draft: Draft) -> dict[str, Any]:
    breaker = {"max_attempts": task.attempts} if task.attempts else None
    lines = [line for line in plain_checks(task) if stated_command(line) == line]
    runs = {"timeout_per_step": int(task.timeout_s)} if task.timeout_s else None
    return filled(
        {
            "id": task.id,
            "title": task.title,
            "status": _WORDS[draft.standing(task)],
            "description": task.prompt,
            "depends_on": list(task.needs),
            "files_scope": list(task.scope),
            "track": task.track,
            "tool": task.agent,
            "acceptance_tests": [{"command": line} for line in lines],
            "circuit_breaker": breaker,
            "execution": runs,
        }
    )
