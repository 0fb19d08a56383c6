"""The plan that a command is to work on: a plan file, or another kind of task file read as one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.plan import Complaint, PlanRead, RolesRead, read_plan_file
from gangsaw.plan.complaint import did_you_mean, listed

if TYPE_CHECKING:
    from gangsaw.sources import Source, SourceRead

ALIKE_MAX = 3
"""Complaints that are alike but for the record and are all told where not everything has to be."""

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")


@dataclass(frozen=True, slots=True)
class Taken:
    """A plan that was read, and by what name users know it; with its source if it is no plan file
    of ours. `asked` is how it was named on the command line, if not by that name."""

    shown: str
    plan: PlanRead
    source: Source | None = None
    read: SourceRead | None = None
    asked: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of the source, as whole paths."""
        return tuple(map(os.fspath, self.source.paths)) if self.source is not None else ()

    def task_file(self, plan: Plan) -> TaskFile | None:
        """Where to write back how the tasks of the plan stand; `None` for a plan file of ours."""
        if self.source is None or self.read is None:
            return None
        from gangsaw.sources import is_phased

        found = [(task.id, self.read.items[task.id]) for task in plan.tasks]
        entries = tuple(
            Entry(name, item.key, home, item.standing)
            for name, item in found
            if (home := item.home) is not None
        )
        name = self.source.dialect
        folder = os.fspath(self.source.folder_path) if self.source.folder_path is not None else ""
        return TaskFile(
            name, self.paths, self.source.shown, entries,
            phased=is_phased(name), folder=folder, folder_shown=self.source.folder,
            through=self.source.through,
        )  # fmt: skip

    def parts_of(self, epic: str) -> tuple[str, ...]:
        """The ids of the tasks that are a part of this record, or it itself; none if all of
        that is done. `UserError` if there is no such record, or the rest is on hold."""
        items = self.read.items if self.read is not None else {}
        left = {task.id for task in self.plan.plan.tasks} if self.plan.plan is not None else set()
        found = tuple(name for name, item in items.items() if epic in item.within and name in left)
        if found:
            return found
        if self.named(epic) in left:
            return (self.named(epic),)
        members = [item for item in items.values() if epic in (item.key, *item.within)]
        if members:
            if all(item.standing in (Standing.DONE, Standing.DROPPED) for item in members):
                return ()
            raise UserError(
                f"cannot run {epic}: what is left of it is on hold; try: gangsaw plan check "
                f"{self.again}"
            )
        known = list(dict.fromkeys(each for item in items.values() for each in item.within))
        there = f"there is {listed(known)}" if known else "nothing in it has parts"
        remedy = did_you_mean(epic, known) or there
        raise UserError(
            f"cannot run '{epic}': {self.shown} has nothing that is so called; {remedy}"
        )

    @property
    def again(self) -> str:
        """What names it on another command line."""
        return self.asked or self.shown

    def named(self, name: str) -> str:
        """The id of the task for whose record this is the key; else the name itself."""
        items = self.read.items if self.read is not None else {}
        if name in items:
            return name
        return next((task for task, item in items.items() if item.key == name), name)

    @property
    def told_briefly(self) -> tuple[str, ...]:
        """`told`, with what is said alike of many records said once."""
        if self.read is None:
            return tuple(map(str, self.told))
        names = {*self.read.items, *(item.key for item in self.read.items.values())}
        alike: dict[tuple[str, str], list[Complaint]] = {}
        for each in self.told:
            whole = each.text if each in self.read.unread else _without(each.text, names)
            alike.setdefault((whole, each.remedy), []).append(each)
        lines: list[str] = []
        for several in alike.values():
            few = several if len(several) <= ALIKE_MAX else several[:1]
            lines += map(str, few)
            if len(few) < len(several):
                lines[-1] += f"; {len(several) - 1} more like it: gangsaw plan check {self.again}"
        return tuple(lines)

    @property
    def told(self) -> tuple[Complaint, ...]:
        """What is told of a plan that is used: warnings, what could not be read, what is read
        otherwise than one might think."""
        more = (*self.read.unread, *self.read.notes) if self.read is not None else ()
        return tuple(sorted((*self.plan.warnings, *more)))


def _without(text: str, names: Collection[str]) -> str:
    """The text without the names of records."""
    return " ".join("" if word.strip("#:,;()'\"") in names else word for word in text.split(" "))


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
    from gangsaw.engine.asking import asking
    from gangsaw.sources import Expected, certain_source, common_name, find_source, read_best

    if wanted is not None:
        source = find_source(wanted, folder)
    else:
        assert path is not None
        found = certain_source(path, folder)
        if found is None:
            return _ours(path, known_agents, checked, roles)
        source = found
    expected = Expected(known_agents, checked, roles)
    source, read = read_best(source, expected, asking(os.environ))
    if wanted is None:
        return Taken(os.fspath(path or ""), read.plan, source, read)
    spelled = (wanted, wanted.partition(":")[2])
    there = (each for each in spelled if each and (folder / each).exists())
    shown = next(there, common_name(source.shown))
    return Taken(shown, read.plan, source, read, f"--from {shlex.quote(wanted)}")


def _ours(
    path: Path, known_agents: Collection[str] | None, checked: bool, roles: RolesRead | None
) -> Taken:
    read = read_plan_file(
        path, source=str(path), known_agents=known_agents, checked=checked, roles=roles
    )
    return Taken(str(path), read)
