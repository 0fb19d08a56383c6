"""A draft as Task Master's `tasks.json`, in its main tag."""

from __future__ import annotations

import re
from typing import Any

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.commands import command_of
from gangsaw.sources.composed import (
    Composed,
    filled,
    json_text,
    keys_of,
    nearest_word,
    plain_checks,
    stamp,
)
from gangsaw.sources.drafts import Draft
from gangsaw.sources.taskmaster import MEDIUM, PRIORITIES
from gangsaw.sources.taskmaster_file import MAIN_TAG, WORDS

EXPRESSES = ("prompt", "needs", "status", "priority", "checks")

_LEGAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_WORDS = {**WORDS, Standing.DROPPED: "cancelled", Standing.LATER: "deferred"}
_PRIORITIES = {word: PRIORITIES[word] for word in ("critical", "high", "medium", "low")}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys = keys_of(draft, _LEGAL, str)
    ranked = any(task.priority for task in draft.tasks)
    words = [nearest_word(_PRIORITIES, task.priority if ranked else MEDIUM) for task in draft.tasks]
    tasks = [_task(task, draft, keys, word) for task, word in zip(draft.tasks, words, strict=True)]
    head = {"created": stamp(at), "updated": stamp(at), "description": draft.goal}
    top = {MAIN_TAG: {"tasks": tasks, "metadata": filled(head)}}
    return Composed({"tasks.json": json_text(top)}, keys)


def _task(task: Task, draft: Draft, keys: dict[str, str], priority: str) -> dict[str, Any]:
    lines = [line for line in plain_checks(task) if command_of(line) == line]
    return {
        "id": _id(keys[task.id]),
        "title": task.title,
        "description": task.prompt,
        "testStrategy": lines[0] if len(lines) == 1 else "",
        "status": _WORDS[draft.standing(task)],
        "dependencies": [_id(keys[need]) for need in task.needs],
        # Never left away: without one Task Master itself lists nothing at all.
        "priority": priority,
        "subtasks": [],
    }


def _id(key: str) -> int | str:
    """A number where it is one that is written so."""
    return int(key) if re.fullmatch("[1-9][0-9]{0,8}", key) else key
