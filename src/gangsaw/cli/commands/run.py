"""`gangsaw run`: begin a run, or go on with the last one."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from gangsaw.cli.config_option import config_option
from gangsaw.cli.interrupts import Interrupts
from gangsaw.cli.project import Project, open_project
from gangsaw.cli.rehearsing import show_rehearsal
from gangsaw.cli.reported import serial_s
from gangsaw.cli.schedule_options import schedule_options
from gangsaw.cli.trusting import require_agreement
from gangsaw.core.errors import UserError
from gangsaw.core.events import Event, RunStarted
from gangsaw.core.model import Deliver, Limits, Plan
from gangsaw.core.policy.delivery import by_hand, is_push_wanted
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event
from gangsaw.engine.start import Choice, Ending, Order, drive, secrets_of
from gangsaw.engine.unlanded import NothingToDo, Rest
from gangsaw.git import branch_ref, read_ref
from gangsaw.plan import Complaint, RolesRead, read_plan_file, read_roles
from gangsaw.procs.detach import start_detached
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.views.live import Facts, Live, asking, summary
from gangsaw.views.status import NAMES_MAX, named, status_object

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")
DETACH_WAIT_S = 20.0
DETACH_POLL_S = 0.05


@dataclass(slots=True)
class Watcher:
    """Hands every turn to the screen, and remembers the last state for the summary."""

    screen: Facts | Live
    state: State | None = None
    ended_at: float = field(default_factory=time.time)

    def __call__(
        self, state: State, events: Sequence[Event], now: float, activities: Mapping[str, str]
    ) -> None:
        self.state, self.ended_at = state, now
        self.screen.told(state, events, now, activities)


@click.command(epilog="Exit codes: 0 all landed, 1 something failed, 2 usage, 3 needs a person, "
               "4 stopped by a limit, 130 interrupted.")  # fmt: skip
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("-n", "--max-agents", type=click.IntRange(1), help="At most so many agents at once.")
@click.option("--batched/--no-batched", "batched", default=None,
              help="In waves: the next start when all that started together ended.")  # fmt: skip
@click.option("--agent", help="The default agent (a name of [agents.NAME]).")
@click.option("--only", "only", multiple=True, metavar="TASK", help="Only this task and its needs.")
@click.option(
    "--target", metavar="BRANCH", help="Branch to land on (default: the checked-out one)."
)
@click.option("--deliver", type=click.Choice([mode.value for mode in Deliver]),
              help="When the target branch is moved to what landed.")  # fmt: skip
@click.option("--budget", type=click.FloatRange(0), help="Dollars that the run may cost.")
@click.option("--budget-tokens", type=click.IntRange(0), help="Tokens that the run may use.")
@config_option
@click.option(
    "--new", "new", is_flag=True, help="Begin a new run even if the last is not finished."
)
@click.option("--dry-run/--no-dry-run", default=None,
              help="Show what would start in which order; do nothing.")  # fmt: skip
@click.option("--verbose", is_flag=True,
              help="With --dry-run: also what each agent would be told.")  # fmt: skip
@click.option("--detach", is_flag=True, help="Leave the engine running in the background.")
@click.option("--trust-setup", is_flag=True,
              help="Agree to the setup of [worktree] as it is now; see: gangsaw trust")  # fmt: skip
@click.option("--on-interrupt", type=click.Choice(["detach", "pause", "stop"]),
              help="What Ctrl-C does without a terminal to ask on.")  # fmt: skip
@schedule_options
@click.option("--plain", is_flag=True, help="One line per fact, also on a terminal.")
@click.option("--json", "as_json", is_flag=True,
              help="The last line is the status object, or what would be done.")  # fmt: skip
@click.pass_context
def command(context: click.Context, /, plan: Path | None, **options: object) -> None:
    """Run PLAN (default: plan.yaml), or go on with the last run where it stopped.

    \b
    gangsaw run plan.yaml              run it, or go on with it
    gangsaw run --max-agents 6         at most six agents at once
    gangsaw run --dry-run              what would start, in which order
    gangsaw run --detach               in the background; then: gangsaw status --watch
    gangsaw run --every 10m --for 6h   on a schedule; see also: gangsaw schedule --help
    """
    asked = Asked(**options)  # type: ignore[arg-type]
    folder = Path.cwd()
    project = open_project(folder, os.environ, asked.config)
    for warning in project.warnings:
        click.echo(f"gangsaw: warning: {warning}", err=True)
    if asked.dry_run is None:
        asked = replace(asked, dry_run=project.settings.dry_run)
    if asked.verbose and not asked.dry_run:
        raise UserError("cannot be verbose about a real run; try: gangsaw run --dry-run --verbose",
                        exit_code=2)  # fmt: skip
    order = asked_order(project, folder, plan, asked)
    if asked.is_schedule:
        from gangsaw.cli.scheduling import run_on_schedule

        require_agreement(project.repo, project.settings.worktree.setup, agreed=asked.trust_setup)
        context.exit(run_on_schedule(project, plan or _beside(project, folder), asked))
    if asked.dry_run:
        show_rehearsal(project.repo, order, verbose=asked.verbose, as_json=asked.as_json)
        return
    require_agreement(project.repo, project.settings.worktree.setup, agreed=asked.trust_setup)
    if asked.detach:
        _detach(project, asked)
    else:
        code = _drive(project, order, asked)
        context.exit(code)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options. `tick` is how a scheduler begins a run: fields of `Rest`, as JSON."""

    max_agents: int | None
    batched: bool | None
    agent: str | None
    only: tuple[str, ...]
    target: str | None
    deliver: str | None
    budget: float | None
    budget_tokens: int | None
    config: Path | None
    new: bool
    dry_run: bool | None
    verbose: bool
    detach: bool
    trust_setup: bool
    on_interrupt: str | None
    unlanded: bool
    every_s: float | None
    for_s: float | None
    cron: str | None
    repeat: bool
    tries: int
    tick: str | None
    plain: bool
    as_json: bool

    @property
    def is_schedule(self) -> bool:
        """Whether it is to be run again and again. `UsageError` where that makes no sense."""
        found = [
            name for name, value in (("--every", self.every_s), ("--cron", self.cron)) if value
        ]
        if len(found) > 1:
            raise click.UsageError("--every and --cron exclude each other")
        if not found and (self.for_s or self.repeat):
            raise click.UsageError("--for and --repeat need --every or --cron")
        if found and (self.new or self.dry_run):
            raise click.UsageError(
                f"{found[0]} goes with neither --new nor --dry-run; see --repeat"
            )
        if self.unlanded and self.dry_run:
            raise click.UsageError("--dry-run shows the whole plan; leave --unlanded out")
        return bool(found)

    @property
    def rest(self) -> Rest | None:
        """What is asked of a run that does only what is left of its plan."""
        if self.tick is not None:
            return Rest(**json.loads(self.tick))
        return Rest() if self.unlanded or self.is_schedule else None


