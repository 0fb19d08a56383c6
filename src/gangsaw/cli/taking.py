"""The plan that a command is to work on: a plan file, or another kind of task file read as one."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan
from gangsaw.core.standing import Entry, TaskFile
from gangsaw.plan import Complaint, PlanRead, RolesRead, read_plan_file
from gangsaw.plan.complaint import did_you_mean, listed

if TYPE_CHECKING:
    from gangsaw.sources import Source, SourceRead

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")


@dataclass(frozen=True, slots=True)
class Taken:
    """A plan that was read, and by what name users know it; with its source if it is no plan file
    of ours."""

    shown: str
    plan: PlanRead
    source: Source | None = None
    read: SourceRead | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of the source, as whole paths."""
        return tuple(map(os.fspath, self.source.paths)) if self.source is not None else ()

    def task_file(self, plan: Plan) -> TaskFile | None:
        """Where to write back how the tasks of the plan stand; `None` for a plan file of ours."""
        if self.source is None or self.read is None:
            return None
        found = [(task.id, self.read.items[task.id]) for task in plan.tasks]
        entries = tuple(Entry(name, it.key, it.document, it.standing) for name, it in found)
        return TaskFile(self.source.dialect, self.paths, self.source.shown, entries)

    def parts_of(self, epic: str) -> tuple[str, ...]:
        """The ids of the tasks that are a part of this record. `UserError` if none is."""
        items = self.read.items if self.read is not None else {}
        left = {task.id for task in self.plan.plan.tasks} if self.plan.plan is not None else set()
        found = tuple(name for name, item in items.items() if epic in item.within and name in left)
        if found:
            return found
        if any(epic in item.within for item in items.values()):
            raise UserError(f"cannot run {epic}: nothing of it is left to be done; try another")
        known = list(dict.fromkeys(each for item in items.values() for each in item.within))
        remedy = did_you_mean(epic, known) or f"there is {listed(known) or 'none'}"
        raise UserError(
            f"cannot run '{epic}': {self.shown} has nothing that is so called; {remedy}"
        )

    @property
    def told(self) -> tuple[Complaint, ...]:
        """What is told of a plan that is used: warnings, what could not be read, what is read
        otherwise than one might think."""
        more = (*self.read.unread, *self.read.notes) if self.read is not None else ()
        return tuple(sorted((*self.plan.warnings, *more)))


def take(
    path: Path | None,
    wanted: str | None,
    folder: Path,
    *,
    known_agents: Collection[str] | None = None,
    checked: bool = False,
    roles: RolesRead | None = None,
) -> Taken:
    """The plan at `path`, or in the source that was `wanted` with `--from`. `UserError` where a
    source cannot be found or read; faults in it are in what comes back."""
    if wanted is None and path is not None and path.name in PLAN_NAMES:
        return _ours(path, known_agents, checked, roles)
    from gangsaw.sources import Expected, certain_source, find_source, read_source

    if wanted is not None:
        source = find_source(wanted, folder)
    else:
        assert path is not None
        found = certain_source(path, folder)
        if found is None:
            return _ours(path, known_agents, checked, roles)
        source = found
    read = read_source(source, Expected(known_agents, checked, roles))
    shown = wanted.partition(":")[2] or source.shown[0] if wanted else os.fspath(path or "")
    return Taken(shown, read.plan, source, read)


def _ours(
    path: Path, known_agents: Collection[str] | None, checked: bool, roles: RolesRead | None
) -> Taken:
    read = read_plan_file(
        path, source=str(path), known_agents=known_agents, checked=checked, roles=roles
    )
    return Taken(str(path), read)
