"""Begin a run, or take up the last one, and drive it to its rest."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from gangsaw import __version__
from gangsaw.core import observations as ob
from gangsaw.core.errors import UserError
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.policy.money import is_daily
from gangsaw.core.state import State
from gangsaw.core.status import exit_code
from gangsaw.engine.beginning import open_run, require_start
from gangsaw.engine.clock import clock_in_use
from gangsaw.engine.effects.resolving import means_from
from gangsaw.engine.elsewhere import spent_elsewhere
from gangsaw.engine.fingerprints import environment_print
from gangsaw.engine.former import survey_former
from gangsaw.engine.guidance import roles_of, templates_of
from gangsaw.engine.launches import Launches
from gangsaw.engine.layout import Layout, layout_for
from gangsaw.engine.loop import Engine, InterruptAnswer, Listener, Teller, fold
from gangsaw.engine.order import Choice, Ending, Order, limits_for, without_secrets
from gangsaw.engine.recruits import Recruits
from gangsaw.engine.requests import Inbox
from gangsaw.engine.room import Room
from gangsaw.engine.scrubbing import Scrubber
from gangsaw.engine.secrets import Secrets, secrets_of
from gangsaw.engine.shared_folders import check_slots, pool_for, remove_slots_of_ended, slots_for
from gangsaw.engine.unlanded import ENDED, rest_of
from gangsaw.engine.watchdog import Keeper
from gangsaw.engine.world import World
from gangsaw.git import Repository, empty_pool, prove_signing, require_remote
from gangsaw.procs import Nursery, Watch, boot_id, containment
from gangsaw.store import inbox
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import Held, HeldBy, WriterLock
from gangsaw.store.reserve import ensure_reserve
from gangsaw.verify import sweep_former_checks


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
    order = without_secrets(order, secrets)
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
        remove_slots_of_ended(repo, control, journal, order)
        order = _narrowed(repo, control, journal, order)
        drive_on = _Driver(
            repo, control, journal, lock, order, listener, on_interrupt, tell, secrets
        )
        if order.choice is Choice.NEW:
            require_start(repo, order)
            drive_on.end_agents_of_last_run()
        return drive_on(*open_run(repo, journal, control, order, time.time()), first=[])


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
    task_file = order.task_file
    if task_file is not None and order.plan is not None and len(plan.tasks) < len(order.plan.tasks):
        # What is left alone does not come back as news of the file.
        names = {task.id for task in plan.tasks}
        entries = tuple(entry for entry in task_file.entries if entry.task in names)
        task_file = replace(task_file, entries=entries, narrowed=True)
    return replace(order, plan=plan, choice=Choice.NEW, task_file=task_file)


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
        if _agents_alive(state):
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
    pool = pool_for(repo, layout, order)
    count = check_slots(order.limits)
    slots, gate_slots, after_slots = slots_for(repo, layout, order.settings, count)
    recruits = Recruits(order.reread, order.environ, driver.secrets.learn_agent)
    box = Inbox(control.inbox, state.run, recruits.complete)
    written = (layout.control, layout.worktrees, repo.common_dir / "objects")
    room = Room(written, lambda: state.limits.disk_floor_mb)
    scrubber = Scrubber(driver.secrets)
    scrubber.later_all(_left_unscrubbed(layout, state))
    keeper = Keeper(layout.attempts, limits_for(state, order))
    with Nursery(), Watch() as watch:
        watch.add_fd(box.wake_fd)
        world = World(
            repo, layout, order.settings, state, order.environ, slots, gate_slots,
            Launches(watch, room, scrubber), room, templates_of(repo), former.in_use, scrubber,
            roles_of(repo), pool, after_slots, recruits.taken, keeper,
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
            others: list[ob.Observation] = []
            if is_daily(limits):
                others = [spent_elsewhere(driver.journal, state.run, clock_in_use().wall())]
            reason = engine.run([up, *others, *first, *asked])
        finally:
            box.close()
            scrubber.close()
            keeper.close(dismiss=not _agents_alive(state))
        if reason == "finished":
            empty_pool(repo, pool.folder)
            for each in (after_slots, gate_slots, slots):
                each.remove()
    return Ending(state.run, exit_code(state, time.time()), reason)


def _agents_alive(state: State) -> bool:
    return any(attempt.phase in AGENT_ALIVE for attempt in state.live_attempts())


def _left_unscrubbed(layout: Layout, state: State) -> list[Path]:
    """Outputs that a former engine may not have come to."""
    turns = [
        layout.turn(attempt.id, launch)
        for attempt in state.live_attempts()
        for launch in range(1, attempt.launch + 1)
    ]
    return [*turns, *layout.checks.glob("*/*.*")]


def _outlived(asked: ob.Asked) -> ob.Asked:
    """A stop or kill that no engine was there to obey is over: this engine was started after it."""
    return replace(asked, verb="outlived") if asked.verb in ("stop", "kill", "drain") else asked
