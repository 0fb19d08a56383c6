"""The attempts that are alive beside one: the object of `gangsaw siblings --json`, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gangsaw.core.state import State, is_live
from gangsaw.core.status import view
from gangsaw.views.text import flat

SCHEMA_VERSION = 1
ID_WIDTH_MAX = 24


def siblings_object(
    state: State, own: str, activities: Mapping[str, str], now: float
) -> dict[str, Any]:
    """The live attempts at other tasks than `own`; `activities` say by task what an agent does."""
    found = []
    for attempt in state.live_attempts():
        if attempt.task == own or not is_live(attempt):
            continue
        seen, task = view(state, attempt.task, now), state.tasks[attempt.task]
        found.append(
            {
                "task": attempt.task,
                "title": task.title,
                "attempt": attempt.id,
                "agent": attempt.agent,
                "status": seen.status.value,
                "reason": seen.reason,
                "activity": activities.get(attempt.task, ""),
                "scope": list(task.scope),
                "claims": list(attempt.claims),
            }
        )
    return {
        "schema_version": SCHEMA_VERSION,
        "run": state.run,
        "task": own or None,
        "siblings": found,
    }


def siblings_text(found: Mapping[str, Any]) -> list[str]:
    """The same for people and agents, as lines."""
    others = found["siblings"]
    if not others:
        return ["nobody else is at work"]
    width = min(ID_WIDTH_MAX, max(len(one["task"]) for one in others))
    lines = []
    for one in others:
        doing = one["activity"] or one["reason"]
        head = f"{flat(one['task']):<{width}}  {one['status'].replace('_', ' ')}"
        lines.append(f"{head} · {flat(one['title'])}" + (f" · {flat(doing)}" if doing else ""))
        if one["scope"]:
            lines.append(f"{'':<{width}}  scope: {flat(', '.join(one['scope']))}")
        if one["claims"]:
            lines.append(f"{'':<{width}}  claimed: {flat(', '.join(one['claims']))}")
    return lines
