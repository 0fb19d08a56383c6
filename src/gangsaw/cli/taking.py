"""The plan that a command is to work on: a plan file, or another kind of task file read as one."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.plan import Complaint, PlanRead, RolesRead, read_plan_file
from gangsaw.plan.complaint import did_you_mean, listed

if TYPE_CHECKING:
    from gangsaw.sources import Home, Item, Source, SourceRead

ALIKE_MAX = 3
"""Complaints that are alike but for the record and are all told where not everything has to be."""

PLAN_ENDS = (".yaml", ".yml", ".json")
_OURS = re.compile(r"""\A\s*\{?\s*"version"\s*:|^version\s*:|^[\s-]*"?prompt"?\s*:""", re.MULTILINE)
"""What plans of ours say, and hardly anything else."""
_ONE_SLASH = re.compile(r"(?:[a-z]+:)?[a-z][a-z0-9+]+:/[^/]", re.IGNORECASE)

PLACES_MAX = 4
"""Places that are named of complaints that are alike."""

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")


HELD_NAMED_MAX = 3
"""Records on hold that are named where nothing is left to be done."""

_SETTLED = (Standing.DONE, Standing.DROPPED)


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

    def task_file(self, plan: Plan, root: Path) -> TaskFile | None:
        """Where to write back how the tasks of the plan stand, in the repository with this root;
        `None` for a plan file of ours."""
        if self.source is None or self.read is None:
            return None
        from gangsaw.sources import is_phased, place_in

        found = [(task.id, self.read.items[task.id]) for task in plan.tasks]
        entries = tuple(
            Entry(name, item.key, item.document if item.home is None else item.home, item.standing,
                  mute=item.home is None)
            for name, item in found
        )  # fmt: skip
        name = self.source.dialect
        folder = os.fspath(self.source.folder_path) if self.source.folder_path is not None else ""
        place = place_in(root, Path(folder or self.paths[0]))
        return TaskFile(
            name, self.paths, self.source.shown, entries,
            phased=is_phased(name), folder=folder, folder_shown=self.source.folder,
            through=self.source.through, place=place,
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
        return self.asked or shlex.quote(self.shown)

    def named(self, name: str) -> str:
        """The id of the task for whose record this is the key; else the name itself."""
        items = self.read.items if self.read is not None else {}
        if name in items:
            return name
        return next((task for task, item in items.items() if item.key == name), name)

    @property
    def told_briefly(self) -> tuple[str, ...]:
        """`told`, with what is said alike of many records said once."""
        return self._grouped(self.told, f"gangsaw plan check {self.again}")

    def told_of(self, epics: Sequence[str]) -> tuple[str, ...]:
        """`told_briefly` of these parts of the source; how much is told of other records is only
        counted. What names no record is told in any case."""
        items = self.read.items if self.read is not None and epics else {}
        wanted = {*self._with_needs([name for epic in epics for name in self._within(epic)])}
        places = {(self._shown_of(item), item.line): name in wanted for name, item in items.items()}
        mine = [each for each in self.told if places.get((each.source, each.line), True)]
        lines = self._grouped(mine, f"gangsaw plan check {self.again}")
        others = len(self.told) - len(mine)
        if others:
            is_one = others == 1
            lines += (
                f"{others} more {'is' if is_one else 'are'} about what is not a part of "
                f"{' and '.join(epics)}: gangsaw plan check {self.again}",
            )
        return lines

    def _within(self, epic: str) -> list[str]:
        items = self.read.items if self.read is not None else {}
        return [name for name, item in items.items() if epic in (name, item.key, *item.within)]

    def _with_needs(self, names: Sequence[str]) -> list[str]:
        """These records and all that they need."""
        items = self.read.items if self.read is not None else {}
        by_key = {item.key: name for name, item in items.items()}
        found = dict.fromkeys(names)
        pending = list(found)
        while pending:
            needs = (by_key.get(need.key) for need in items[pending.pop()].needs)
            fresh = [name for name in needs if name is not None and name not in found]
            found |= dict.fromkeys(fresh)
            pending += fresh
        return list(found)

    def _shown_of(self, item: Item) -> str:
        return self.source.shown[item.document] if self.source is not None else self.shown

    @property
    def told_once(self) -> tuple[str, ...]:
        """`told`, with what is said alike of many records said once, with the places of the first
        ones; what could not be read is told one by one."""
        return self._grouped(self.told, "")

    def _grouped(self, told: Sequence[Complaint], rest: str) -> tuple[str, ...]:
        """Each as a line, alike ones as one line. Where the `rest` can be seen elsewhere, it says
        so; else places stand there, and what could not be read is told one by one."""
        if self.read is None:
            return tuple(map(str, told))
        names = {*self.read.items, *(item.key for item in self.read.items.values())}
        unread = {*self.read.unread}
        alike: dict[tuple[str, ...], list[Complaint]] = {}
        for each in told:
            own = () if rest or each not in unread else (each.source, str((each.line, each.col)))
            whole = each.text if each in unread else _without(each.text, names)
            alike.setdefault((whole, each.remedy, *own), []).append(each)
        lines: list[str] = []
        for several in alike.values():
            few = several if len(several) <= ALIKE_MAX else several[:1]
            lines += map(str, few)
            if len(few) < len(several):
                more = several[1:]
                where = ", ".join(f"{each.source}:{each.line}" for each in more[:PLACES_MAX])
                where += ", …; all with --json" if more[PLACES_MAX:] else ""
                lines[-1] += f"; {len(more)} more like it: {rest or where}"
        return tuple(lines)

    @property
    def told(self) -> tuple[Complaint, ...]:
        """What is told of a plan that is used: warnings, what could not be read, what is read
        otherwise than one might think."""
        more = (*self.read.unread, *self.read.notes) if self.read is not None else ()
        chosen = self.source.chosen if self.source is not None else ""
        told = (*self.plan.warnings, *more)
        return tuple(sorted((*told, Complaint(self.shown, 0, 0, chosen)) if chosen else told))

    @property
    def done_text(self) -> str:
        """How the records stand of which none is left to be done."""
        items = self.read.items.values() if self.read is not None else ()
        done = sum(item.standing is Standing.DONE for item in items)
        dropped = sum(item.standing is Standing.DROPPED for item in items)
        held = [item.key for item in items if item.standing not in _SETTLED]
        if not held:
            return f"all of {self.shown} is done"
        named = ", ".join(held[:HELD_NAMED_MAX]) + (", …" if len(held) > HELD_NAMED_MAX else "")
        also = f", {dropped} dropped" if dropped else ""
        return f"of {self.shown} {done} done{also}, {len(held)} on hold ({named})"


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
    home: Home | None = None,
) -> Taken:
    """The plan at `path`, or in the source that was `wanted` with `--from`. `UserError` where a
    source cannot be found or read; faults in it are in what comes back."""
    if wanted is None and path is not None and _ONE_SLASH.match(os.fspath(path)):
        from gangsaw.sources.place import require_path

        if not path.exists():
            require_path(os.fspath(path).replace(":/", "://", 1))  # a path has lost one
    if wanted is None and path is not None and path.name in PLAN_NAMES:
        return _ours(path, known_agents, checked, roles)
    from gangsaw.engine.asking import asking
    from gangsaw.sources import Expected, certain_source, common_name, find_source, read_best
    from gangsaw.sources.beside import with_hints

    if wanted is not None:
        source = find_source(wanted, folder, home)
    else:
        assert path is not None
        found = certain_source(path, folder)
        if found is None:
            return _doubted(_ours(path, known_agents, checked, roles), path, folder)
        source = found
    expected = Expected(known_agents, checked, roles)
    source, read = read_best(source, expected, asking(os.environ))
    read = with_hints(source, read, folder)
    if wanted is None:
        return Taken(os.fspath(path or ""), read.plan, source, read)
    spelled = (wanted, wanted.partition(":")[2])
    there = (each for each in spelled if each and (folder / each).exists())
    shown = next(there, common_name(source.shown))
    return Taken(shown, read.plan, source, read, f"--from {shlex.quote(wanted)}")


def _doubted(taken: Taken, path: Path, folder: Path) -> Taken:
    """What was read as a plan of ours, though nothing says that it is one: `UserError` with what it
    may be, where it is no plan."""
    from gangsaw.sources.place import doubt

    shown = os.fspath(path)
    if taken.plan.plan is not None:
        return taken
    if not path.exists():
        return taken
    if path.is_file() and _OURS.search(path.read_text("utf-8", "replace")):
        return taken
    error, is_likely = doubt(shown, folder)
    if is_likely or path.suffix.lower() not in PLAN_ENDS:
        raise error
    return taken


def _ours(
    path: Path, known_agents: Collection[str] | None, checked: bool, roles: RolesRead | None
) -> Taken:
    read = read_plan_file(
        path, source=str(path), known_agents=known_agents, checked=checked, roles=roles
    )
    return Taken(str(path), read)
