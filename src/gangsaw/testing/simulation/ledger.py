"""A second bookkeeping, from the events alone and without the core's code: what may happen next to
a task, an attempt, a launch. An event that may not is `Broken`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core.events import Cause
from gangsaw.core.events_undo import undone_by
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Check, Limits, Review, Task, Workspace
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.lacking import Lacking
from gangsaw.testing.simulation.reasons import Reasons
from gangsaw.testing.simulation.trees import owner
from gangsaw.testing.simulation.world import World

FREE_OF_CHARGE = {
    *(Cause.CRASHED, Cause.LIMITED, Cause.CANCELLED, Cause.STOPPED, Cause.UNDONE),
    *(Cause.NO_ROOM, Cause.INCONCLUSIVE),
}
AT_ONCE = {Cause.STOPPED, Cause.CANCELLED, Cause.CONFLICT, Cause.UNMERGED, Cause.UNDONE}
FINAL = {Cause.EMPTY, Cause.REFUSED, Cause.UNCOMMITTED}
BLAMELESS = {Cause.NO_ROOM, Cause.INCONCLUSIVE}
BLAMELESS_MAX = 5
NEVER_RAN_MAX = 5
LAUNCHES_BESIDES_TURNS = NEVER_RAN_MAX + 3 + 2
"""Launches that never ran, sessions taken up again, and two that raced with their stop."""

TAKES_SLOT = {"attempt.admitted", "turn.wanted", "inspection.wanted", "review.approved"}
GIVES_SLOT = {
    "work.faulty",
    "work.returned",
    "review.opened",
    "change.queued",
    "attempt.failed",
    "landed",
    "task.done",
}


@dataclass(slots=True)
class AttemptPage:
    """One attempt: `place` is the wire name of the last event that moved it."""

    task: str
    agent: str
    place: str = "attempt.admitted"
    holds_slot: bool = True
    slots_then: int = 0
    launch: int = 0
    ended_launch: int = 0
    never_ran: int = 0
    sealed: str = ""
    approved: bool = False
    live: bool = True
    began: float = 0.0


@dataclass(slots=True)
class TaskPage:
    """One task."""

    task: Task
    finished: bool = False
    given_up: bool = False
    cancelled: bool = False
    cancel_asked: bool = False
    retry_at: float = 0.0
    number: int = 0
    tries: int = 0
    blameless: int = 0
    crashes: int = 0
    last_cause: Cause | None = None
    current: str = ""
    first_base: str = ""
    landed: str = ""
    undone: bool = False
    undo_wanted: bool = False
    outdated: int = 0


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
    costs: dict[tuple[str, int], float] = field(default_factory=dict)
    landed: list[str] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)
    head: str = ""
    paused: bool = False
    draining: bool = False
    stopping: bool = False
    pressure: bool = False
    ended: bool = False

    # --- what the naive answers need ------------------------------------------------------------

    def live(self) -> list[tuple[str, AttemptPage]]:
        """Attempts that may still act."""
        return [(name, page) for name, page in self.attempts.items() if page.live]

    def spent(self, task: str | None = None) -> float:
        """Dollars of the run, or of one task."""
        return sum(
            cost
            for (attempt, _), cost in self.costs.items()
            if task is None or self.attempts[attempt].task == task
        )

    def slots_of(self, agent: str) -> int | None:
        """The configured slots of an agent."""
        return next((a.slots for a in self.limits.agents if a.name == agent), None)

    def has_free_slot(self, agent: str) -> bool:
        """Whether one more attempt of this agent may hold a slot."""
        holding = [page.agent for _, page in self.live() if page.holds_slot]
        most = self.slots_of(agent)
        return len(holding) < self.limits.max_agents and (
            most is None or holding.count(agent) < most
        )

    def gate_of_work(self, task: str) -> set[str]:
        """Names of the checks that the task's own work must have passed."""
        return {check.name for check in (*self.gate, *self.tasks[task].task.checks)}

    def gate_of_landing(self, about: str) -> set[str]:
        """Names of the checks that a tree must have passed before it lands: those of the work, and
        those of every task whose landing is not in the task's first base."""
        names = {check.name for check in self.gate}
        above: frozenset[str] = frozenset()
        if about in self.attempts:
            own = self.tasks[self.attempts[about].task]
            names |= {check.name for check in own.task.checks}
            above = self.world.trees.commits[own.first_base].above
        undone = undone_by(about)
        for task in self.landed:
            if task != undone and self.tasks[task].landed not in above:
                names |= {check.name for check in self.tasks[task].task.checks}
        return names

    # --- events ---------------------------------------------------------------------------------

    def take(self, event: ev.Event, at: float) -> None:
        """Check that the event may happen now, and note it."""
        self.lacking.take(event)
        if event.kind in ("landing.wanted", "landing.missed", "landed"):
            self.failed_moves.pop(event.subject, None)
        rule = _RULES.get(type(event))
        if rule is not None:
            rule(self, event, at)
        page = self.attempts.get(event.subject)
        if page is not None:
            self._move(page, event.kind)

    def _move(self, page: AttemptPage, kind: str) -> None:
        if not page.live and kind not in _EVEN_AFTER:
            raise Broken(f"{kind} of an attempt of {page.task} that has ended")
        told_to_stop = page.place == "stop.wanted" and kind == "turn.started"
        if kind in _PLACES and not told_to_stop:
            page.place = kind
        if kind in TAKES_SLOT:
            page.holds_slot = True
        elif kind in GIVES_SLOT:
            page.holds_slot = False
        if kind in ("attempt.failed", "landed", "task.done"):
            page.live = False


