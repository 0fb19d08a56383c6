"""Begin a run, or take up the last one, and drive it to its rest."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gangsaw import __version__
from gangsaw.agents import program_of
from gangsaw.core import observations as ob
from gangsaw.core.errors import UserError
from gangsaw.core.events import RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, TurnKind
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.roles import Role
from gangsaw.core.settings import Settings
from gangsaw.core.state import State
from gangsaw.core.status import exit_code
from gangsaw.core.wire import encode
from gangsaw.engine.clock import clock_in_use
from gangsaw.engine.effects.resolving import means_from
from gangsaw.engine.fingerprints import environment_print
from gangsaw.engine.former import survey_former
from gangsaw.engine.launches import Launches
from gangsaw.engine.layout import Layout, layout_for
from gangsaw.engine.loop import Engine, InterruptAnswer, Listener, Teller, fold
from gangsaw.engine.requests import Inbox
from gangsaw.engine.room import Room
from gangsaw.engine.scrubbing import Scrubber
from gangsaw.engine.secrets import Secrets
from gangsaw.engine.unlanded import ENDED, NothingToDo, Rest, rest_of
from gangsaw.engine.world import World
from gangsaw.git import (
    POOL_FOLDER,
    Pool,
    Repository,
    empty_pool,
    included_files,
    prove_signing,
    require_remote,
)
from gangsaw.plan import read_roles
from gangsaw.procs import Nursery, Watch, boot_id, containment, may_write_below
from gangsaw.store import inbox
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import Held, HeldBy, WriterLock
from gangsaw.store.reserve import ensure_reserve
from gangsaw.verify import Slots, sweep_former_checks

CHECK_SLOTS_MAX = 4
GATE_SLOTS_MAX = 16
"""As many as the settings allow."""
TEMPLATE_FOLDER = Path(".gangsaw/prompts")
TEMPLATES = tuple(kind.value for kind in TurnKind)


class Choice(StrEnum):
    """What to do with the last run."""

    CONTINUE = "continue"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for. `plan` is `None` when the last run is to be taken up; `given` names
    the limits that were asked for by flag, which alone change those of a run that goes on. With
    `rest`, only what earlier runs have left of the plan is run."""

    plan: Plan | None
    plan_source: str
    choice: Choice
    target: str | None
    limits: Limits
    settings: Settings
    environ: Mapping[str, str]
    given: frozenset[str] = frozenset()
    rest: Rest | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the engine ended: the run, the documented exit code, and why."""

    run: str
    code: int
    reason: str


def drive(
    repo: Repository,
    order: Order,
    listener: Listener,
    on_interrupt: InterruptAnswer,
    tell: Teller = lambda said: None,
) -> Ending:
    """Hold the writer's lock and run the engine until it rests. `UserError` when another engine
    is alive, or when the order does not fit the last run."""
    control = make_control(repo.control_dir)
    secrets = secrets_of(repo, order.settings, order.environ)
    secrets.require_ignored(repo)
    order = _without_secrets(order, secrets)
    lock = WriterLock.acquire(control.lock)
    if isinstance(lock, HeldBy):
        raise UserError(
            f"cannot run: another gangsaw ({_who(lock)}) is running this repository; "
            "try: gangsaw status, gangsaw stop"
        )
    with lock, open_journal(control.journal, writer=True) as journal:
        prove_signing(repo)
        means_from(order.settings, order.environ.get("PATH"))
        if order.limits.remote:
            require_remote(repo, order.limits.remote)
        ensure_reserve(control.reserve)
        _remove_slots_of_ended(repo, control, journal, order)
        order = _narrowed(repo, control, journal, order)
        drive_on = _Driver(
            repo, control, journal, lock, order, listener, on_interrupt, tell, secrets
        )
        if order.choice is Choice.NEW:
            _require_start(repo, order)
            drive_on.end_agents_of_last_run()
        return drive_on(*_open_run(repo, journal, control, order), first=[])


def _narrowed(repo: Repository, control: Control, journal: Journal, order: Order) -> Order:
    """Where the rest is asked for: to go on with an unfinished run, or to begin one with the rest
    of the plan."""
    if order.rest is None:
        return order
    runs = journal.runs()
    goes_on = runs and (runs[-1].state not in ENDED or inbox.pending(control.inbox))
    if goes_on and order.choice is Choice.CONTINUE:
        return replace(order, plan=None)
    plan = rest_of(repo, journal, order.rest, order.plan, order.target)
    return replace(order, plan=plan, choice=Choice.NEW)


def secrets_of(repo: Repository, settings: Settings, environ: Mapping[str, str]) -> Secrets:
    """What must not be written anywhere, as far as it is known before a run."""
    secrets = Secrets(settings, environ)
    for root in {repo.root, repo.main_root or repo.root}:
        secrets.learn(root, included_files(repo, root))
    return secrets


def _without_secrets(order: Order, secrets: Secrets) -> Order:
    """The order as it may be kept. `UserError` where a secret stands in a command."""
    secrets.require_none_in_checks(order.settings.checks)
    secrets.require_none_in_setup(order.settings.worktree.setup)
    if order.plan is None:
        return order
    used = {task.agent or order.limits.default_agent for task in order.plan.tasks}
    for agent in order.settings.agents:
        if agent.name in used:
            secrets.require_none_in_arguments(agent)
    return replace(order, plan=secrets.out_of_plan(order.plan))


def _who(holder: HeldBy) -> str:
    pid = holder.pid if holder.pid is not None else "unknown"
    if holder.since is None:
        return f"pid {pid}"
    return f"pid {pid}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(holder.since))}"


@dataclass(frozen=True, slots=True)
class _Driver:
    """Runs an engine on a run, with everything that is the same for all runs of one order."""

    repo: Repository
    control: Control
    journal: Journal
    lock: Held
    order: Order
    listener: Listener
    on_interrupt: InterruptAnswer
    tell: Teller
    secrets: Secrets

    def end_agents_of_last_run(self) -> None:
        """A run that is left behind for a new one must leave no agent alive."""
        runs = self.journal.runs()
        if not runs:
            return
        state, seq = fold(self.journal, runs[-1].run)
        if any(attempt.phase in AGENT_ALIVE for attempt in state.live_attempts()):
            stop = ob.Asked(key=f"new-run-{seq}", verb="stop", task="", by="gangsaw run --new")
            self(state, seq, first=[stop])

    def __call__(self, state: State, seq: int, *, first: list[ob.Observation]) -> Ending:
        """Run an engine until it rests."""
        return _drive(self, state, seq, first)


def _drive(driver: _Driver, state: State, seq: int, first: list[ob.Observation]) -> Ending:
    repo, control, order = driver.repo, driver.control, driver.order
    layout = layout_for(repo.main_root or repo.root, control.root, order.settings, state.run)
    former = survey_former(layout, state)
    sweep_former_checks(layout.checks.parent)
    pool = _pool(repo, layout, order)
    count = _check_slots(order.limits)
    slots, gate_slots, after_slots = _slots(repo, layout, order.settings, count)
    box = Inbox(control.inbox, state.run)
    written = (layout.control, layout.worktrees, repo.common_dir / "objects")
    room = Room(written, lambda: state.limits.disk_floor_mb)
    scrubber = Scrubber(driver.secrets)
    scrubber.later_all(_left_unscrubbed(layout, state))
    with Nursery(), Watch() as watch:
        watch.add_fd(box.wake_fd)
        world = World(
            repo, layout, order.settings, state, order.environ, slots, gate_slots,
            Launches(watch, room, scrubber), room, templates_of(repo), former.in_use, scrubber,
            roles_of(repo), pool, after_slots,
        )  # fmt: skip
        engine = Engine(
            driver.journal, driver.lock, seq, world, watch, box, driver.listener,
            driver.on_interrupt, driver.tell, clock_in_use(),
        )  # fmt: skip
        limits = limits_for(state, order)
        level = containment().value
        up = ob.EngineUp(
            os.getpid(), __version__, boot_id(), level, limits, former.strays,
            environment_print(world, state),
        )  # fmt: skip
        try:
            asked = [driver.secrets.out_of(_outlived(each)) for each in box.read()]
            reason = engine.run([up, *first, *asked])
        finally:
            box.close()
            scrubber.close()
        if reason == "finished":
            empty_pool(repo, pool.folder)
            for each in (after_slots, gate_slots, slots):
                each.remove()
    return Ending(state.run, exit_code(state, time.time()), reason)


def _left_unscrubbed(layout: Layout, state: State) -> list[Path]:
    """Outputs that a former engine may not have come to."""
    turns = [
        layout.turn(attempt.id, launch)
        for attempt in state.live_attempts()
        for launch in range(1, attempt.launch + 1)
    ]
    return [*turns, *layout.checks.glob("*/*.*")]


KEPT_LIMITS = ("max_agents", "deliver", "budget_usd", "budget_tokens", "default_agent")
"""What a run was begun (or scaled) with stays until a flag says otherwise."""


def limits_for(state: State, order: Order) -> Limits:
    """The limits to go on with: the settings' and flags', but for what the run keeps."""
    kept = {name: getattr(state.limits, name) for name in KEPT_LIMITS if name not in order.given}
    return on_machine(replace(order.limits, **kept), order)


def on_machine(limits: Limits, order: Order) -> Limits:
    """The limits with what is known of this machine."""
    return replace(limits, check_slots=order.settings.check_slots, cores=os.cpu_count() or 1)


def _outlived(asked: ob.Asked) -> ob.Asked:
    """A stop or kill that no engine was there to obey is over: this engine was started after it."""
    return replace(asked, verb="outlived") if asked.verb in ("stop", "kill", "drain") else asked


def _pool(repo: Repository, layout: Layout, order: Order) -> Pool:
    """An empty pool: what a former engine had in it was its own affair."""
    chosen = order.settings.worktree.pool
    most = order.limits.max_agents if chosen is None else chosen
    pool = Pool(layout.worktrees / layout.run / POOL_FOLDER, most, may_write_below)
    empty_pool(repo, pool.folder)
    return pool


def _slots(
    repo: Repository, layout: Layout, settings: Settings, count: int
) -> tuple[Slots, Slots, Slots]:
    """Those for work, those for candidates, and the one for what landed."""
    folder, keep = layout.worktrees / layout.run, settings.check_keep
    counts = {"verify": count, "candidate": settings.check_slots, "after": 1}
    work, candidates, landed = (Slots(repo, folder, name, counts[name], keep) for name in counts)
    return work, candidates, landed


def _remove_slots_of_ended(
    repo: Repository, control: Control, journal: Journal, order: Order
) -> None:
    """An engine that died between the last event of its run and its own end left its slots."""
    runs = journal.runs()
    if not runs or runs[-1].state not in ENDED:
        return
    root = repo.main_root or repo.root
    layout = layout_for(root, control.root, order.settings, runs[-1].run)
    if (layout.worktrees / layout.run).is_dir():
        empty_pool(repo, layout.worktrees / layout.run / POOL_FOLDER)
        most = replace(order.settings, check_slots=GATE_SLOTS_MAX)  # they may have been more then
        for slots in _slots(repo, layout, most, CHECK_SLOTS_MAX):
            slots.remove()


def _check_slots(limits: Limits) -> int:
    """Checks of several attempts may run side by side; more than the cores only delays all."""
    return max(1, min(limits.max_agents, os.cpu_count() or 1, CHECK_SLOTS_MAX))


def _open_run(
    repo: Repository, journal: Journal, control: Control, order: Order
) -> tuple[State, int]:
    """The state to go on from: the last run's, or that of a new one, whose start is in the log."""
    runs = journal.runs()
    if runs and order.choice is Choice.CONTINUE:
        state, seq = fold(journal, runs[-1].run)
        if seq and _is_same(state, order):
            _require_same_target(state, order)
            return _reopened(state, control, order), seq
        if seq and state.end is None:
            raise UserError(
                f"cannot start {order.plan_source}: {state.run} is not finished and has another "
                "plan; try: gangsaw run (goes on with it), or gangsaw run --new PLAN"
            )
    plan, target, base = _require_start(repo, order)
    return _begin(repo, journal, order, plan, target, base)


