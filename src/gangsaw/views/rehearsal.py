"""What a run would do, for people and programs: the answer of a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gangsaw.core.model import Check, Limits, Plan, Review, Task
from gangsaw.views.text import block, count_of, flat

SCHEMA_VERSION = 1
HELD_MAX = 5
"""Tasks that wait and are named with a step."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would be run, from where, in which order. `steps` are the tasks that start at the same
    moment, what the first of the others in line wait for, and how many wait; `never` is
    why others are not started at all; `prompts` are by task, empty if not asked for."""

    plan: Plan
    source: str
    limits: Limits
    target: str
    base: str
    gate: tuple[Check, ...]
    steps: Sequence[tuple[Sequence[str], Mapping[str, str], int]]
    never: Mapping[str, str]
    prompts: Mapping[str, str]


def rehearsal_object(found: Rehearsed) -> dict[str, Any]:
    """The object that `gangsaw run --dry-run --json` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "plan": found.source,
        "target": found.target,
        "base": found.base,
        "max_agents": found.limits.max_agents,
        "checks": [check.name for check in found.gate],
        "steps": [
            {"start": list(start), "held": dict(held), "waiting": waiting}
            for start, held, waiting in found.steps
        ],
        "never": dict(found.never),
        "tasks": [_task(found, task) for task in found.plan.tasks],
    }


def _task(found: Rehearsed, task: Task) -> dict[str, Any]:
    return {
        "task": task.id,
        "title": task.title,
        "agent": task.agent or found.limits.default_agent,
        "model": task.model,
        "role": task.role,
        "track": task.track,
        "alone": task.alone,
        "needs": list(task.needs),
        "scope": list(task.scope),
        "stages": [stage.value for stage in task.stages],
        "reviewer": task.reviewer,
        "review": task.review.value,
        "checks": [check.name for check in task.checks],
        "prompt": found.prompts.get(task.id),
    }


def rehearsal_text(found: Rehearsed) -> list[str]:
    """The same for people, as lines."""
    tasks = count_of(len(found.plan.tasks), "task")
    at_most = count_of(found.limits.max_agents, "agent")
    waves = ", in waves" if found.limits.batched else ""
    lines = [f"{tasks}, at most {at_most} at once{waves}. Nothing is started."]
    lines.append(f"Onto {flat(found.target)}, from {found.base[:10]}.")
    if found.gate:
        lines.append(f"Checks of every task: {_names(found.gate)}.")
    for number, (start, held, waiting) in enumerate(found.steps, start=1):
        lines.append(f"  {number:>3}  start {' · '.join(map(flat, start))}")
        for name, reason in list(held.items())[:HELD_MAX]:
            lines.append(f"         {flat(name)} waits: {flat(reason)}")
        if waiting > HELD_MAX:
            lines.append(f"         and {waiting - HELD_MAX} more wait")
    for reason, names in _by_reason(found.never):
        lines.append(f"Never started: {flat(', '.join(names))}: {flat(reason)}")
    lines.append("Tasks:")
    for task in found.plan.tasks:
        lines.append(f"  {flat(task.id)}  {_about(found, task)}")
        if task.id in found.prompts:
            lines += block(found.prompts[task.id].rstrip("\n"), "    | ")
    return lines


def _by_reason(never: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The tasks that share a reason, together."""
    found: dict[str, list[str]] = {}
    for name, reason in never.items():
        found.setdefault(reason, []).append(name)
    return list(found.items())


def _names(checks: Sequence[Check]) -> str:
    return " · ".join(flat(check.name, 60) for check in checks)


def _about(found: Rehearsed, task: Task) -> str:
    agent = f"agent {task.agent or found.limits.default_agent}"
    parts = [f"{agent} ({flat(task.model)})" if task.model else agent]
    if task.role:
        parts.append(f"role {flat(task.role)}")
    if task.track is not None:
        parts.append(f"track {flat(task.track)}")
    if task.alone:
        parts.append("alone")
    if task.needs:
        parts.append(f"after {flat(', '.join(task.needs))}")
    if len(task.stages) > 1:
        parts.append(" then ".join(stage.value for stage in task.stages))
    if task.review is Review.PERSON:
        parts.append("a person agrees")
    if task.checks:
        parts.append(f"checks: {_names(task.checks)}")
    return " · ".join(parts)
