"""A second bookkeeping, from the events alone and without the core's code: what may happen next to
a task, an attempt, a launch. An event that may not is `Broken`.

The rules about attempts, turns and landings are in modules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gangsaw.core import events as ev
from gangsaw.core import events_resolving as er
from gangsaw.core.events import Cause
from gangsaw.core.events_checks import AFTER
from gangsaw.core.events_machine import MachineMeasured
from gangsaw.core.events_money import SpentElsewhere
from gangsaw.core.events_undo import Undone, undo_about, undone_by
from gangsaw.core.model import Check, Limits
from gangsaw.testing.simulation import (
    ledger_accounts,
    ledger_attempts,
    ledger_landing,
    ledger_seats,
    ledger_source,
    ledger_turns,
    ledger_watchdog,
)
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.lacking import Lacking
from gangsaw.testing.simulation.ledger_after import (
    AT_LANDING,
    AT_WORK,
    AfterPage,
    ends_well,
    names_of,
)
from gangsaw.testing.simulation.ledger_attempts import BLAMELESS_MAX, FINAL
from gangsaw.testing.simulation.ledger_governor import MachinePage
from gangsaw.testing.simulation.ledger_money import take_day, task_is_spent
from gangsaw.testing.simulation.ledger_order import Order
from gangsaw.testing.simulation.ledger_queue import Queue
from gangsaw.testing.simulation.ledger_radar import RadarBook
from gangsaw.testing.simulation.ledger_seats import SeatBook
from gangsaw.testing.simulation.pages import (
    BACKOFF_SPREAD,
    LIMIT_LEFT_MAX_S,
    RULES,
    AttemptPage,
    TaskPage,
    can_start_from,
    rule,
)
from gangsaw.testing.simulation.places import EVEN_AFTER, HOLDS_AFTER, PLACES
from gangsaw.testing.simulation.talk import Talk
from gangsaw.testing.simulation.world import World

MEASURED_LEAST_S = 10.0
"""Events of the meters are never closer."""

__all__ = ["Ledger", "ledger_attempts", "ledger_landing", "ledger_turns", "ledger_watchdog"]


@dataclass(slots=True)
class Ledger:
    """Everything the validators know about the run."""

    world: World
    limits: Limits
    gate: tuple[Check, ...]
    tasks: dict[str, TaskPage] = field(default_factory=dict)
    attempts: dict[str, AttemptPage] = field(default_factory=dict)
    failed_moves: dict[str, int] = field(default_factory=dict)
    """How often putting each on the integration branch has failed since it was wanted."""
    lacking: Lacking = field(default_factory=Lacking)
    talk: Talk = field(default_factory=Talk)
    queue: Queue = field(default_factory=Queue)
    radar: RadarBook = field(default_factory=RadarBook)
    after: AfterPage = field(default_factory=AfterPage)
    order: Order = field(default_factory=Order)
    used: dict[tuple[str, int], ev.UsageReported] = field(default_factory=dict)
    dearest: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Agent → dollars and tokens of the dearest of its launches."""
    told: dict[tuple[str, int], list[tuple[float, ev.UsageReported]]] = field(default_factory=dict)
    """All that launches have reported, and when (the engine's clock)."""
    day: int = -1
    elsewhere: dict[int, SpentElsewhere] = field(default_factory=dict)
    seats: SeatBook = field(default_factory=SeatBook)
    wave: tuple[str, ...] = ()
    waves: int = 0
    account_limits: dict[str, float] = field(default_factory=dict)
    """Account → until when a usage limit holds its agents back (the engine's clock)."""
    limited_since: dict[str, float] = field(default_factory=dict)
    accounts: dict[str, ledger_accounts.AccountPage] = field(default_factory=dict)
    """Those that were asked to send less."""
    landed: list[str] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)
    head: str = ""
    checked: str = ""
    """Where the integration branch was when we moved it last."""
    paused: bool = False
    draining: bool = False
    stopping: bool = False
    pressure: bool = False
    measured_at: float | None = None
    ended: bool = False
    machine: MachinePage = field(default_factory=MachinePage)

    # --- what the naive answers need ------------------------------------------------------------

    def live(self) -> list[tuple[str, AttemptPage]]:
        """Attempts that may still act."""
        return [(name, page) for name, page in self.attempts.items() if page.live]

    def spent(self, task: str | None = None) -> float:
        """Dollars of the run, or of one task."""
        return sum(
            used.cost_usd or 0.0
            for (attempt, _), used in self.used.items()
            if task is None or self.attempts[attempt].task == task
        )

    def guessed(self) -> float:
        """Dollars that were estimated, of launches that told none."""
        return sum(u.estimated_usd or 0.0 for u in self.used.values() if u.cost_usd is None)

    def fallback_of(self, agent: str) -> str:
        """The configured fallback of an agent, if that begins anything, or nothing."""
        return ledger_seats.fallback_of(self, agent)

    def is_limited(self, agent: str, at: float) -> bool:
        """Whether the agent's usage limit has not ended."""
        return self.account_limits.get(self.account_of(agent), 0.0) > at

    def account_of(self, agent: str) -> str:
        """Whose usage limit it is that the agent meets."""
        named = [slots.account for slots in self.limits.agents if slots.name == agent]
        return (named and named[0]) or agent

    def instead_of(self, agent: str, at: float) -> str:
        """The agent, or its fallback where only that one can."""
        return ledger_seats.instead_of(self, agent, at)

    def has_free_slot(self, agent: str, own: AttemptPage | None = None) -> bool:
        """Whether one more attempt of this agent may hold a slot; `own`: whether this one may,
        which needs none that it has."""
        others = [page for _, page in self.live() if page is not own and page.holds]
        has_one = own is not None and bool(own.holds)
        has_own = own is not None and own.holds == "agent" and own.seat == agent
        begun = own is not None and agent in (own.agent, own.seat)
        return (has_one or len(others) < self.limits.max_agents) and (
            has_own or ledger_seats.has_place(self, agent, others, begun=begun)
        )

    def gate_of_work(self, page: AttemptPage) -> set[str]:
        """Names of the checks that the attempt's own work must have passed."""
        checks = (*self.gate, *self.tasks[page.task].task.checks)
        return names_of(checks, AT_WORK, page.paths)

    def all_checks(self) -> set[str]:
        """Names of all checks of the run and its tasks."""
        checks = [check for page in self.tasks.values() for check in page.task.checks]
        return {check.name for check in (*self.gate, *checks)}

    def gate_of_landing(self, about: str, commit: str) -> set[str]:
        """Names of the checks that a tree must have passed before it lands: those of all the work
        that comes with it, and those of every task whose landing is not in the first base of each
        of those tasks."""
        trees = self.world.trees
        checks, bases = list(self.gate), []
        for own in self.coming_with(commit):
            checks += own.task.checks
            bases.append(trees.commits[own.first_base].above)
        undone = undone_by(about)
        for task in self.landed:
            known = bases and all(self.tasks[task].landed in above for above in bases)
            if task != undone and not known:
                checks += self.tasks[task].task.checks
        special = about not in self.attempts
        paths = None if special else trees.paths_between(self.head, commit)
        return names_of(checks, AT_LANDING, paths)

    def coming_with(self, commit: str) -> list[TaskPage]:
        """The tasks whose sealed work is in the commit and not yet on the integration branch."""
        trees = self.world.trees
        fresh = trees.commits[commit].above - trees.commits[self.head].above
        return [
            self.tasks[page.task]
            for page in self.attempts.values()
            if page.live and page.sealed in fresh
        ]

    # --- events ---------------------------------------------------------------------------------

    def take(self, event: ev.Event, at: float) -> None:
        """Check that the event may happen now, and note it."""
        self.lacking.take(event)
        if event.kind in ("landing.wanted", "landing.missed", "landed"):
            self.failed_moves.pop(event.subject, None)
        if isinstance(event, Undone):
            self.failed_moves.pop(undo_about(event.task), None)
        if isinstance(event, ev.TargetMergeFailed):
            self.failed_moves.pop(ev.TARGET, None)
        self.queue.take(self, event, at)
        self.radar.take(self, event)
        take_day(self, event, at)
        made = RULES.get(type(event))
        if made is not None:
            made(self, event, at)
        self.talk.take(self, event, at)
        self.order.take(self, event, at)
        self.machine.take(self, event, at)
        page = self.attempts.get(event.subject)
        if page is not None:
            self._move(page, event)

    def _move(self, page: AttemptPage, event: ev.Event) -> None:
        kind = event.kind
        if not page.live and kind not in EVEN_AFTER:
            raise Broken(f"{kind} of an attempt of {page.task} that has ended")
        told_to_stop = page.place == "stop.wanted" and kind == "turn.started"
        if kind in PLACES and not told_to_stop:
            page.place = kind
        if kind in HOLDS_AFTER and not _is_open(event):
            page.holds = HOLDS_AFTER[kind]
        if kind in ("attempt.failed", "landed", "task.done"):
            page.live = False


