"""A draft as a Markdown check list. An id such as `A-1` stands before the words; another one is
kept if it is what the words make."""

from __future__ import annotations

import re

from gangsaw.sources.boxes import MARKS
from gangsaw.sources.checklist import ID_WORDS
from gangsaw.sources.composed import Composed, indented
from gangsaw.sources.drafts import Draft

EXPRESSES = ("prompt", "needs", "status", "goal")

_LEGAL = re.compile(r"[A-Z][A-Z0-9]{0,9}-\d{1,6}")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys: dict[str, str] = {}
    for task in draft.tasks:
        made = "-".join(re.findall(r"[A-Za-z0-9]+", task.title)[:ID_WORDS]).lower()[:60]
        is_own = made == task.id and task.title not in keys.values()
        keys[task.id] = task.title if is_own and not _LEGAL.fullmatch(task.id) else task.id
    numbers = (f"TASK-{n}" for n in range(1, len(keys) + len(keys) + 1))
    free = (key for key in numbers if key not in keys)
    for task in draft.tasks:
        if keys[task.id] == task.id and not _LEGAL.fullmatch(task.id) and task.id != task.title:
            keys[task.id] = next(free)
    lines = [f"# {draft.goal}", ""] if draft.goal else []
    for task in draft.tasks:
        key = keys[task.id]
        words = task.title if key == task.title else f"{key}: {task.title}"
        after = ", ".join(keys[need] for need in task.needs)
        mark = MARKS[draft.standing(task)]
        lines.append(f"- [{mark}] {words}" + (f" (after: {after})" if after else ""))
        lines += indented(task.prompt, "  ")
    return Composed({"TODO.md": "\n".join([*lines, ""])}, keys)
