"""A run of what has not landed yet: the order narrowed to that, under the writer's lock.

Whoever asks for it may ask twice, after a crash in between: `Rest.after` names the last run that
was there when it was asked for the first time, and only while that is still the last one, a new
run is begun.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.errors import UserError
from gangsaw.core.events import RunStarted
from gangsaw.core.model import Plan
from gangsaw.core.remainder import TRIES_MAX, FormerRun, FormerTask, Remainder, remainder
from gangsaw.core.wire import decode_event
from gangsaw.git import Repository
from gangsaw.store.journal import Journal
from gangsaw.store.rows import RunRow

ENDED = ("landed", "failed")
"""States of a run after which nothing is to be done in it."""
RUNS_READ_MAX = 200
"""So many former runs are looked at, the last ones."""


class NothingToDo(UserError):
    """No run is begun or gone on with. `exit_code` 0: everything landed."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Run only what has not landed, or (`repeat`) everything once more, after an unfinished run has
    been gone on with. A task that failed in `tries_max` runs `since` then is left alone. `after`:
    begin a run only if this one is the last (empty: there is none); `None`: whichever is."""

    repeat: bool = False
    after: str | None = None
    since: float = 0.0
    tries_max: int = TRIES_MAX


def rest_of(
    repo: Repository, journal: Journal, rest: Rest, plan: Plan | None, target: str | None
) -> Plan:
    """The plan of the run that is to be begun now. `NothingToDo` if there is to be none."""
    runs = journal.runs()
    last = runs[-1].run if runs else ""
    if rest.after is not None and rest.after != last:
        raise NothingToDo(f"{last} was begun meanwhile", exit_code=0)
    if plan is None:
        raise UserError("cannot find a plan: there is no plan.yaml here; try: gangsaw run PLAN")
    if rest.repeat:
        return plan
    found = remaining(repo, journal, rest, plan, target)
    if found.plan is None:
        raise NothingToDo(f"nothing new to do: {found.text}", exit_code=found.code)
    return found.plan


def remaining(
    repo: Repository, journal: Journal, rest: Rest, plan: Plan, target: str | None
) -> Remainder:
    """What of the plan is left after all runs that land on `target` (the checked-out branch)."""
    branch = target or repo.head_branch() or ""
    base = repo.resolve(f"refs/heads/{branch}") if branch else None
    rows = [row for row in journal.runs()[-RUNS_READ_MAX:] if row.target == branch]

    def in_base(commit: str) -> bool:
        known = base is not None and repo.resolve(f"{commit}^{{commit}}") is not None
        return known and repo.is_ancestor(commit, str(base))

    former = [_former(journal, row) for row in rows]
    return remainder(plan, former, in_base, since=rest.since, tries_max=rest.tries_max)


def _former(journal: Journal, row: RunRow) -> FormerRun:
    """The run by its first event and its rows: no log is read through."""
    first = next(iter(journal.read(row.run, limit=1)), None)
    started = None if first is None else decode_event(first.kind, first.body)
    plan = started.plan if isinstance(started, RunStarted) else Plan("", ())
    wanted = {task.id: task for task in plan.tasks}
    tasks = {
        each.task: FormerTask(
            wanted[each.task].title, wanted[each.task].prompt, each.status,
            each.landed_commit or "", each.attempts,
        )
        for each in journal.tasks(row.run)
        if each.task in wanted
    }  # fmt: skip
    return FormerRun(row.run, row.target, row.started_at or 0.0, row.state in ENDED, tasks)
