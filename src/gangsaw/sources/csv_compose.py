"""A draft as a table with commas: the columns that are needed, by their usual names."""

from __future__ import annotations

import csv
import io

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.composed import Composed, own_keys, plain_checks
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
_ALWAYS = ("id", "title", "status")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    rows = [_row(task, draft) for task in draft.tasks]
    names = {name: None for row in rows for name, cell in row.items() if cell or name in _ALWAYS}
    text = io.StringIO()
    if draft.goal:
        text.write(f"# goal: {draft.goal}\n")
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Composed({"tasks.csv": text.getvalue()}, own_keys(draft))


def _row(task: Task, draft: Draft) -> dict[str, str]:
    return {
        "id": task.id,
        "title": task.title,
        "status": _WORDS[draft.standing(task)],
        "description": task.prompt,
        "needs": ", ".join(task.needs),
        "priority": str(task.priority or ""),
        "track": task.track or "",
        "agent": task.agent or "",
        "model": task.model or "",
        "files": ", ".join(task.scope),
        "checks": "\n".join(plain_checks(task)),
        "estimate_s": f"{task.estimate_s:g}" if task.estimate_s else "",
    }
