"""All that a task file says of its tasks, done or not, whatever its dialect: what is converted.

A draft holds tasks as a plan does, with defaults applied; their prompts are only the words of the
record itself, without its title and without what a dialect adds for the agent. Two files say the
same if their drafts do: `losses` compares them field by field, so that a field that is new one day
is compared, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from gangsaw.core.model import Check, Plan, Task
from gangsaw.core.standing import Standing
from gangsaw.plan import Complaint, WholeRead, read_tree
from gangsaw.plan.complaint import Path, listed
from gangsaw.plan.effective import check_value
from gangsaw.plan.standings import SETTLED
from gangsaw.sources.assembling import SourceRead
from gangsaw.sources.lines import one_line
from gangsaw.sources.protocol import Item

SAID_MAX = 60
"""Characters of a value in the sentence about its loss."""

_KEYS = {"budget_usd": "budget"}
"""Fields that a plan file calls otherwise."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A backlog: what it is for, its tasks in the order of their file, and where each stands."""

    goal: str
    tasks: tuple[Task, ...]
    standings: Mapping[str, Standing]

    def standing(self, task: Task) -> Standing:
        """Where it stands; open if nothing is said."""
        return self.standings.get(task.id, Standing.OPEN)


@dataclass(frozen=True, slots=True)
class Loss:
    """What one file says and another does not: of which task (empty: of none), under which key of a
    plan file, what it was and what becomes of it. Empty texts: it is not there."""

    task: str
    key: str
    was: str
    becomes: str

    def __str__(self) -> str:
        whose = f"{self.task}: {self.key}" if self.task else self.key
        to = f" becomes {self.becomes}" if self.becomes else ""
        return f"{whose}: {self.was or 'nothing'}{to}"


# --- drafts of what was read -------------------------------------------------------------------


def draft_of_plan(whole: WholeRead) -> Draft | None:
    """The draft of a plan file; `None` if it has faults."""
    plan = whole.read.plan
    return None if plan is None else _draft(plan, whole.standings)


def draft_of_source(read: SourceRead) -> tuple[Draft | None, tuple[Complaint, ...]]:
    """The draft of another task file, or what is wrong with it."""
    ids = {item.key: name for name, item in read.items.items()}
    settled = {name for name, item in read.items.items() if item.standing in SETTLED}
    in_plan = {table["id"]: table.get("needs", []) for table in read.tree.get("tasks", ())}
    tables: list[dict[str, Any]] = []
    for name, item in read.items.items():
        title = one_line(item.title) or name
        needs = [ids.get(need.key, need.key) for need in item.needs]
        needs = in_plan.get(name, [] if name in settled else needs)
        needs = [need for need in dict.fromkeys(needs) if need not in settled]
        words = _plain(item.prompt if item.words is None else item.words).strip()
        table = {"id": name, "title": title, "needs": needs, **item.fields}
        tables.append({**table, "prompt": words or title})
    if not tables:
        return Draft(read.goal, (), {}), ()
    found = read_tree({"tasks": tables}, _Lines(read), "", checked=True, whole=True)
    if found.plan is None:
        return None, found.errors
    standings = {name: _standing(item) for name, item in read.items.items()}
    return _draft(replace(found.plan, goal=_plain(read.goal).strip()), standings), ()


def _standing(item: Item) -> Standing:
    """Where a record stands for who does not know what it waits for outside of its source."""
    is_held = item.hold and item.standing in (Standing.OPEN, Standing.RUNNING)
    return Standing.LATER if is_held else item.standing


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where the records stand: see `plan.complaint.Places`."""

    read: SourceRead

    def find(self, wanted: Any) -> dict[tuple[Path, bool], tuple[int, int]]:
        items = list(self.read.items.values())
        return {
            (path, on_key): (items[path[1]].line, items[path[1]].col)
            if len(path) > 1 and isinstance(path[1], int)
            else (1, 1)
            for path, on_key in wanted
        }


def _plain(text: str) -> str:
    """The text without characters that no plan may hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def _draft(plan: Plan, standings: Mapping[str, Standing]) -> Draft:
    settled = {name for name, standing in standings.items() if standing in SETTLED}
    tasks = tuple(
        replace(
            task,
            prompt=words_of(task.title, task.prompt),
            needs=()
            if task.id in settled
            else tuple(need for need in task.needs if need not in settled),
        )
        for task in plan.tasks
    )
    return Draft(plan.goal, tasks, dict(standings))