@dataclass(frozen=True, slots=True)
class _Chosen:
    plan: Plan | None
    source: str


def asked_order(project: Project, folder: Path, plan: Path | None, asked: Asked) -> Order:
    """The order for an engine, its plan read; `UserError` with every fault of it."""
    return _order(project, _read(project, folder, plan, asked), asked)


def _read(project: Project, folder: Path, given: Path | None, asked: Asked) -> _Chosen:
    """The plan asked for; none when the last run is to be gone on with."""
    begins = asked.new or asked.dry_run is True or bool(asked.only)
    beside = _beside(project, folder)
    path = given or (beside if begins or _is_over(project) else None)
    if asked.rest is not None and not asked.new and not _is_over(project):
        beside = path or beside
        path = None
    if path is None:
        if beside is not None:
            _warn_of_other_plan(project, beside)
        return _Chosen(None, "")
    known = [agent.name for agent in project.settings.agents]
    read = read_plan_file(
        path, known_agents=known, checked=bool(project.settings.checks), roles=_roles(project)
    )
    _tell(read.warnings)
    if read.plan is None:
        raise UserError("\n".join(str(complaint) for complaint in read.errors))
    return _Chosen(_narrowed(read.plan, asked.only), str(path))


def _warn_of_other_plan(project: Project, beside: Path) -> None:
    """The plan that lies here may have been changed since the run that goes on was begun."""
    with open_journal(Control(project.repo.control_dir).journal, writer=False) as journal:
        run = journal.runs()[-1].run
        first = next(iter(journal.read(run, limit=1)))
    accepted = decode_event(first.kind, first.body)
    lying = read_plan_file(beside, roles=_roles(project)).plan
    if isinstance(accepted, RunStarted) and lying is not None:
        lying = secrets_of(project.repo, project.settings, os.environ).out_of_plan(lying)
    if isinstance(accepted, RunStarted) and lying is not None and lying != accepted.plan:
        click.echo(
            f"gangsaw: warning: {beside.name} differs from the plan of {run}, which goes on as it "
            f"was begun; to begin anew: gangsaw run --new {beside.name}",
            err=True,
        )