def _is_open(event: ev.Event) -> bool:
    """Whether checks have ended without a verdict, and are made again."""
    inconclusive = ev.Judgement.INCONCLUSIVE
    return isinstance(event, ev.VerdictReached) and event.judgement is inconclusive


# --- run ----------------------------------------------------------------------------------------


@rule(ev.IntegrationReady)
def _(book: Ledger, event: ev.IntegrationReady, at: float) -> None:
    book.head = event.commit


@rule(ev.EngineStarted)
def _(book: Ledger, event: ev.EngineStarted, at: float) -> None:
    book.stopping = False
    book.failed_moves.clear()
    book.after.failed = 0
    longest_s = BACKOFF_SPREAD * book.limits.backoff_max_s
    for page in book.tasks.values():
        most_s = LIMIT_LEFT_MAX_S if page.last_cause is Cause.LIMITED else longest_s
        page.retry_at = min(page.retry_at, at + most_s)
    for attempt in book.attempts.values():
        if attempt.parked_until is not None:
            most_s = LIMIT_LEFT_MAX_S if attempt.told else longest_s
            attempt.parked_until = min(attempt.parked_until, at + most_s)
    for account, until in book.account_limits.items():
        book.account_limits[account] = min(until, at + LIMIT_LEFT_MAX_S)
    ledger_accounts.count_anew(book, at)
    if book.draining:
        book.paused = book.draining = False


