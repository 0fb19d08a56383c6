"""Why a run came to its end before its work did, in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gangsaw.store.rows import TaskRow
from gangsaw.views.text import flat

ASKS_SOMEBODY = frozenset({3, 4})
"""Exit codes of a run that a person, or more money, would have gone on: see `core.status`."""
NAME_MAX, REASON_MAX = 40, 160
_STATES = (("needs_you", "needs you"), ("held", "is held"))


def unfinished_text(
    code: int | None, target: str, summary: Mapping[str, Any], tasks: Sequence[TaskRow]
) -> str:
    """What the run waits for that ended with this exit code: the first task that needs a person,
    the checks that are red, the delivery, or else the first task that is held back. Empty where
    the code is none of those that ask somebody, or nothing is known."""
    if code not in ASKS_SOMEBODY:
        return ""
    if asking := _first_of(tasks, *_STATES[0]):
        return asking
    if red := summary.get("red_after_landing"):
        return f"red after landing: {flat(red, REASON_MAX)}"
    if blocked := summary.get("delivery_blocked"):
        what = "pushed" if summary.get("push_blocked") else "moved"
        return f"{flat(target, NAME_MAX)} is not {what}: {flat(blocked, REASON_MAX)}"
    return _first_of(tasks, *_STATES[1])


def _first_of(tasks: Sequence[TaskRow], status: str, words: str) -> str:
    found = [task for task in tasks if task.status == status]
    if not found:
        return ""
    first = found[0]
    reason = f": {flat(first.reason, REASON_MAX)}" if first.reason else ""
    return f"{flat(first.task, NAME_MAX)} {words}{reason}"
