"""A plan as a picture for a terminal, as Mermaid, and as JSON.

Waves are only a picture: dispatch is continuous. Up to `DRAWN_MAX` tasks the needs are drawn with
one lane for each task that others need: the lane begins at `┐` in the task's own line and has a
`●` in the line of every task that needs it. Larger plans say the needs in words.
"""

from __future__ import annotations

import textwrap
from typing import Any

from gangsaw.core.graph import dependants, longest_chain, waves
from gangsaw.core.model import Check, Plan, Task
from gangsaw.plan.relations import serialised_pairs, shared_entry

DRAWN_MAX = 20
"""Tasks up to which the needs are drawn."""

LANES_MAX = 24
"""Lanes side by side up to which the needs are drawn."""

NAME_MAX = 32
"""Characters of an id; longer ones lose their middle."""

NOTES_MAX = 6
"""Notes about scopes."""

CHAIN_MAX = 12
"""Members of the longest chain that are named."""

_INDENT = "  "
_GAP = 3
_LEGEND = f"{_INDENT}┐ a task's lane, ● needs it"


def picture(plan: Plan, *, width: int = 100) -> str:
    """The plan in lines of at most `width` columns (40 at least), with a line end each."""
    width = max(width, 40)
    needs = {task.id: task.needs for task in plan.tasks}
    levels = waves(needs)
    lines = _wave_lines(plan, levels, width)
    order = [task for level in levels for task in level]
    if any(needs.values()):
        drawing = _drawing(needs, order, width) if len(order) <= DRAWN_MAX else None
        lines += ["", *(drawing or _said(needs, order, width))]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def short(name: str, most: int = NAME_MAX) -> str:
    """The name, without its middle if it is long."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


# --- waves -------------------------------------------------------------------------------------


def _wave_lines(plan: Plan, levels: list[list[str]], width: int) -> list[str]:
    """One wave after the other, notes at the right where they fit, else below."""
    label = len(f"{_INDENT}wave {len(levels)}") + _GAP
    blocks = [_wrapped(level, width - label) for level in levels]
    notes = [(n, text) for n, text in _scope_notes(plan, levels)]
    notes.append((len(levels) - 1, _chain_note(plan)))
    edge = label + max((len(line) for block in blocks for line in block), default=0) + _GAP
    lines: list[str] = []
    later: list[str] = []
    for n, block in enumerate(blocks):
        own = [text for wave, text in notes if wave == n]
        for k, names in enumerate(block):
            head = f"{_INDENT}wave {n + 1}" if k == 0 else ""
            line = f"{head:<{label}}{names}"
            if k < len(own) and edge + len(own[k]) <= width:
                line = f"{line:<{edge}}{own[k]}"
                own[k] = ""
            lines.append(line)
        later += [text for text in own if text]
    for text in later:
        lines += textwrap.wrap(
            text, width, initial_indent=_INDENT, subsequent_indent="    ", break_on_hyphens=False
        )
    return lines


def _wrapped(names: list[str], width: int) -> list[str]:
    """Names with dots between them, in lines."""
    lines: list[str] = []
    for name in (short(name, max(8, min(NAME_MAX, width - 2))) for name in names):
        if lines and len(lines[-1]) + 5 + len(name) <= width:
            lines[-1] += f" · {name}"
        else:
            if lines:
                lines[-1] += " ·"
            lines.append(name)
    return lines


def _scope_notes(plan: Plan, levels: list[list[str]]) -> list[tuple[int, str]]:
    """What will be run one after the other, with the wave of the later task."""
    wave_of = {task: n for n, level in enumerate(levels) for task in level}
    pairs = serialised_pairs(plan)
    notes = [
        (
            max(wave_of[a.id], wave_of[b.id]),
            f"{short(a.id)} and {short(b.id)} both claim {short(shared_entry(a, b))}"
            " → one after the other",
        )
        for a, b in pairs[:NOTES_MAX]
    ]
    if len(pairs) > NOTES_MAX:
        rest = len(pairs) - NOTES_MAX
        notes.append((len(levels) - 1, f"{rest} more pairs of tasks claim the same paths"))
    return notes


def _chain_note(plan: Plan) -> str:
    chain = [short(task) for task in longest_chain({task.id: task.needs for task in plan.tasks})]
    if len(chain) > CHAIN_MAX:
        half = CHAIN_MAX // 2
        chain = [*chain[:half], f"… {len(chain) - 2 * half} more …", *chain[-half:]]
    return f"longest chain: {' → '.join(chain)}"


# --- needs -------------------------------------------------------------------------------------


def _said(needs: dict[str, tuple[str, ...]], order: list[str], width: int) -> list[str]:
    """A line for each task that needs others, wrapped."""
    most = min(NAME_MAX, width // 3)
    names = max(len(short(task, most)) for task in order)
    lines: list[str] = []
    for task in order:
        if not needs[task]:
            continue
        head = f"{_INDENT}{short(task, most):<{names}} needs "
        room = width - len(head)
        parts = [short(need, room - 1) for need in needs[task]]
        wrapped = textwrap.wrap(
            ", ".join(parts), room, break_long_words=False, break_on_hyphens=False
        )
        lines.append(head + wrapped[0])
        lines += [" " * len(head) + part for part in wrapped[1:]]
    return lines


def _drawing(needs: dict[str, tuple[str, ...]], order: list[str], width: int) -> list[str] | None:
    """The lanes beside the tasks, or `None` if they do not fit."""
    below = dependants(needs)
    row = {task: n for n, task in enumerate(order)}
    last = {task: max(row[child] for child in below[task]) for task in order if below[task]}
    lane_of: dict[str, int] = {}
    owners: list[str | None] = []
    names = max(len(short(task)) for task in order)
    lines = [_LEGEND]
    for n, task in enumerate(order):
        joined = {lane_of[parent] for parent in needs[task]}
        live = {lane for lane, owner in enumerate(owners) if owner is not None}
        for lane in live:
            owner = owners[lane]
            if owner is not None and last[owner] == n:
                owners[lane] = None  # free below this line; taken again no earlier
        begins = None
        if task in last:
            free = [k for k, owner in enumerate(owners) if owner is None and k not in live]
            begins = free[0] if free else len(owners)
            if begins == len(owners):
                owners.append(None)
            owners[begins] = task
            lane_of[task] = begins
        lines.append(f"{_INDENT}{short(task):<{names}} {_lanes(joined, live, begins)}")
    fits = len(owners) <= LANES_MAX and all(len(line) <= width for line in lines)
    return lines if fits else None


def _lanes(joined: set[int], live: set[int], begins: int | None) -> str:
    """The lanes in one task's line: two columns each."""
    reach = max([*joined, -1 if begins is None else begins], default=-1)
    signs: list[str] = []
    for lane in range(max([*live, reach], default=-1) + 1):
        inside = lane <= reach
        if lane in joined:
            sign = "●"
        elif lane == begins:
            sign = "┐" if lane == reach else "┬"
        elif lane in live:
            sign = "┼" if inside else "│"
        else:
            sign = "─" if inside else " "
        signs.append(("─" if inside else " ") + sign)
    return "".join(signs)