@rule(ev.RunFinished)
def _(book: Ledger, event: ev.RunFinished, at: float) -> None:
    if book.ended or book.live():
        raise Broken("the run ends twice, or with live attempts")
    landed = all(page.finished or (page.cancelled and page.by_file) for page in book.tasks.values())
    if landed != (event.end is ev.RunEnd.LANDED):
        raise Broken(f"the run ends as {event.end}, which is not so")
    ends_well(book)
    ledger_source.check_all_came(book)
    book.ended = True


@rule(ev.RunReopened)
def _(book: Ledger, event: ev.RunReopened, at: float) -> None:
    book.ended = False


@rule(ev.LimitsChanged)
def _(book: Ledger, event: ev.LimitsChanged, at: float) -> None:
    book.limits = event.limits


@rule(ev.Paused)
def _(book: Ledger, event: ev.Paused, at: float) -> None:
    book.paused, book.draining = True, event.drain


@rule(ev.Resumed)
def _(book: Ledger, event: ev.Resumed, at: float) -> None:
    book.paused = book.draining = False


@rule(ev.StopAllWanted)
def _(book: Ledger, event: ev.StopAllWanted, at: float) -> None:
    book.stopping = True


@rule(ev.PressureChanged)
def _(book: Ledger, event: ev.PressureChanged, at: float) -> None:
    book.pressure = event.level is not ev.Pressure.NONE


