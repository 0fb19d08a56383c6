"""A draft as `prd.json`. What stories wait for is said of each, so that priorities are no order."""

from __future__ import annotations

from typing import Any

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.commands import command_of
from gangsaw.sources.composed import Composed, filled, json_text, own_keys, plain_checks
from gangsaw.sources.drafts import Draft
from gangsaw.sources.prd import PRIORITY_MOST

EXPRESSES = ("prompt", "needs", "priority", "checks", "status", "goal")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    ranked = any(task.priority for task in draft.tasks)
    stories = [_story(task, draft, ranked) for task in draft.tasks]
    top = filled({"description": draft.goal}) | {"userStories": stories}
    return Composed({"prd.json": json_text(top)}, own_keys(draft))


def _story(task: Task, draft: Draft, ranked: bool) -> dict[str, Any]:
    rank = min(PRIORITY_MOST, max(0, PRIORITY_MOST - task.priority))
    return {
        "id": task.id,
        "title": task.title,
        "description": task.prompt,
        "acceptanceCriteria": [each for each in plain_checks(task) if command_of(each) == each],
        **({"priority": rank} if ranked else {}),
        "passes": draft.standing(task) is Standing.DONE,
        "dependsOn": list(task.needs),
    }
