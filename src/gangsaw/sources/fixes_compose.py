"""A draft as FIXES.md. A file is a track there, so one is written only where the words of the task
name that file, as those of a fix do."""

from __future__ import annotations

import re

from gangsaw.core.standing import Standing
from gangsaw.sources.composed import Composed, keys_of
from gangsaw.sources.drafts import Draft

EXPRESSES = ("prompt", "needs", "status", "priority", "track")

_LEGAL = re.compile(r"[A-Z]{2,6}-\d{1,5}[a-z]?")
_WORDS = {
    Standing.OPEN: "Open",
    Standing.RUNNING: "In progress",
    Standing.DONE: "FIXED",
    Standing.DROPPED: "Wontfix",
    Standing.LATER: "Deferred",
}
_FIELD = re.compile(r"(File|Files|Location|Line|Category|Problem): (.*)")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys = keys_of(draft, _LEGAL, lambda n: f"FIX-{n:03}")
    lines = [f"# {draft.goal}", ""] if draft.goal else []
    for task in draft.tasks:
        lines += [f"### {keys[task.id]}: {task.title}"]
        lines += [f"**Status:** {_WORDS[draft.standing(task)]}"]
        if 6 <= task.priority <= 10:
            lines += [f"**Severity:** P{10 - task.priority}"]
        if task.needs:
            lines += [f"**Depends on:** {', '.join(keys[need] for need in task.needs)}"]
        lines += [_FIELD.sub(r"**\1:** \2", line) for line in task.prompt.split("\n")]
        lines += [""] if task.prompt else []
    return Composed({"FIXES.md": "\n".join([*lines, ""])}, keys)