@rule(MachineMeasured)
def _(book: Ledger, event: MachineMeasured, at: float) -> None:
    told = [one.attempt for one in event.measure.agents]
    if not told or len(told) != len(set(told)) or any(name not in book.attempts for name in told):
        raise Broken(f"{told} are measured")
    # A clock that was set back says nothing about how long ago that was.
    if book.measured_at is not None and 0 <= at - book.measured_at < MEASURED_LEAST_S:
        raise Broken(f"the machine is measured again after {at - book.measured_at:.1f} s")
    book.measured_at = at


@rule(ev.EffectFailed)
def _(book: Ledger, event: ev.EffectFailed, at: float) -> None:
    if event.about == AFTER and not event.no_room:
        book.after.failed += 1
    if event.action == "MoveIntegration" and not event.no_room:
        book.failed_moves[event.about] = book.failed_moves.get(event.about, 0) + 1


@rule(ev.ClockJumped)
def _(book: Ledger, event: ev.ClockJumped, at: float) -> None:
    ledger_accounts.shift(book, event, at)
    if event.why is not ev.Jump.SET:
        return
    for page in book.tasks.values():
        if page.last_cause is not Cause.LIMITED or event.seconds < 0:
            page.retry_at += event.seconds
    for attempt in book.attempts.values():
        if attempt.parked_until is not None and not (attempt.told and event.seconds > 0):
            attempt.parked_until += event.seconds
    if event.seconds < 0:
        for account in book.account_limits:
            book.account_limits[account] += event.seconds


@rule(ev.Requested)
def _(book: Ledger, event: ev.Requested, at: float) -> None:
    if event.key in book.requests:
        raise Broken(f"request {event.key} is taken twice")
    book.requests.add(event.key)


# --- tasks --------------------------------------------------------------------------------------


@rule(ev.TaskGivenUp)
def _(book: Ledger, event: ev.TaskGivenUp, at: float) -> None:
    page = book.tasks[event.task]
    justified = (
        page.tries >= (page.task.attempts or book.limits.attempts_max)
        or page.last_cause in FINAL
        or page.crashes > book.limits.crashes_max
        or page.blameless >= BLAMELESS_MAX
        or task_is_spent(book, event.task)
    )
    if not justified:
        raise Broken(f"{event.task} is given up after {page.tries} tries: {event.text}")
    page.given_up = True


@rule(ev.TaskCancelled)
def _(book: Ledger, event: ev.TaskCancelled, at: float) -> None:
    page = book.tasks[event.task]
    page.resolved_by = page.given = ""
    current = book.attempts.get(page.current)
    if current is None or not current.live:
        page.cancelled = True
    else:
        page.cancel_asked = True


@rule(ev.TaskReopened)
def _(book: Ledger, event: ev.TaskReopened, at: float) -> None:
    _take_up(book, event.task, event.start)
    book.tasks[event.task].given = ""


@rule(er.ResolutionGiven)
def _(book: Ledger, event: er.ResolutionGiven, at: float) -> None:
    _take_up(book, event.task, event.ref)
    book.tasks[event.task].given = event.ref


@rule(er.ResolvingWanted)
def _(book: Ledger, event: er.ResolvingWanted, at: float) -> None:
    if book.tasks[event.task].resolved_by or book.tasks[event.task].finished:
        raise Broken(f"{event.task} is to be resolved by two, or has landed")
    book.tasks[event.task].resolved_by = event.by


@rule(er.ResolvingLeft)
def _(book: Ledger, event: er.ResolvingLeft, at: float) -> None:
    book.tasks[event.task].resolved_by = ""


def _take_up(book: Ledger, task: str, start: str) -> None:
    page = book.tasks[task]
    page.resolved_by = ""
    if page.finished:
        raise Broken(f"{task} is taken up again though it has landed")
    can_start_from(page, start)
    page.given_up = page.cancelled = page.cancel_asked = page.undone = False
    page.tries = page.crashes = page.blameless = 0
    page.retry_at, page.last_cause = 0.0, None
    book.machine.stops.pop(task, None)


@rule(ev.Scaled)
def _(book: Ledger, event: ev.Scaled, at: float) -> None:
    book.limits = replace(book.limits, max_agents=event.max_agents)