_EVEN_AFTER = {
    "workspace.closed",
    "usage.reported",
    "session.opened",
    "question.asked",
    "effect.failed",
}
_PLACES = (
    TAKES_SLOT
    | GIVES_SLOT
    | {
        "workspace.prepared",
        "turn.started",
        "stop.wanted",
        "turn.exited",
        "turn.lost",
        "work.found",
        "verify.wanted",
        "verdict.reached",
        "candidate.wanted",
    }
) - {"landed", "task.done", "attempt.failed"}

Rule = Callable[[Ledger, Any, float], None]
_RULES: dict[type[Any], Rule] = {}


def _rule(kind: type[Any]) -> Callable[[Rule], Rule]:
    def note(rule: Rule) -> Rule:
        _RULES[kind] = rule
        return rule

    return note


# --- run ----------------------------------------------------------------------------------------


@_rule(ev.IntegrationReady)
def _(book: Ledger, event: ev.IntegrationReady, at: float) -> None:
    book.head = event.commit


@_rule(ev.EngineStarted)
def _(book: Ledger, event: ev.EngineStarted, at: float) -> None:
    book.stopping = False
    book.failed_moves.clear()
    for page in book.tasks.values():
        if page.last_cause is not Cause.LIMITED:
            page.retry_at = min(page.retry_at, at + 1.25 * book.limits.backoff_max_s)
    if book.draining:
        book.paused = book.draining = False


@_rule(ev.RunFinished)
def _(book: Ledger, event: ev.RunFinished, at: float) -> None:
    if book.ended or book.live():
        raise Broken("the run ends twice, or with live attempts")
    landed = all(page.finished for page in book.tasks.values())
    if landed != (event.end is ev.RunEnd.LANDED):
        raise Broken(f"the run ends as {event.end}, which is not so")
    book.ended = True


@_rule(ev.RunReopened)
def _(book: Ledger, event: ev.RunReopened, at: float) -> None:
    book.ended = False


@_rule(ev.LimitsChanged)
def _(book: Ledger, event: ev.LimitsChanged, at: float) -> None:
    book.limits = event.limits


@_rule(ev.Paused)
def _(book: Ledger, event: ev.Paused, at: float) -> None:
    book.paused, book.draining = True, event.drain


@_rule(ev.Resumed)
def _(book: Ledger, event: ev.Resumed, at: float) -> None:
    book.paused = book.draining = False


@_rule(ev.StopAllWanted)
def _(book: Ledger, event: ev.StopAllWanted, at: float) -> None:
    book.stopping = True


@_rule(ev.PressureChanged)
def _(book: Ledger, event: ev.PressureChanged, at: float) -> None:
    book.pressure = event.level is not ev.Pressure.NONE


@_rule(ev.EffectFailed)
def _(book: Ledger, event: ev.EffectFailed, at: float) -> None:
    if event.action == "MoveIntegration" and not event.no_room:
        book.failed_moves[event.about] = book.failed_moves.get(event.about, 0) + 1


@_rule(ev.ClockJumped)
def _(book: Ledger, event: ev.ClockJumped, at: float) -> None:
    if event.why is not ev.Jump.SET:
        return
    for page in book.tasks.values():
        if page.last_cause is not Cause.LIMITED or event.seconds < 0:
            page.retry_at += event.seconds


@_rule(ev.Requested)
def _(book: Ledger, event: ev.Requested, at: float) -> None:
    if event.key in book.requests:
        raise Broken(f"request {event.key} is taken twice")
    book.requests.add(event.key)


# --- tasks --------------------------------------------------------------------------------------


