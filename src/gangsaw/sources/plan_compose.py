"""A draft as a plan file of ours, which has a key for everything."""

from __future__ import annotations

from typing import Any

from gangsaw.core.model import Review, Stage, Task, Workspace
from gangsaw.core.standing import Standing
from gangsaw.plan.effective import check_value
from gangsaw.plan.fields import TASK, VERSION
from gangsaw.sources.composed import Composed, filled, own_keys
from gangsaw.sources.drafts import Draft
from gangsaw.sources.plan_text import plan_text

EXPRESSES = (*(name for name in TASK.names() if name not in ("id", "title", "prompt_file")), "goal")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    tree = {
        "version": VERSION,
        **filled({"goal": draft.goal}),
        "tasks": [_table(task, draft.standing(task)) for task in draft.tasks],
    }
    return Composed({"plan.yaml": plan_text(tree)}, own_keys(draft))


def _table(task: Task, standing: Standing) -> dict[str, Any]:
    """What a plan file says of a task; what is as it would be anyway is left out."""
    stages = [stage.value for stage in task.stages]
    table = {
        "id": task.id,
        "title": task.title if task.title != task.id else "",
        "status": standing.value if standing is not Standing.OPEN else "",
        "needs": list(task.needs),
        "scope": list(task.scope),
        "track": task.track,
        "alone": "true" if task.alone else "",
        "priority": task.priority or None,
        "agent": task.agent,
        "model": task.model,
        "role": task.role,
        "checks": [check_value(check) for check in task.checks],
        "review": "person" if task.review is Review.PERSON else "",
        "stages": stages if task.reviewer or task.stages != (Stage.WORK,) else [],
        "reviewer": task.reviewer,
        "workspace": "none" if task.workspace is Workspace.NONE else "",
        "timeout_s": task.timeout_s,
        "estimate_s": task.estimate_s,
        "attempts": task.attempts,
        "budget": task.budget_usd,
        "budget_tokens": task.budget_tokens,
        "env": dict(task.env),
    }
    return {**filled(table), "prompt": task.prompt or task.title}
