"""A draft as the JSONL of Beads: one issue a line."""

from __future__ import annotations

import json
import math
from typing import Any

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.composed import Composed, filled, own_keys, stamp
from gangsaw.sources.drafts import Draft

EXPRESSES = ("prompt", "needs", "status", "priority", "track", "agent", "model", "estimate_s")

_WORDS = {
    Standing.OPEN: "open",
    Standing.RUNNING: "in_progress",
    Standing.DONE: "closed",
    Standing.DROPPED: "tombstone",
    Standing.LATER: "deferred",
}
_ENDS = {Standing.DONE: "closed_at", Standing.DROPPED: "deleted_at"}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    lines = [json.dumps(_issue(task, draft, at), ensure_ascii=False) for task in draft.tasks]
    return Composed({"issues.jsonl": "\n".join([*lines, ""])}, own_keys(draft))


def _issue(task: Task, draft: Draft, at: float) -> dict[str, Any]:
    standing = draft.standing(task)
    labels = {"agent": task.agent, "model": task.model, "track": task.track}
    issue = {
        "id": task.id,
        "title": task.title,
        "description": task.prompt,
        "status": _WORDS[standing],
        "priority": 4 - min(4, max(0, task.priority)),
        "issue_type": "task",
        "estimated_minutes": math.ceil(task.estimate_s / 60) if task.estimate_s else None,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        _ENDS.get(standing, "closed_at"): stamp(at) if standing in _ENDS else None,
        "labels": [f"{name}:{value}" for name, value in labels.items() if value],
        "dependencies": [
            {"issue_id": task.id, "depends_on_id": need, "type": "blocks"} for need in task.needs
        ],
    }
    return filled(issue)