@_rule(ev.TaskGivenUp)
def _(book: Ledger, event: ev.TaskGivenUp, at: float) -> None:
    page = book.tasks[event.task]
    budget = page.task.budget_usd
    justified = (
        page.tries >= (page.task.attempts or book.limits.attempts_max)
        or page.last_cause in FINAL
        or page.crashes > book.limits.crashes_max
        or page.blameless >= BLAMELESS_MAX
        or (budget is not None and book.spent(event.task) >= budget)
    )
    if not justified:
        raise Broken(f"{event.task} is given up after {page.tries} tries: {event.text}")
    page.given_up = True


@_rule(ev.TaskCancelled)
def _(book: Ledger, event: ev.TaskCancelled, at: float) -> None:
    page = book.tasks[event.task]
    current = book.attempts.get(page.current)
    if current is None or not current.live:
        page.cancelled = True
    else:
        page.cancel_asked = True


@_rule(ev.TaskReopened)
def _(book: Ledger, event: ev.TaskReopened, at: float) -> None:
    page = book.tasks[event.task]
    if page.finished:
        raise Broken(f"{event.task} is taken up again though it has landed")
    _can_start_from(page, event.start)
    page.given_up = page.cancelled = page.cancel_asked = page.undone = False
    page.tries = page.crashes = page.blameless = 0
    page.retry_at, page.last_cause = 0.0, None


# --- attempts -----------------------------------------------------------------------------------


@_rule(ev.AttemptAdmitted)
def _(book: Ledger, event: ev.AttemptAdmitted, at: float) -> None:
    page = book.tasks[event.task]
    reasons = Reasons(book).of(event.task, at)
    if reasons:
        raise Broken(f"{event.attempt} is admitted against {sorted(reasons)}")
    if page.finished or page.given_up or page.cancelled or page.undone:
        raise Broken(f"{event.attempt} is admitted though {event.task} is closed")
    if page.current and book.attempts[page.current].live:
        raise Broken(f"{event.attempt} is admitted while {page.current} is live")
    if event.number != page.number + 1 or event.attempt in book.attempts:
        raise Broken(f"attempt number {event.number} of {event.task} after {page.number}")
    if page.tries >= (page.task.attempts or book.limits.attempts_max) or page.last_cause in FINAL:
        raise Broken(f"{event.attempt} is admitted after {page.tries} tries: {page.last_cause}")
    if page.crashes > book.limits.crashes_max:
        raise Broken(f"{event.attempt} is admitted after {page.crashes} crashes")
    for need in page.task.needs:
        landed = book.tasks[need].landed
        if landed and not book.world.trees.is_ancestor(landed, event.base):
            raise Broken(f"the base of {event.attempt} does not contain {need}")
    _can_start_from(page, event.start)
    page.number, page.current = event.number, event.attempt
    page.first_base = page.first_base or event.base
    book.attempts[event.attempt] = AttemptPage(
        event.task, event.agent, slots_then=book.limits.max_agents
    )