def words_of(title: str, prompt: str) -> str:
    """What a prompt says besides the title: agents are told that in any case."""
    words = prompt.strip()
    while words == title or words.startswith(f"{title}\n"):
        words = words.removeprefix(title).strip("\n").rstrip()
    return words


# --- comparing ---------------------------------------------------------------------------------


def losses(before: Draft, after: Draft, names: Mapping[str, str]) -> Iterator[Loss]:
    """What of the first draft is not in the second, or otherwise there. `names` are the ids that
    its tasks have in the second. Blank lines of a prompt do not count, nor does the order in which
    needs are listed, a need that follows from others, or a priority that all tasks have."""
    if _squeezed(before.goal) != _squeezed(after.goal):
        yield Loss("", "goal", _said(before.goal), _said(after.goal))
    there = {task.id: task for task in after.tasks}
    for task in before.tasks:
        other = there.pop(names.get(task.id, task.id), None)
        if other is None:
            yield Loss(task.id, "task", _said(task.title), "")
            continue
        yield from _of_task(task, other, before, after, names)
    for task in there.values():
        yield Loss(task.id, "task", "", f"one more: {_said(task.title)}")
    order = [names.get(task.id, task.id) for task in before.tasks]
    if not there and sorted(order) == sorted(task.id for task in after.tasks):
        found = [task.id for task in after.tasks]
        if found != order:
            yield Loss("", "order of the tasks", _said(order), _said(found))


def _of_task(
    task: Task, other: Task, before: Draft, after: Draft, names: Mapping[str, str]
) -> Iterator[Loss]:
    was, becomes = before.standing(task), after.standing(other)
    if was is not becomes:
        yield Loss(task.id, "status", was.value, becomes.value)
    for field in fields(Task):
        if field.name == "priority" and _is_level(before) and _is_level(after):
            continue
        old, new = getattr(task, field.name), getattr(other, field.name)
        key = _KEYS.get(field.name, field.name)
        if field.name == "needs":
            old = tuple(names.get(need, need) for need in old)
            if not _same_order(task, other, before, after, names):
                yield Loss(task.id, key, _said(old), _said(new) or "none")
        elif field.name == "prompt":
            if _squeezed(old) != _squeezed(new):
                yield Loss(task.id, key, *_differing(old, new))
        elif field.name == "env":
            if dict(old) != dict(new):
                yield Loss(task.id, key, _said([k for k, _ in old]), _said([k for k, _ in new]))
        elif old != new:
            yield Loss(task.id, key, _said(old), _said(new))


def _is_level(draft: Draft) -> bool:
    """Whether no task goes before another by its priority."""
    return len({task.priority for task in draft.tasks}) <= 1


def _same_order(
    task: Task, other: Task, before: Draft, after: Draft, names: Mapping[str, str]
) -> bool:
    """Whether a task waits for the same others, at once or by way of some."""
    old, new = {names.get(need, need) for need in task.needs}, set(other.needs)
    if old == new:
        return True
    there = {each.id: each.needs for each in after.tasks}
    here = {
        names.get(each.id, each.id): tuple(names.get(need, need) for need in each.needs)
        for each in before.tasks
    }
    return new - old <= _reached(old, here) and old - new <= _reached(new, there)


def _reached(first: set[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """What these wait for."""
    seen, pending = set[str](), list(first)
    while pending:
        for need in needs.get(pending.pop(), ()):
            if need not in seen:
                seen.add(need)
                pending.append(need)
    return seen


def _squeezed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").split("\n") if line.strip()]


def _differing(old: str, new: str) -> tuple[str, str]:
    """The first lines in which two texts differ."""
    ours, theirs = _squeezed(old), _squeezed(new)
    n = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
             min(len(ours), len(theirs)))  # fmt: skip
    was = _said(ours[n]) if n < len(ours) else ""
    becomes = _said(theirs[n]) if n < len(theirs) else ""
    return was, becomes or ("" if was else "other words")


def _said(value: Any) -> str:
    """A value on one line, as short as it is told; empty for none."""
    if value is None or value is False or value == 0:
        return ""
    if isinstance(value, Check):
        value = check_value(value)
        value = value if isinstance(value, str) else value.get("name")
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return one_line(listed([_said(each) for each in value]), SAID_MAX)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return one_line(str(value), SAID_MAX)
