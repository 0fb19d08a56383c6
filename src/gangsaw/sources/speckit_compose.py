"""A draft as spec-kit's `tasks.md`. The needs of each line are written out, so that the order of
the lines means nothing."""

from __future__ import annotations

import re

from gangsaw.sources.boxes import MARKS
from gangsaw.sources.composed import Composed, indented, keys_of
from gangsaw.sources.drafts import Draft
from gangsaw.sources.speckit_words import role_of

EXPRESSES = ("prompt", "needs", "status", "track", "goal")

_LEGAL = re.compile(r"T\d{3,6}[a-z]?")


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    keys = keys_of(draft, _LEGAL, lambda n: f"T{n:03}")
    lines = [f"# Tasks: {draft.goal}", ""] if draft.goal else []
    for task in draft.tasks:
        track = task.track or ""
        role = f"[{track}] " if track and role_of(track) == track else ""
        deps = ",".join(keys[need] for need in task.needs) or "none"
        mark = MARKS[draft.standing(task)]
        lines.append(f"- [{mark}] {keys[task.id]} {role}{task.title} — Deps: {deps}")
        lines += indented(task.prompt, "  ")
    return Composed({"tasks.md": "\n".join([*lines, ""])}, keys)
