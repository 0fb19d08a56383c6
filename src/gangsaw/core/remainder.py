"""What of a plan is still to be done, after earlier runs of it: for ticks, and `run --unlanded`.

A task is the same as before if its id, title and prompt are. It is done with once it has landed (or
a person has cancelled it, or taken it back); it is left alone once it has failed often enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gangsaw.core.model import Plan, Task
from gangsaw.core.status import NAMES_MAX, Status

TRIES_MAX = 3
"""In how many runs of a schedule a task may fail before it is left alone."""
_DONE = frozenset({Status.LANDED, Status.DONE})
_CLOSED = frozenset({*_DONE, Status.CANCELLED, Status.UNDONE})


@dataclass(frozen=True, slots=True)
class FormerTask:
    """A task of a former run as it stands: its content, its status, and its landed commit."""

    title: str
    prompt: str
    status: str
    commit: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class FormerRun:
    """A former run; `is_over`: nothing more is to be done in it."""

    run: str
    target: str
    started_at: float
    is_over: bool
    tasks: Mapping[str, FormerTask]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a task is not run. `code` is the exit code that this stands for."""

    task: str
    text: str
    code: int
    landed: bool = False
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is to be run (`None`: nothing), and what is not."""

    plan: Plan | None
    left_out: tuple[LeftOut, ...]

    @property
    def code(self) -> int:
        """The exit code of a run that has nothing to do."""
        return max((each.code for each in self.left_out), default=0)

    @property
    def text(self) -> str:
        """All of what is left out, in one sentence."""
        landed = sum(1 for each in self.left_out if each.landed)
        parts = []
        if landed:
            parts.append(f"{landed} task{' has' if landed == 1 else 's have'} landed")
        others = [each for each in self.left_out if not each.landed]
        parts += [f"{each.task} {each.text}" for each in others[:NAMES_MAX]]
        if len(others) > NAMES_MAX:
            parts.append(f"and {len(others) - NAMES_MAX} more")
        return ", ".join(parts) or "there is no task"


def remainder(
    plan: Plan,
    former: Sequence[FormerRun],
    in_base: Callable[[str], bool],
    *,
    since: float = 0.0,
    tries_max: int = TRIES_MAX,
) -> Remainder:
    """The plan without what is done with. `former` are the runs with the same target, oldest first;
    failures count from `since` on. `in_base` says whether the new run would start from a commit:
    only then a need that has landed is one no more, otherwise its dependants wait."""
    out: dict[str, LeftOut] = {}
    for task in plan.tasks:
        found = _left_out(task, former, since, tries_max)
        if found is not None:
            out[task.id] = found
    met = {name for name, each in out.items() if each.landed and _is_met(each, in_base)}
    for _ in plan.tasks:  # each round leaves out at least one more
        more = _waiting(plan, out, met)
        if not more:
            break
        out |= more
    tasks = tuple(
        replace(task, needs=tuple(need for need in task.needs if need not in met))
        for task in plan.tasks
        if task.id not in out
    )
    left = tuple(out[task.id] for task in plan.tasks if task.id in out)
    return Remainder(replace(plan, tasks=tasks) if tasks else None, left)


def _left_out(
    task: Task, former: Sequence[FormerRun], since: float, tries_max: int
) -> LeftOut | None:
    failures = 0
    for run in reversed(former):
        found = run.tasks.get(task.id)
        if found is None or (found.title, found.prompt) != (task.title, task.prompt):
            continue
        if found.status in _CLOSED:
            landed = found.status in _DONE
            text = f"has landed in {run.run}" if landed else f"was {_CLOSING[found.status]}"
            return LeftOut(task.id, text, 0, landed, found.commit)
        if not run.is_over:
            continue
        if found.status == Status.NEEDS_YOU and not failures:
            return LeftOut(task.id, f"needs a person (gangsaw why {task.id})", 3)
        if found.status in (Status.FAILED, Status.NEEDS_YOU) and found.attempts:
            failures += run.started_at >= since
        if failures >= tries_max:
            times = "once" if failures == 1 else f"in {failures} runs"
            return LeftOut(task.id, f"failed {times} and is left alone", 1)
    return None


_CLOSING = {Status.CANCELLED.value: "cancelled", Status.UNDONE.value: "taken back"}


def _is_met(each: LeftOut, in_base: Callable[[str], bool]) -> bool:
    return not each.commit or in_base(each.commit)


def _waiting(plan: Plan, out: Mapping[str, LeftOut], met: set[str]) -> dict[str, LeftOut]:
    """Tasks with a need that the new run would neither bring nor start from."""
    found = {}
    for task in plan.tasks:
        need = next((name for name in task.needs if name in out and name not in met), None)
        if task.id in out or need is None:
            continue
        why = out[need]
        text = "has landed, but is not on the target yet" if why.landed else why.text
        found[task.id] = LeftOut(task.id, f"needs {need}, which {text}", max(1, why.code))
    return found
