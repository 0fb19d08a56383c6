"""A draft as ROADMAP.md: groups with a letter, which wait for whole groups.

Ids such as `E-2` keep their groups. Tasks with other ids that wait for nothing become a table, in
which ids stay as they are; else tasks are put into groups so that every need is one on groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gangsaw.core.model import Task
from gangsaw.core.standing import Standing
from gangsaw.plan.standings import SETTLED
from gangsaw.sources.composed import Composed, indented, own_keys
from gangsaw.sources.drafts import Draft
from gangsaw.sources.roadmap_text import tracks_named

EXPRESSES = ("prompt", "needs", "status", "goal")

_LEGAL = re.compile(r"([A-Z]{1,2})-(\d{1,3}[a-z]?)")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARKS = {
    Standing.OPEN: "",
    Standing.RUNNING: " 🔄 **[IN PROGRESS]**",
    Standing.DONE: " ✅ **[DONE]**",
    Standing.DROPPED: " **[CANCELLED]**",
    Standing.LATER: " **[ON HOLD]**",
}
_CELLS = {
    Standing.OPEN: "OPEN",
    Standing.RUNNING: "IN PROGRESS",
    Standing.DONE: "DONE",
    Standing.DROPPED: "CANCELLED",
    Standing.LATER: "ON HOLD",
}


@dataclass(slots=True)
class _Group:
    letter: str
    tasks: dict[str, Task] = field(default_factory=dict)


def compose(draft: Draft, at: float) -> Composed:
    """See `composed.Compose`."""
    head = [f"# {draft.goal}", ""] if draft.goal else []
    matches = {task.id: match for task in draft.tasks if (match := _LEGAL.fullmatch(task.id))}
    if len(matches) == len(draft.tasks):
        groups: dict[str, _Group] = {}
        for task in draft.tasks:
            letter = matches[task.id][1]
            groups.setdefault(letter, _Group(letter)).tasks[matches[task.id][2]] = task
        return _grouped(draft, head, list(groups.values()))
    if not any(task.needs for task in draft.tasks):
        return _table(draft, head)
    return _grouped(draft, head, _parted(draft))


def _table(draft: Draft, head: Sequence[str]) -> Composed:
    rows = ["| Task ID | Description | Status |", "|---|---|---|"]
    for task in draft.tasks:
        rows.append(f"| {task.id} | {task.title} | {_CELLS[draft.standing(task)]} |")
    return Composed({"ROADMAP.md": "\n".join([*head, *rows, ""])}, own_keys(draft))


def _parted(draft: Draft) -> list[_Group]:
    """The tasks in groups, so that all of a group need the same whole groups."""
    parts: dict[frozenset[str], list[Task]] = {}
    for task in draft.tasks:
        parts.setdefault(frozenset(task.needs), []).append(task)
    found = list(parts.values())
    for needs in parts:
        split = ([[t for t in part if t.id in needs], [t for t in part if t.id not in needs]]
                 for part in found)  # fmt: skip
        found = [part for pair in split for part in pair if part]
    return [
        _Group(_letter(n), {str(k): task for k, task in enumerate(part, 1)})
        for n, part in enumerate(found)
    ]


def _letter(n: int) -> str:
    """`A` to `Z`, then `AA` and so on."""
    first, last = divmod(n, len(_LETTERS))
    return (_LETTERS[first - 1] if first else "") + _LETTERS[last]


def _grouped(draft: Draft, head: Sequence[str], groups: Sequence[_Group]) -> Composed:
    lines = list(head)
    letters = {task.id: group.letter for group in groups for task in group.tasks.values()}
    for group in groups:
        waits = {
            letters[need]: None
            for task in group.tasks.values()
            for need in task.needs
            if letters[need] != group.letter
        }
        said = " and ".join(f"Group {letter}" for letter in waits) or "None"
        lines += [f"### **Group {group.letter}**", f"**Prerequisites:** {said}"]
        in_order = _in_order(group, draft)
        if in_order:
            lines.append("**Tracks:** sequential")
        for count, (number, task) in enumerate(group.tasks.items(), 1):
            after = "" if in_order else _after(task, group)
            mark = _MARKS[draft.standing(task)]
            lines.append(f"{count}. **Track {number}: {task.title}{after}**{mark}")
            lines += indented(task.prompt, "   ")
        lines.append("")
    keys = {
        task.id: f"{group.letter}-{number}"
        for group in groups
        for number, task in group.tasks.items()
    }
    return Composed({"ROADMAP.md": "\n".join(lines)}, keys)


def _in_order(group: _Group, draft: Draft) -> bool:
    """Whether each track that is to be done waits for just the one before."""
    inside = {task.id for task in group.tasks.values()}
    left = [task for task in group.tasks.values() if draft.standing(task) not in SETTLED]
    return len(left) > 1 and all(
        inside.intersection(task.needs) == {before.id}
        for before, task in pairwise(left)
    ) and not inside.intersection(left[0].needs)  # fmt: skip


def _after(task: Task, group: _Group) -> str:
    """The words for needs within a group, where the title does not have them already."""
    numbers: Mapping[str, str] = {each.id: number for number, each in group.tasks.items()}
    named = [numbers[need] for need in task.needs if need in numbers]
    known = tracks_named(task.title)
    return "" if set(named) <= set(known) else f" (after Track {', '.join(named)})"
