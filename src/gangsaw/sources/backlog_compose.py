"""A draft as the folder of Backlog.md: a file a task."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.sources.backlog import PRIORITIES
from gangsaw.sources.commands import command_of
from gangsaw.sources.composed import Composed, keys_of, nearest_word, plain_checks, stamp
from gangsaw.sources.drafts import Draft

EXPRESSES = ("prompt", "needs", "status", "priority", "track", "agent", "model", "checks")

IS_FOLDER = True

NAME_MAX = 60
"""Characters of a title in the name of its file."""

_LEGAL = re.compile(r"[a-z][a-z0-9_]*-\d+")
_WORDS = {
    Standing.OPEN: "To Do",
    Standing.RUNNING: "In Progress",
    Standing.DONE: "Done",
    Standing.DROPPED: "Cancelled",
    Standing.LATER: "On Hold",
}


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys = keys_of(draft, _LEGAL, lambda n: f"task-{n}")
    files = {}
    for task in draft.tasks:
        words = re.sub(r"[^A-Za-z0-9]+", "-", task.title)[:NAME_MAX].strip("-")
        name = f"tasks/{keys[task.id]} - {words}".rstrip(" -")
        files[f"{name}.md"] = _text(task, draft, keys, at)
    return Composed(files, keys)


def _text(task: Task, draft: Draft, keys: dict[str, str], at: float) -> str:
    labels = {"agent": task.agent, "model": task.model, "track": task.track}
    lines = [
        "---",
        f"id: {keys[task.id]}",
        f"title: {_quoted(task.title)}",
        f"status: {_WORDS[draft.standing(task)]}",
        "assignee: []",
        f"created_date: '{stamp(at)[:10]}'",
        f"labels: {_list([f'{name}:{value}' for name, value in labels.items() if value])}",
        f"dependencies: {_list([keys[need] for need in task.needs])}",
    ]
    if task.priority:
        lines.append(f"priority: {nearest_word(PRIORITIES, task.priority)}")
    lines += ["---", ""]
    if task.prompt:
        lines += ["## Description", "", task.prompt, ""]
    checks = [each for each in plain_checks(task) if command_of(each) == each]
    if checks:
        lines += ["## Acceptance Criteria", ""]
        lines += [f"- [ ] #{n} {each}" for n, each in enumerate(checks, 1)] + [""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"