def _require_same_target(state: State, order: Order) -> None:
    if order.target is not None and order.target != state.target:
        raise UserError(
            f"cannot go on with {state.run} on {order.target}: it lands on {state.target}; "
            f"try: gangsaw run --new --target {order.target} PLAN"
        )


def _is_same(state: State, order: Order) -> bool:
    return order.plan is None or order.plan == state.plan


def _reopened(state: State, control: Control, order: Order) -> State:
    """The last run, if there is still something to do in it or somebody asked for something."""
    if state.end is None or inbox.pending(control.inbox):
        return state
    left = [name for name, known in state.task_states.items() if not known.finished]
    if not left:
        total = len(state.tasks)
        raise NothingToDo(
            f"{state.run} has landed {total} of {total}; nothing to do. "
            "To run the plan once more: gangsaw run --new PLAN",
            exit_code=0,
        )
    code = exit_code(state, time.time())
    raise NothingToDo(
        f"{state.run} is over and {len(left)} of {len(state.tasks)} not landed; "
        f"try: gangsaw why {left[0]}, gangsaw retry {left[0]} and then gangsaw run",
        exit_code=code,
    )


def _require_start(repo: Repository, order: Order) -> tuple[Plan, str, str]:
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
    used = {task.agent or order.limits.default_agent for task in plan.tasks}
    for agent in order.settings.agents:
        program = program_of(agent)
        if agent.name not in used or program is None or "{" in program:
            continue
        path = dict(agent.env).get("PATH", order.environ.get("PATH"))
        relative = "/" in program and not program.startswith("/")
        if not relative and shutil.which(program, path=path) is None:
            raise UserError(
                f"cannot start agent '{agent.name}': its program '{program}' was not found; try "
                f"installing it, or giving its path in [agents.{agent.name}] of gangsaw.toml; "
                "see: gangsaw doctor"
            )


def _begin(
    repo: Repository, journal: Journal, order: Order, plan: Plan, target: str, base: str
) -> tuple[State, int]:
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
    )
    state, now = State(), time.time()
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


def roles_of(repo: Repository) -> Mapping[str, Role]:
    """The roles of the repository, by name."""
    return read_roles(repo.main_root or repo.root).roles


def templates_of(repo: Repository) -> dict[str, str]:
    """The user's own prompt templates, by turn kind."""
    folder = (repo.main_root or repo.root) / TEMPLATE_FOLDER
    found = {}
    for name in TEMPLATES:
        path = folder / f"{name}.md"
        if path.is_file():
            found[name] = path.read_text(encoding="utf-8")
    return found
