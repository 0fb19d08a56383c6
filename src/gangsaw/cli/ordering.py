"""From the options of `gangsaw run` to an order for an engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from gangsaw.cli.asked import Asked
from gangsaw.cli.place import home_of
from gangsaw.cli.project import Project, open_project
from gangsaw.cli.taking import PLAN_NAMES, Taken, take
from gangsaw.core.errors import UserError
from gangsaw.core.events import RunStarted
from gangsaw.core.model import Deliver, Limits, Plan
from gangsaw.core.standing import TaskFile
from gangsaw.core.wire import decode_event
from gangsaw.engine.order import Choice, Order
from gangsaw.engine.secrets import secrets_of
from gangsaw.engine.unlanded import NothingToDo
from gangsaw.plan import RolesRead, read_plan_file, read_roles
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal


@dataclass(frozen=True, slots=True)
class _Chosen:
    """`task_file` is set where the plan was read from one of another kind."""

    plan: Plan | None
    source: str
    task_file: TaskFile | None = None


def asked_order(
    project: Project, folder: Path, plan: Path | None, asked: Asked, *, warns: bool = True
) -> Order:
    """The order for an engine, its plan read; `UserError` with every fault of it. What else is to
    be told of it goes to standard error, where this `warns`."""
    tell = _warn if warns else (lambda line: None)
    return _order(project, folder, _read(project, folder, plan, asked, tell), asked)


def _warn(line: str) -> None:
    click.echo(f"gangsaw: warning: {line}", err=True)


def _read(
    project: Project, folder: Path, given: Path | None, asked: Asked, tell: Callable[[str], None]
) -> _Chosen:
    """The plan asked for; none when the last run is to be gone on with."""
    begins = asked.new or asked.dry_run is True or bool(asked.only)
    beside = plan_beside(project, folder)
    if given is not None and asked.source is not None:
        raise click.UsageError("name a plan, or a source with --from, not both")
    named = given is not None or asked.source is not None
    path = given if named else (beside if begins or _is_over(project) else None)
    if asked.rest is not None and not asked.new and not _is_over(project):
        beside = path or beside
        path, named = None, False
    if path is None and not named:
        if beside is not None:
            _warn_of_other_plan(project, beside)
        return _Chosen(None, "")
    return _taken(project, folder, path, asked, begins, tell)


def _taken(
    project: Project, folder: Path, path: Path | None, asked: Asked, begins: bool,
    tell: Callable[[str], None],
) -> _Chosen:  # fmt: skip
    """The plan at the path, or in the source that was asked for."""
    taken = take(
        path,
        asked.source,
        folder,
        home=home_of(project.repo),
        known_agents=[agent.name for agent in project.settings.agents],
        checked=bool(project.settings.checks),
        roles=_roles(project),
    )
    if taken.source is not None and not begins and not _is_over(project):
        run, accepted = _accepted(project)
        if accepted.task_file is not None and accepted.task_file.paths == taken.paths:
            _require_parts(taken, asked, run, accepted)
            click.echo(f"gangsaw: {taken.shown} is being run by {run}, which goes on", err=True)
            return _Chosen(None, "")
    for line in taken.told_of(asked.epic) if asked.epic else taken.told_briefly:
        tell(line)
    if taken.plan.plan is None:
        if taken.read is not None and taken.read.is_done:
            raise NothingToDo(f"nothing to do: {taken.done_text}", exit_code=0)
        raise UserError("\n".join(str(complaint) for complaint in taken.plan.errors))
    parts = [name for epic in asked.epic for name in taken.parts_of(epic)]
    only = (*map(taken.named, asked.only), *parts)
    if asked.epic and not only:
        said = f"nothing to do: all of {' and '.join(asked.epic)} is done"
        raise NothingToDo(said, exit_code=0)
    plan = _narrowed(taken.plan.plan, only, taken.again)
    task_file = taken.task_file(plan, project.repo.root)
    if task_file is not None:
        narrowed = bool(asked.only or asked.epic)
        task_file = replace(task_file, watched=asked.watch, narrowed=narrowed, epics=asked.epic)
    return _Chosen(plan, taken.shown, task_file)


def _require_parts(taken: Taken, asked: Asked, run: str, accepted: RunStarted) -> None:
    """Nothing if the run that goes on has something of all the parts that are asked for."""
    items = taken.read.items if taken.read is not None else {}
    known = {task.id for task in accepted.plan.tasks}
    for epic in asked.epic:
        parts = {name for name, item in items.items() if epic in (name, item.key, *item.within)}
        if known.isdisjoint(parts):
            raise UserError(
                f"cannot run {epic}: {run} is not finished and has nothing of it; try: gangsaw "
                "run, which ends that, or the same with --new"
            )


def _warn_of_other_plan(project: Project, beside: Path) -> None:
    """The plan that lies here may have been changed since the run that goes on was begun."""
    run, accepted = _accepted(project)
    if accepted.task_file is not None:
        return  # it was begun from another file
    lying = read_plan_file(beside, roles=_roles(project)).plan
    if lying is not None:
        lying = secrets_of(project.repo, project.settings, os.environ).out_of_plan(lying)
    if lying is not None and lying != accepted.plan:
        click.echo(
            f"gangsaw: warning: {beside.name} differs from the plan of {run}, which goes on as it "
            f"was begun; to begin anew: gangsaw run --new {beside.name}",
            err=True,
        )


def _accepted(project: Project) -> tuple[str, RunStarted]:
    """The last run, and how it began."""
    with open_journal(Control(project.repo.control_dir).journal, writer=False) as journal:
        run = journal.runs()[-1].run
        first = next(iter(journal.read(run, limit=1)))
    accepted = decode_event(first.kind, first.body)
    assert isinstance(accepted, RunStarted)  # every run's first event
    return run, accepted


def _roles(project: Project) -> RolesRead:
    return read_roles(project.repo.main_root or project.repo.root)


def plan_beside(project: Project, folder: Path) -> Path | None:
    """The plan lying about: in the folder, else at the top of the repository."""
    places = (folder, project.repo.root)
    return next((p / name for p in places for name in PLAN_NAMES if (p / name).is_file()), None)


def _is_over(project: Project) -> bool:
    try:
        with open_journal(Control(project.repo.control_dir).journal, writer=False) as journal:
            runs = journal.runs()
    except NoJournal:
        return True
    return not runs or runs[-1].state in ("landed", "failed")


def _narrowed(plan: Plan, only: tuple[str, ...], again: str) -> Plan:
    """The plan with only the named tasks and all they need."""
    if not only:
        return plan
    tasks = {task.id: task for task in plan.tasks}
    wanted, open_names = set[str](), list(only)
    while open_names:
        name = open_names.pop()
        if name not in tasks:
            raise UserError(
                f"cannot run only '{name}': there is no such task; try: gangsaw plan show {again}"
            )
        if name not in wanted:
            wanted.add(name)
            open_names.extend(tasks[name].needs)
    return replace(plan, tasks=tuple(task for task in plan.tasks if task.id in wanted))


def _order(project: Project, folder: Path, chosen: _Chosen, asked: Asked) -> Order:
    return Order(
        plan=chosen.plan,
        plan_source=chosen.source,
        choice=Choice.NEW if asked.new else Choice.CONTINUE,
        target=asked.target,
        limits=_limits(project, asked),
        settings=project.settings,
        environ=os.environ,
        given=_given(asked),
        rest=asked.rest,
        task_file=chosen.task_file,
        reread=lambda: open_project(folder, os.environ, asked.config).settings,
    )


def _given(asked: Asked) -> frozenset[str]:
    """The limits that were asked for by flag."""
    flags = {
        "max_agents": asked.max_agents,
        "batched": asked.batched,
        "deliver": asked.deliver,
        "budget_usd": asked.budget,
        "budget_tokens": asked.budget_tokens,
        "budget_day_usd": asked.budget_day,
        "budget_day_tokens": asked.budget_day_tokens,
        "default_agent": asked.agent,
        "pool": asked.agent,
    }
    return frozenset(name for name, value in flags.items() if value is not None)


def _limits(project: Project, asked: Asked) -> Limits:
    limits = project.settings.limits
    if asked.max_agents is not None:
        limits = replace(limits, max_agents=asked.max_agents)
    if asked.batched is not None:
        limits = replace(limits, batched=asked.batched)
    if asked.deliver is not None:
        limits = replace(limits, deliver=Deliver(asked.deliver))
    if asked.budget is not None:
        limits = replace(limits, budget_usd=asked.budget)
    if asked.budget_tokens is not None:
        limits = replace(limits, budget_tokens=asked.budget_tokens)
    if asked.budget_day is not None:
        limits = replace(limits, budget_day_usd=asked.budget_day)
    if asked.budget_day_tokens is not None:
        limits = replace(limits, budget_day_tokens=asked.budget_day_tokens)
    if asked.agent is not None:
        if project.settings.agent(asked.agent) is None:
            names = ", ".join(agent.name for agent in project.settings.agents)
            raise UserError(f"cannot use agent '{asked.agent}': try one of {names}")
        limits = replace(limits, default_agent=asked.agent, pool=())
    return limits