# --- for programs ------------------------------------------------------------------------------


def mermaid(plan: Plan) -> str:
    """The graph as Mermaid text; labels are escaped."""
    place = {task.id: f"t{n}" for n, task in enumerate(plan.tasks)}
    lines = ["flowchart LR"]
    lines += [f'  {place[task.id]}["{_label(task)}"]' for task in plan.tasks]
    lines += [f"  {place[need]} --> {place[task.id]}" for task in plan.tasks for need in task.needs]
    return "\n".join(lines) + "\n"


def _label(task: Task) -> str:
    text = task.id if task.title == task.id else f"{task.id}: {short(task.title, 60)}"
    return "".join(
        char if char.isalnum() or char in " .,:-_…()/" else f"#{ord(char)};" for char in text
    )


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan with what follows from it, for `--json`."""
    needs = {task.id: task.needs for task in plan.tasks}
    return {
        "schema_version": 1,
        "version": plan.version,
        "goal": plan.goal,
        "tasks": [_task_json(task) for task in plan.tasks],
        "waves": waves(needs),
        "longest_chain": longest_chain(needs),
        "one_after_the_other": [
            {"tasks": [a.id, b.id], "path": shared_entry(a, b)} for a, b in serialised_pairs(plan)
        ],
    }


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "argv": list(check.argv),
        "paths": list(check.paths),
        "when": check.when.value,
        "timeout_s": check.timeout_s,
        "order": check.order,
        "junit": check.junit,
        "sarif": check.sarif,
        "env": list(check.env),
        "files": list(check.files),
        "retries": check.retries,
        "only": check.only,
        "estimate_s": check.estimate_s,
    }


def _task_json(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.title,
        "prompt": task.prompt,
        "needs": list(task.needs),
        "scope": list(task.scope),
        "track": task.track,
        "alone": task.alone,
        "priority": task.priority,
        "agent": task.agent,
        "model": task.model,
        "checks": [_check_json(check) for check in task.checks],
        "review": task.review.value,
        "stages": [stage.value for stage in task.stages],
        "reviewer": task.reviewer,
        "workspace": task.workspace.value,
        "timeout_s": task.timeout_s,
        "estimate_s": task.estimate_s,
        "attempts": task.attempts,
        "budget": task.budget_usd,
        "budget_tokens": task.budget_tokens,
        "env": dict(task.env),
    }
