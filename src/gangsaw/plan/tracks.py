"""What a plan says of its tracks: the agent of their tasks, and whether those keep their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gangsaw.core.graph import find_cycles
from gangsaw.core.model import Plan, Task
from gangsaw.plan.complaint import Findings, did_you_mean, kind_of, shown
from gangsaw.plan.fields import TRACK
from gangsaw.plan.shapes import read_table

NAMED_MAX = 12
"""Tasks of a circle that are named."""

Tracks = dict[str, dict[str, Any]]


def read_tracks(value: Any, errors: Findings) -> Tracks:
    """What is said of each track, by its name, after noting what is wrong with it."""
    if not isinstance(value, dict):
        return {}
    found: Tracks = {}
    for name, table in value.items():
        path = ("tracks", name)
        if isinstance(table, dict):
            found[name] = read_table(TRACK, table, path, errors)
        elif table is not None:
            errors.add(
                path, f"a track must be a table of keys, not {kind_of(table)}",
                f"write {name}: {{ordered: true}}",
            )  # fmt: skip
    return found


def with_tracks(
    plan: Plan, tracks: Tracks, tables: list[dict[str, Any]], errors: Findings, warnings: Findings
) -> Plan:
    """The plan in which tasks have the agent of their track where they name none themselves, and
    each of an ordered track needs the one before it; after noting tracks without tasks and orders
    that contradict the needs."""
    used = {task.track for task in plan.tasks}
    for name in tracks:
        if name not in used:
            others = sorted(track for track in used if track is not None)
            remedy = did_you_mean(name, others) or f"write track: {name} in its tasks"
            warnings.add(
                ("tracks", name), f"no task is of the track {shown(name)}", remedy, on_key=True
            )
    last: dict[str, str] = {}
    tasks = []
    for task, table in zip(plan.tasks, tables, strict=True):
        said = tracks.get(task.track or "", {})
        if "agent" in said and "agent" not in table:
            task = replace(task, agent=said["agent"])
        if said.get("ordered") == "true" and task.track is not None:
            track = task.track
            task = _after(task, last.get(track))
            last[track] = task.id
        tasks.append(task)
    found = replace(plan, tasks=tuple(tasks))
    _complain_of_circles(found, plan, tracks, errors)
    return found


def _after(task: Task, before: str | None) -> Task:
    if before is None or before in task.needs:
        return task
    return replace(task, needs=(*task.needs, before))


def _complain_of_circles(plan: Plan, given: Plan, tracks: Tracks, errors: Findings) -> None:
    ordered = {name for name, said in tracks.items() if said.get("ordered") == "true"}
    if not ordered:
        return
    own = {task.id: task.needs for task in given.tasks}
    tracks_of = {task.id: task.track for task in plan.tasks}
    for cycle in find_cycles({task.id: task.needs for task in plan.tasks}):
        steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
        track = next(tracks_of[one] for one, need in steps if need not in own[one])
        names = [*cycle, cycle[0]]
        more = [f"… {len(names) - NAMED_MAX} more"] if len(names) > NAMED_MAX else []
        said = " → ".join([*names[:NAMED_MAX], *more])
        errors.add(
            ("tracks", track or "", "ordered"),
            f"the order of the track contradicts the needs: {said}",
            "each waits for the next; put them in the file in the order of their needs",
        )
