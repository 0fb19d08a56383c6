"""The run to work on: the last one, or a new one."""

from __future__ import annotations

from gangsaw.core.errors import UserError
from gangsaw.core.events import RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Plan
from gangsaw.core.state import State
from gangsaw.core.status import exit_code
from gangsaw.core.watching import is_closed
from gangsaw.core.wire import encode
from gangsaw.engine.earlier import durations_of
from gangsaw.engine.loop import fold
from gangsaw.engine.order import Choice, Order, agents_of, on_machine
from gangsaw.engine.recruits import program_missing
from gangsaw.engine.unlanded import NothingToDo
from gangsaw.git import Repository
from gangsaw.store import inbox
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal


def open_run(
    repo: Repository, journal: Journal, control: Control, order: Order, now: float
) -> tuple[State, int]:
    """The state to go on from: the last run's, or that of a new one, whose start is in the log
    (with `now`, epoch seconds)."""
    runs = journal.runs()
    if runs and order.choice is Choice.CONTINUE:
        state, seq = fold(journal, runs[-1].run)
        if seq and _is_same(state, order):
            _require_same_target(state, order)
            return _reopened(state, control, now), seq
        if seq and state.end is None:
            raise UserError(
                f"cannot start {order.plan_source}: {state.run} is not finished and has another "
                "plan; try: gangsaw run (goes on with it), or gangsaw run --new PLAN"
            )
        _require_nothing_asked(state, order, control)
    return _begin(repo, journal, order, require_start(repo, order), now)


def _require_same_target(state: State, order: Order) -> None:
    if order.target is not None and order.target != state.target:
        raise UserError(
            f"cannot go on with {state.run} on {order.target}: it lands on {state.target}; "
            f"try: gangsaw run --new --target {order.target} PLAN"
        )


def _require_nothing_asked(state: State, order: Order, control: Control) -> None:
    """`UserError` where something waits that was asked about a task of the last run and that the
    plan of the new one does not have: nobody would ever do it."""
    names = {task.id for task in order.plan.tasks} if order.plan is not None else set[str]()
    for asked in inbox.pending(control.inbox):
        task = asked.args.get("task") if isinstance(asked, inbox.Request) else None
        if isinstance(asked, inbox.Request) and task in state.tasks and task not in names:
            raise UserError(
                f"cannot start {order.plan_source}: gangsaw {asked.verb} {task} was asked of "
                f"{state.run} and waits; try: gangsaw run (does that first), or the same with "
                "--new (forgets it)"
            )


def _is_same(state: State, order: Order) -> bool:
    return order.plan is None or order.plan == state.plan


def _reopened(state: State, control: Control, now: float) -> State:
    """The last run, if there is still something to do in it or somebody asked for something."""
    if state.end is None or inbox.pending(control.inbox):
        return state
    left = [
        name
        for name, known in state.task_states.items()
        if not known.finished and not is_closed(state, name)
    ]
    if not left:
        landed = sum(known.finished for known in state.task_states.values())
        raise NothingToDo(
            f"{state.run} has landed {landed} of {len(state.tasks)}; nothing to do. "
            "To run the plan once more: gangsaw run --new PLAN",
            exit_code=0,
        )
    code = exit_code(state, now)
    raise NothingToDo(
        f"{state.run} is over and {len(left)} of {len(state.tasks)} not landed; "
        f"try: gangsaw why {left[0]}, gangsaw retry {left[0]} and then gangsaw run",
        exit_code=code,
    )


def require_start(repo: Repository, order: Order) -> tuple[Plan, str, str]:
    """Plan, target and base of a new run; `UserError` for whatever is missing."""
    if order.plan is None:
        raise UserError("cannot find a plan: there is no plan.yaml here; try: gangsaw run PLAN")
    target = order.target or repo.head_branch()
    if target is None:
        raise UserError(
            "cannot tell the target: HEAD is detached; try: gangsaw run --target BRANCH"
        )
    base = repo.resolve(f"refs/heads/{target}")
    if base is None:
        raise UserError(f"cannot find the target branch '{target}'; try: git branch --list")
    _require_agents(order.plan, order)
    for taken in ("gangsaw", "gangsaw/run"):
        if repo.resolve(f"refs/heads/{taken}") is not None:
            raise UserError(
                f"cannot make branches below {taken}/: a branch has that very name; "
                f"try: git branch -m {taken} {taken.replace('/', '-')}-old"
            )
    return order.plan, target, base


def _require_agents(plan: Plan, order: Order) -> None:
    """`UserError` for an agent of the plan whose program is not there: better now than once per
    task. One with a folder in its name may lie in the worktree that is yet to be made."""
    used = agents_of(plan, order.limits)
    for agent in order.settings.agents:
        if agent.name in used and (missing := program_missing(agent, order.environ)):
            raise UserError(missing)


def _begin(
    repo: Repository, journal: Journal, order: Order, ground: tuple[Plan, str, str], now: float
) -> tuple[State, int]:
    plan, target, base = ground
    run = _free_run_id(repo, journal)
    started = RunStarted(
        run=run,
        plan=plan,
        limits=on_machine(order.limits, order),
        target=target,
        integration=f"gangsaw/run/{run}",
        base=base,
        gate=order.settings.checks,
        plan_source=order.plan_source,
        durations=durations_of(journal),
        task_file=order.task_file,
    )
    state = State()
    evolve(state, started, now)
    row = (now, started.kind, started.subject, encode(started))
    return state, journal.append(run, [row], after=0)


def _free_run_id(repo: Repository, journal: Journal) -> str:
    """The next run id whose integration branch nobody has: a journal that was deleted forgets its
    runs, and an old run's branch must not be taken for the new one's."""
    number = int(journal.next_run_id()[1:])
    while repo.resolve(f"refs/heads/gangsaw/run/r{number}") is not None:
        number += 1
    return f"r{number}"
