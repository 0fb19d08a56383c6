"""Where tasks of a plan stand by their own word, `status:`, and what of a plan is left to be done.

A plan that was made from a backlog may hold what is done already; without the word a task is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gangsaw.core.model import Plan, Task
from gangsaw.core.standing import Standing

SETTLED = (Standing.DONE, Standing.DROPPED)
"""Nobody waits for these."""

WORDS = tuple(standing.value for standing in Standing)


def standings_of(plan: Plan, tables: Sequence[Mapping[str, Any]]) -> dict[str, Standing]:
    """Where each task stands, by its id; `tables` are what the file says of them, checked."""
    return {
        task.id: Standing(table.get("status", Standing.OPEN.value))
        for task, table in zip(plan.tasks, tables, strict=True)
    }


def left_of(plan: Plan, standings: Mapping[str, Standing]) -> Plan:
    """The plan of what is to be done: without what is settled, for which nobody waits, what is on
    hold, and all that needs it. Tasks without a standing are open."""
    if all(standing in (Standing.OPEN, Standing.RUNNING) for standing in standings.values()):
        return plan
    gone = {name for name, standing in standings.items() if standing in SETTLED}
    held = _held(plan.tasks, {n for n, each in standings.items() if each is Standing.LATER}, gone)
    tasks = (task for task in plan.tasks if task.id not in gone and task.id not in held)
    return replace(plan, tasks=tuple(_without(task, gone) for task in tasks))


def _held(tasks: Sequence[Task], later: set[str], gone: set[str]) -> set[str]:
    below: dict[str, list[str]] = {}
    for task in tasks:
        for need in task.needs:
            below.setdefault(need, []).append(task.id)
    held, pending = set(later), list(later)
    while pending:
        for name in below.get(pending.pop(), ()):
            if name not in held and name not in gone:
                held.add(name)
                pending.append(name)
    return held


def _without(task: Task, gone: set[str]) -> Task:
    if gone.isdisjoint(task.needs):
        return task
    return replace(task, needs=tuple(need for need in task.needs if need not in gone))