@_rule(ev.TurnWanted)
def _(book: Ledger, event: ev.TurnWanted, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.launch != page.launch + 1:
        raise Broken(f"launch {event.launch} of {event.attempt} follows launch {page.launch}")
    if book.tasks[page.task].cancel_asked:
        raise Broken(f"{event.attempt} is launched though {page.task} is cancelled")
    if page.launch != page.ended_launch or event.attempt in book.world.alive:
        raise Broken(f"{event.attempt} is launched again before launch {page.launch} has ended")
    if not page.holds_slot and not book.has_free_slot(page.agent):
        raise Broken(f"{event.attempt} takes a slot though none is free")
    if page.never_ran >= NEVER_RAN_MAX:
        raise Broken(f"{event.attempt} is launched again after {page.never_ran} that never ran")
    page.launch = event.launch
    if page.launch > book.limits.turns_max + LAUNCHES_BESIDES_TURNS:
        raise Broken(f"{event.attempt} is launched for the {page.launch}th time")


@_rule(ev.TurnStarted)
def _(book: Ledger, event: ev.TurnStarted, at: float) -> None:
    if event.launch != book.attempts[event.attempt].launch:
        raise Broken(f"{event.attempt} starts launch {event.launch}")
    book.attempts[event.attempt].began = at - book.world.skew


@_rule(ev.StopWanted)
def _(book: Ledger, event: ev.StopWanted, at: float) -> None:
    if event.cause not in (Cause.STALLED, Cause.TIMEOUT):
        return
    page = book.attempts[event.attempt]
    limit_s = book.tasks[page.task].task.timeout_s or book.limits.timeout_s
    least_s = book.limits.stall_s if event.cause is Cause.STALLED else limit_s
    age_s = at - book.world.skew - page.began
    if age_s < least_s - 1e-3:
        raise Broken(f"{event.attempt} is {event.cause} after {age_s} s, the limit is {least_s}")


@_rule(ev.UsageReported)
def _(book: Ledger, event: ev.UsageReported, at: float) -> None:
    book.costs[event.attempt, event.launch] = event.cost_usd or 0.0


@_rule(ev.TurnExited)
def _(book: Ledger, event: ev.TurnExited, at: float) -> None:
    page = book.attempts[event.attempt]
    over = getattr(book.world.launches[event.attempt, event.launch], "over", None)
    if event.launch != page.launch or page.ended_launch == page.launch:
        raise Broken(f"{event.attempt} ends launch {event.launch} in launch {page.launch}")
    truth = over and (over.outcome.kind, over.code, over.signal)
    if truth != (event.outcome, event.code, event.signal):
        raise Broken(f"{event.attempt} is said to end as {event.outcome}, not as {truth}")
    page.ended_launch = event.launch
    if event.outcome is OutcomeKind.CRASHED and page.place != "stop.wanted":
        book.tasks[page.task].crashes += 1


@_rule(ev.TurnLost)
def _(book: Ledger, event: ev.TurnLost, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.launch != page.launch or page.ended_launch == page.launch:
        raise Broken(f"{event.attempt} loses launch {event.launch} in launch {page.launch}")
    if event.attempt in book.world.alive:
        raise Broken(f"{event.attempt} is called lost, but it is alive")
    launch = book.world.launches.get((event.attempt, event.launch))
    if launch is not None and launch.over is not None and launch.started != event.started:
        raise Broken(f"{event.attempt} is lost, and wrongly said to have started: {event.started}")
    page.ended_launch = event.launch
    page.never_ran += int(not event.started)
    if event.started and page.place != "stop.wanted":
        book.tasks[page.task].crashes += 1


@_rule(ev.WorkFound)
def _(book: Ledger, event: ev.WorkFound, at: float) -> None:
    page = book.attempts[event.attempt]
    if book.world.trees.worktrees[event.attempt].head != event.commit:
        raise Broken(f"{event.commit} is not what {event.attempt} left")
    page.sealed, page.approved = event.commit, False


@_rule(ev.ReviewApproved)
def _(book: Ledger, event: ev.ReviewApproved, at: float) -> None:
    book.attempts[event.attempt].approved = True


@_rule(ev.VerdictReached)
def _(book: Ledger, event: ev.VerdictReached, at: float) -> None:
    page, trees = book.attempts[event.attempt], book.world.trees
    wanted = book.gate_of_work(page.task)
    if book.tasks[page.task].task.workspace is Workspace.NONE:
        green = book.world.plain_green.get(event.attempt, set())
        red = event.attempt in book.world.plain_red
    else:
        green = trees.green.get(event.tree, set())
        red = event.tree in trees.seen_red
        if page.sealed not in trees.commits:
            raise Broken(f"a verdict on {event.attempt}, which has no work")
    if event.judgement is ev.Judgement.PASSED and not wanted <= green:
        raise Broken(f"{event.attempt} is called green without {sorted(wanted - green)}")
    if event.judgement is ev.Judgement.FAILED and not red:
        raise Broken(f"{event.attempt} is called red, but no check has failed on it")


@_rule(ev.WorkReturned)
def _(book: Ledger, event: ev.WorkReturned, at: float) -> None:
    page = book.attempts[event.attempt]
    if event.cause is Cause.COMBINATION and page.place != "candidate.wanted":
        raise Broken(f"{event.attempt} is sent back for a candidate that it is not in")


@_rule(ev.AttemptFailed)
def _(book: Ledger, event: ev.AttemptFailed, at: float) -> None:
    attempt = book.attempts[event.attempt]
    page, limits = book.tasks[attempt.task], book.limits
    if event.attempt in book.world.alive or attempt.launch != attempt.ended_launch:
        raise Broken(f"{event.attempt} fails while its agent is alive")
    if event.counts == (event.cause in FREE_OF_CHARGE):
        raise Broken(f"{event.attempt} ends as {event.cause} and counts: {event.counts}")
    page.tries += int(event.cause not in FREE_OF_CHARGE)
    page.blameless += int(event.cause in BLAMELESS)
    page.retry_at, page.last_cause = event.retry_at, event.cause
    page.cancelled, page.cancel_asked = event.cause is Cause.CANCELLED, False
    if event.cause not in FREE_OF_CHARGE | AT_ONCE:
        plain = min(limits.backoff_base_s * 2.0 ** (page.tries - 1), limits.backoff_max_s)
        if not 0.74 * plain <= event.retry_at - at <= 1.26 * plain:
            raise Broken(f"{event.attempt} may be tried again after {event.retry_at - at} s")


# --- landing ------------------------------------------------------------------------------------


@_rule(ev.ChangeQueued)
def _(book: Ledger, event: ev.ChangeQueued, at: float) -> None:
    page = book.attempts[event.attempt]
    if book.tasks[page.task].task.review is Review.PERSON and not page.approved:
        raise Broken(f"{event.attempt} is queued without review")
    if event.commit != page.sealed:
        raise Broken(f"{event.attempt} queues {event.commit}, not {page.sealed}")


@_rule(ev.LandingWanted)
def _(book: Ledger, event: ev.LandingWanted, at: float) -> None:
    trees = book.world.trees
    tree = "t:" + " ".join(sorted(trees.commits[event.commit].tree))
    missing = book.gate_of_landing(event.attempt) - trees.green.get(tree, set())
    if missing:
        raise Broken(f"{event.attempt} is to land without {sorted(missing)} green")
    if event.attempt in book.attempts:
        above = trees.commits[event.commit].above
        if book.attempts[event.attempt].sealed not in above:
            raise Broken(f"{event.attempt} is to land without its work")


@_rule(ev.LandingMissed)
def _(book: Ledger, event: ev.LandingMissed, at: float) -> None:
    book.head = event.found


@_rule(ev.Landed)
def _(book: Ledger, event: ev.Landed, at: float) -> None:
    moved = [commit for about, _, commit in book.world.trees.moves if about == event.attempt]
    if event.commit not in moved:
        raise Broken(f"{event.attempt} is called landed, but nothing was moved")
    book.head = event.commit
    if event.attempt not in book.attempts:
        return
    page = book.tasks[event.task]
    if page.finished or len(moved) > 1:
        raise Broken(f"{event.task} lands twice")
    page.finished, page.landed = True, event.commit
    book.landed.append(event.task)
    _stays_undone(book, event.commit)


@_rule(ev.UndoWanted)
def _(book: Ledger, event: ev.UndoWanted, at: float) -> None:
    page = book.tasks[event.task]
    if page.undo_wanted or not page.landed or event.landed != page.landed:
        raise Broken(f"{event.task} is to be undone twice, or has not landed as {event.landed}")
    page.undo_wanted = True


@_rule(ev.Undone)
def _(book: Ledger, event: ev.Undone, at: float) -> None:
    page, about = book.tasks[event.task], f"@undo/{event.task}"
    if not page.undo_wanted or (about, event.onto, event.commit) not in book.world.trees.moves:
        raise Broken(f"{event.task} is called undone, but nobody asked, or nothing was moved")
    book.head = event.commit
    book.landed.remove(event.task)
    page.finished, page.landed, page.undone, page.undo_wanted = False, "", True, False
    for other in book.tasks.values():
        if event.task in other.task.needs:
            other.outdated = other.number
    _stays_undone(book, event.commit)


@_rule(ev.UndoFailed)
def _(book: Ledger, event: ev.UndoFailed, at: float) -> None:
    book.tasks[event.task].undo_wanted = False


def _stays_undone(book: Ledger, commit: str) -> None:
    """Nothing of an undone task is on the integration branch."""
    owners = set(map(owner, book.world.trees.commits[commit].tree))
    left = [name for name in owners if name in book.tasks and book.tasks[name].undone]
    if left:
        raise Broken(f"{commit} has work of {left}, which is undone")


def _can_start_from(page: TaskPage, start: str) -> None:
    """Work from before a need was undone is not built upon."""
    if start and int(start.split("/")[-2].rpartition(".")[2]) <= page.outdated:
        raise Broken(f"{page.task.id} is to start from {start}, which is out of date")


@_rule(ev.TaskDone)
def _(book: Ledger, event: ev.TaskDone, at: float) -> None:
    page = book.tasks[event.task]
    if page.finished or page.task.workspace is not Workspace.NONE:
        raise Broken(f"{event.task} is done twice, or has something to land")
    page.finished = True


@_rule(ev.Delivered)
def _(book: Ledger, event: ev.Delivered, at: float) -> None:
    trees = book.world.trees
    if not trees.is_ancestor(event.commit, trees.target):
        raise Broken(f"{event.commit} is called delivered, but the target does not contain it")


@_rule(ev.Scaled)
def _(book: Ledger, event: ev.Scaled, at: float) -> None:
    book.limits = replace(book.limits, max_agents=event.max_agents)