def _roles(project: Project) -> RolesRead:
    return read_roles(project.repo.main_root or project.repo.root)


def _beside(project: Project, folder: Path) -> Path | None:
    """The plan lying about."""
    places = (folder, project.repo.root)
    return next((p / name for p in places for name in PLAN_NAMES if (p / name).is_file()), None)


def _is_over(project: Project) -> bool:
    journal_path = Control(project.repo.control_dir).journal
    if not journal_path.exists():
        return True
    with open_journal(journal_path, writer=False) as journal:
        runs = journal.runs()
        return not runs or runs[-1].state in ("landed", "failed")


def _narrowed(plan: Plan, only: tuple[str, ...]) -> Plan:
    """The plan with only the named tasks and all they need."""
    if not only:
        return plan
    tasks = {task.id: task for task in plan.tasks}
    wanted, open_names = set[str](), list(only)
    while open_names:
        name = open_names.pop()
        if name not in tasks:
            raise UserError(
                f"cannot run only '{name}': there is no such task; try: gangsaw plan show"
            )
        if name not in wanted:
            wanted.add(name)
            open_names.extend(tasks[name].needs)
    return replace(plan, tasks=tuple(task for task in plan.tasks if task.id in wanted))


def _tell(complaints: Sequence[Complaint]) -> None:
    for complaint in complaints:
        click.echo(f"gangsaw: warning: {complaint}", err=True)


def _order(project: Project, chosen: _Chosen, asked: Asked) -> Order:
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
    )


