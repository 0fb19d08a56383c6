"""People who change the task file of a simulated run while it goes on: they add tasks that were
held back at its beginning, change others, settle some, take that back, and break the file. By
chance of its own, so that schedules without it are what they were."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from gangsaw.core import observations as ob
from gangsaw.core.edits import Mark, Record
from gangsaw.core.model import Plan, Task
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.core.state import State
from gangsaw.testing.simulation.played_file import PlayedFile
from gangsaw.testing.simulation.source_rivals import Rivals

SHARE = 0.5
"""Of all schedules with a task file, those whose file is changed."""

CHANCES = (0.03, 0.1, 0.3)
"""How often, in each turn, somebody changes it."""

HIDDEN_MAX = 4
_SETTLED = (Standing.DONE, Standing.DROPPED, Standing.LATER)


class SourceEdits:
    """What the file says besides standings: `now` are its tasks (with all of their needs, whatever
    stands at these), `marks` what people have settled, `read` the ids in what was read last."""

    def __init__(self, seed: int, plan: Plan, played: PlayedFile) -> None:
        self._rng = Random(f"{seed} edits")
        self._played, self._rivals = played, Rivals(seed, played)
        rng = self._rng
        edited = played.task_file is not None and rng.random() < SHARE
        self.chance = rng.choice(CHANCES) if edited else 0.0
        self._names = [task.id for task in plan.tasks]
        self.hidden = self._hide(plan) if edited else {}
        self.now = {task.id: task for task in plan.tasks if task.id not in self.hidden}
        self.marks: dict[str, Mark] = {}
        self.read: set[str] = set()
        self._elsewhere: set[str] = set()
        self._broken = self._unread = False
        self._former: list[ob.SourceSeen | ob.SourceUnread] = []
        if edited and played.task_file is not None:
            entries = tuple(e for e in played.task_file.entries if e.task in self.now)
            played.task_file = replace(played.task_file, entries=entries, watched=True)

    def _hide(self, plan: Plan) -> dict[str, Task]:
        """Tasks that come later: none that another needs which does not."""
        hidden: dict[str, Task] = {}
        needed = {task.id: {t.id for t in plan.tasks if task.id in t.needs} for task in plan.tasks}
        for _ in range(self._rng.randint(0, min(HIDDEN_MAX, len(plan.tasks) - 1))):
            free = [t for t in plan.tasks if t.id not in hidden and needed[t.id] <= hidden.keys()]
            chosen = self._rng.choice(free)
            hidden[chosen.id] = chosen
        return hidden

    @property
    def task_file(self) -> TaskFile | None:
        """The source that the run begins with."""
        return self._played.task_file

    def accepted(self, plan: Plan) -> Plan:
        """The plan that the run begins with."""
        return replace(plan, tasks=tuple(task for task in plan.tasks if task.id in self.now))

    def engine_up(self) -> None:
        """A new engine reads the file in any case, and knows nothing of earlier readings."""
        self._unread, self._former, self.read = self.chance > 0.0, [], set()
        self._rivals.show(None)

    # --- people ---------------------------------------------------------------------------------

    def look(self, state: State, *, calm: bool) -> list[ob.SourceSeen | ob.SourceUnread]:
        """Perhaps somebody changes the file; what was read of it then, if it is to be read."""
        if not self.chance:
            return []
        rng = self._rng
        self._rivals.require_heeded(state)
        if calm:
            self._unread, self._broken = self._unread or self._broken, False
        elif rng.random() < self.chance:
            self._change(state)
            self._rivals.act(state, sorted(self.now), self.marks)
            self._unread = True
        found: list[ob.SourceSeen | ob.SourceUnread] = []
        if self._former and rng.random() < 0.1:
            found.append(rng.choice(self._former))  # told once more, whatever has come since
        if self._unread or (self._former and rng.random() < 0.05):
            self._unread = False
            found.append(self._reading(state))
            self._former = [*self._former[-3:], found[-1]]
        only = found[0] if len(found) == 1 and found[0] is self._former[-1] else None
        self._rivals.show(only if isinstance(only, ob.SourceSeen) else None)
        return found

    def _change(self, state: State) -> None:
        rng = self._rng
        self._broken = rng.random() < 0.1
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            chosen = rng.random()
            if chosen < 0.3 and self.hidden:
                name = rng.choice(sorted(self.hidden))
                if all(need in self.now for need in self.hidden[name].needs):
                    self.now[name] = self.hidden.pop(name)
            elif chosen < 0.75:
                self._edit(rng.choice(sorted(self.now)))
            else:
                self._settle(rng.choice(sorted(self.now)), state)

    def _edit(self, name: str) -> None:
        """Another text, priority or track, or other needs, which name only what stands earlier."""
        rng, task = self._rng, self.now[name]
        match rng.choice(("prompt", "needs", "needs", "priority", "track")):
            case "prompt":
                task = replace(task, prompt=f"Do {name}, the {rng.randint(2, 9)}th version.")
            case "priority":
                task = replace(task, priority=rng.choice((0, 5)))
            case "track":
                task = replace(task, track=rng.choice((None, "red")))
            case _:
                earlier = [other for other in sorted(self.now) if self._before(other, name)]
                needs = rng.sample(earlier, rng.randint(0, min(2, len(earlier))))
                task = replace(task, needs=tuple(needs))
        self.now[name] = task

    def _before(self, one: str, other: str) -> bool:
        """An order of all tasks that keeps every version of the file without a cycle; it turns
        around what is free to be, so that needs may turn around, too."""
        return one != other and not self._reaches(one, other)

    def _reaches(self, start: str, goal: str) -> bool:
        """Whether one task needs the other, at any depth."""
        pending, seen = [start], set[str]()
        while pending:
            name = pending.pop()
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                pending.extend(self.now[name].needs)
        return False

    def _settle(self, name: str, state: State) -> None:
        """Somebody settles a task, or takes that back."""
        if name in self.marks:
            if self.marks[name].standing is not Standing.DONE:
                self.marks.pop(name)
            return
        known = state.task_states.get(name)
        if known is not None and (known.finished or known.undone):
            return  # what we have done is not ticked by hand
        self.marks[name] = Mark(self._rng.choice(_SETTLED))
        self._played.settled.add(name)

    # --- the file -------------------------------------------------------------------------------

    def _reading(self, state: State) -> ob.SourceSeen | ob.SourceUnread:
        """What the shell reads: see `sources.rereading`."""
        change = state.source.changes
        if self._broken:
            return ob.SourceUnread(change, f"tasks.md:{self._rng.randint(1, 3)}: broken")
        done = {n for n, mark in self.marks.items() if mark.standing is Standing.DONE}
        self._elsewhere = done - state.tasks.keys()
        held = self._held()
        records = []
        for name in self.now:
            mark = self.marks.get(name)
            said = mark.standing if mark is not None else self._said(name)
            if name in state.tasks:
                open_now = said in (Standing.OPEN, Standing.RUNNING, Standing.DONE)
            else:
                open_now = said in (Standing.OPEN, Standing.RUNNING)
            task = self.says(name) if open_now and name not in held else None
            if name in state.tasks or task is not None:
                holder = mark.holder if mark is not None else ""
                entry = Entry(name, f"key of {name}", standing=said)
                records.append(Record(entry, task, holder))
        self.read = {record.entry.task for record in records}
        return ob.SourceSeen(
            change, tuple(records), ("/tasks.md",), ("tasks.md",), writes=state.source.writes
        )

    def _said(self, name: str) -> Standing:
        return self._played.says.get(name, Standing.OPEN)

    def says(self, name: str) -> Task:
        """The task as the file has it: nobody waits for what was dropped, or was done by others
        before it was a part of the run."""
        task = self.now[name]
        settled = {n for n, mark in self.marks.items() if mark.standing is Standing.DROPPED}
        settled |= self._elsewhere
        return replace(task, needs=tuple(need for need in task.needs if need not in settled))

    def _held(self) -> set[str]:
        """What is left out because it needs what is on hold, at any depth."""
        held = {n for n, mark in self.marks.items() if mark.standing is Standing.LATER}
        for _ in self.now:
            held |= {n for n in self.now if not held.isdisjoint(self.says(n).needs)}
        return held