def _given(asked: Asked) -> frozenset[str]:
    """The limits that were asked for by flag."""
    flags = {
        "max_agents": asked.max_agents,
        "batched": asked.batched,
        "deliver": asked.deliver,
        "budget_usd": asked.budget,
        "budget_tokens": asked.budget_tokens,
        "default_agent": asked.agent,
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
    if asked.agent is not None:
        if project.settings.agent(asked.agent) is None:
            names = ", ".join(agent.name for agent in project.settings.agents)
            raise UserError(f"cannot use agent '{asked.agent}': try one of {names}")
        limits = replace(limits, default_agent=asked.agent)
    return limits


def _drive(project: Project, order: Order, asked: Asked) -> int:
    stream = sys.stderr if asked.as_json else sys.stdout
    live = stream.isatty() and not asked.plain and os.environ.get("TERM") != "dumb"
    screen = Live(stream) if live else Facts(stream)
    watcher = Watcher(screen)
    interrupts = Interrupts(asked.on_interrupt or project.settings.on_interrupt, screen)
    try:
        ending = drive(project.repo, order, watcher, interrupts, _tell_now)
    except NothingToDo as nothing:
        click.echo(nothing.text, err=asked.as_json)
        _print_status(project, asked)
        return nothing.exit_code
    finally:
        screen.close()
    if watcher.state is not None:
        taken_s = serial_s(Control(project.repo.control_dir), watcher.state.run)
        print(summary(watcher.state, watcher.ended_at, taken_s), file=stream)
        _print_next(watcher.state, ending, watcher.ended_at)
        _print_moved(project, watcher.state)
    if interrupts.detach_asked:
        _detach(project, asked, left=True)
        return 0
    _print_status(project, asked)
    return ending.code


def _tell_now(said: str) -> None:
    """Say what is in no event (yet) to whoever watches."""
    with suppress(OSError):
        print(f"gangsaw: {said}", file=sys.stderr, flush=True)


def _print_next(state: State, ending: Ending, now: float) -> None:
    """What a person has to do now, if anything. What needs one may have been said by an earlier
    engine, or long ago."""
    if names := asking(state, now):
        needs = "need" if len(names) > 1 else "needs"
        print(f"{named(names, NAMES_MAX)} {needs} you: gangsaw status", file=sys.stderr)
    if state.delivery.blocked and state.limits.deliver is not Deliver.NEVER:
        what = "pushed" if is_push_wanted(state) else "moved"
        print(f"{state.target} was not {what}: {state.delivery.blocked}", file=sys.stderr)
        print("Everything landed is on " f"{state.integration}; afterwards: gangsaw run",
              file=sys.stderr)  # fmt: skip
    elif commands := by_hand(state):
        print("To take it over:", *commands, sep="\n  ", file=sys.stderr)
    elif ending.reason in ("stopped", "paused", "detached"):
        print("Nothing is lost. To go on: gangsaw run", file=sys.stderr)


def _print_moved(project: Project, state: State) -> None:
    """That the integration branch is not where gangsaw has left it: what is on it now has not been
    checked."""
    if not state.checked_head or any(link.wanted for link in state.landings):
        return
    tip, checked = read_ref(project.repo, branch_ref(state.integration)), state.checked_head
    if tip == checked:
        return
    found = f"was moved to {tip[:10]}, which is not checked" if tip else "does not exist any more"
    print(
        f"{state.integration} {found}; what landed is at {checked[:10]}: "
        f"git branch -f {shlex.quote(state.integration)} {checked[:10]}",
        file=sys.stderr,
    )


def _print_status(project: Project, asked: Asked) -> None:
    if not asked.as_json:
        return
    control = Control(project.repo.control_dir)
    with open_journal(control.journal, writer=False) as journal:
        run = journal.runs()[-1].run
        found = status_object(journal, run, WriterLock.holder(control.lock))
    print(json.dumps(found))


def _detach(project: Project, asked: Asked, *, left: bool = False) -> None:
    """Start the same command in the background, and wait until its engine holds the lock. `left`:
    a foreground run was left for it, so it goes on with that run."""
    control = make_control(project.repo.control_dir)
    holder = WriterLock.holder(control.lock)
    if holder is not None:
        raise UserError(
            f"cannot run: another gangsaw (pid {holder.pid}) is running this repository"
        )
    log = control.root / "engine.log"
    said_before = log.stat().st_size if log.exists() else 0
    # What stands before `run` (such as -C DIR) is done already.
    words = sys.argv[sys.argv.index("run") :]
    dropped = ("--detach", "--json", "--new") if left else ("--detach", "--json")
    again = [word for word in words if word not in dropped]
    # -P: what lies in the repository is no module of ours, whatever it is called.
    argv = [sys.executable, "-P", "-m", "gangsaw", *again, "--plain"]
    pid = start_detached(argv, cwd=Path.cwd(), log=log)
    deadline = time.monotonic() + DETACH_WAIT_S
    while time.monotonic() < deadline:
        found = WriterLock.holder(control.lock)
        if found is not None and found.pid == pid:
            see = "See: gangsaw status --watch, gangsaw stop"
            click.echo(f"Running in the background (pid {pid}). {see}", err=asked.as_json)
            _print_status(project, asked)
            return
        if not _is_alive(pid):
            break
        time.sleep(DETACH_POLL_S)
    tail = log.read_bytes()[said_before:].decode(errors="replace")[-1500:]
    if _finished_already(project, pid):
        click.echo(f"Already finished. See: gangsaw status\n{tail}", err=asked.as_json)
        _print_status(project, asked)
        return
    raise UserError(f"cannot start the engine in the background; it said:\n{tail}")


def _is_alive(pid: int) -> bool:
    done, _ = os.waitpid(pid, os.WNOHANG)
    return done == 0


def _finished_already(project: Project, pid: int) -> bool:
    journal_path = Control(project.repo.control_dir).journal
    if not journal_path.exists():
        return False
    with open_journal(journal_path, writer=False) as journal:
        runs = journal.runs()
        started = journal.read(runs[-1].run) if runs else iter(())
        return any(row.kind == "engine.started" and row.body["pid"] == pid for row in started)
