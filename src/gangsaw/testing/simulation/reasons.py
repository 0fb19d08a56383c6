"""The naive answer to "why is this task not started?": every reason there is, found by looking at
everything. The core's own answer must be one of them, and none may mean started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.conditions import Condition
from gangsaw.core.policy.admission import Hold, HoldKind
from gangsaw.core.status import Status, View
from gangsaw.testing.simulation import ledger_seats
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_accounts import is_closed, limit_holds_task
from gangsaw.testing.simulation.ledger_apart import at_work, loner_at_it, loners_before
from gangsaw.testing.simulation.ledger_governor import (
    has_company,
    is_kept_apart,
    is_short,
    kind_of,
    runs_alone,
    waits_for_pause,
)
from gangsaw.testing.simulation.ledger_money import (
    lacks_money,
    overshoots,
    run_is_spent,
    waits_for_day,
)
from gangsaw.testing.simulation.ledger_order import coming
from gangsaw.testing.simulation.ledger_waves import open_in_wave
from gangsaw.testing.simulation.pages import PASSES_ELSEWHERE, SPREAD_S, SWITCHES_MAX

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger
    from gangsaw.testing.simulation.pages import AttemptPage, TaskPage

TROUBLES_MAX = 4
_STATUS_AT = {
    "attempt.admitted": Status.WORKING,
    "workspace.prepared": Status.WORKING,
    "turn.wanted": Status.WORKING,
    "turn.started": Status.WORKING,
    "stop.wanted": Status.WORKING,
    "turn.exited": Status.CHECKING,
    "turn.lost": Status.CHECKING,
    "inspection.wanted": Status.CHECKING,
    "work.found": Status.CHECKING,
    "verify.wanted": Status.CHECKING,
    "verdict.reached": Status.CHECKING,
    "review.approved": Status.CHECKING,
    "work.faulty": Status.HELD,
    "work.returned": Status.HELD,
    "attempt.parked": Status.HELD,
    "park.ended": Status.HELD,
    "review.passed": Status.CHECKING,
    "review.opened": Status.NEEDS_YOU,
    "attempt.taken": Status.NEEDS_YOU,
    "attempt.handed_back": Status.HELD,
    "change.queued": Status.QUEUED,
    "candidate.wanted": Status.LANDING,
}


_ALIVE_AT = ("turn.wanted", "turn.started")


def scopes_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a path is in both; entries are plain paths here."""
    return any(a == b or a.startswith(b + "/") or b.startswith(a + "/") for a in one for b in other)


def _is_said(name: str, view: View, others: set[str]) -> None:
    """With whom a task collides is part of its reason."""
    missing = [other for other in others if f"{other} in " not in view.reason]
    if missing:
        raise Broken(f"{name} collides with {missing}, and it is said: {view.reason}")


class Reasons:
    """Answers from a ledger as it is now."""

    def __init__(self, book: Ledger) -> None:
        self._book = book
        self._live = book.live()
        self._holding = [page for _, page in self._live if page.holds]

    def of(self, name: str, now: float, *, lonely: bool = True) -> set[HoldKind]:
        """Every reason not to start the task now; empty when it is free to start. Not
        `lonely`: what runs alone left out."""
        book, page = self._book, self._book.tasks[name]
        found: set[HoldKind] = set()
        missing = self.missing(name)
        if missing:
            found.add(HoldKind.FAILED_NEEDS if self.failed_needs(name) else HoldKind.NEEDS)
        if page.retry_at > now:
            found.add(HoldKind.BACKOFF)
        for present, kind in (
            (book.stopping, HoldKind.STOPPING),
            (book.paused, HoldKind.PAUSED),
            (not book.head, HoldKind.NO_BRANCH),
            (book.pressure, HoldKind.PRESSURE),
            (book.lacking, HoldKind.NO_ROOM),
            (max(book.failed_moves.values(), default=0) >= TROUBLES_MAX, HoldKind.STUCK),
        ):
            if present:
                found.add(kind)
        if page.resolved_by:
            found.add(HoldKind.RESOLVING)
        if book.limits.batched and name not in book.wave and open_in_wave(book):
            found.add(HoldKind.WAVE)
        those = self.agents_of(page, now)
        if run_is_spent(book) or any(lacks_money(book, name, agent) for agent in those):
            found |= {
                HoldKind.DAY_BUDGET if waits_for_day(book, name, agent) else HoldKind.BUDGET
                for agent in those
            }
        if len(self._coming(page, now)) >= max(1, book.limits.max_agents - len(self._holding)):
            found.add(HoldKind.SOON)
        if lonely and self._apart(page, now):
            found.add(HoldKind.ALONE)
        return found | self._place(page, now)

    def _apart(self, page: TaskPage, now: float) -> set[str]:
        """The tasks for which this one waits since one of them, or it, runs alone."""
        book, name = self._book, page.task.id
        if others := loner_at_it(book, name, now):
            return others
        if runs_alone(book, name) and (others := at_work(book, name)):
            return others
        return loners_before(self, book, page, now)

    def in_the_way(self, page: TaskPage, other: TaskPage) -> bool:
        """Whether the two are of one track, or may change the same paths."""
        same = page.task.track is not None and page.task.track == other.task.track
        return same or scopes_meet(page.task.scope, self._held_by(other))

    def free(self, now: float) -> list[str]:
        """The tasks that could be started at this moment."""
        pages = [(name, page) for name, page in self._book.tasks.items() if not page.is_over]
        live = {attempt.task for _, attempt in self._live}
        return [name for name, _ in pages if name not in live and not self.of(name, now)]

    def _coming(self, page: TaskPage, now: float) -> list[str]:
        """The tasks that go before this one and are about to be ready, and could have a slot."""
        book = self._book
        if not book.queue.ready:
            return []
        own = book.order.place(book, page.task.id)
        return [
            name
            for name in coming(book, now)
            if book.order.place(book, name) < own
            and ledger_seats.free_for(book, book.tasks[name].task, self._holding, now)
        ]

    def free_agent(self, page: TaskPage, now: float) -> str:
        """The agent that has a place for the task now, or nothing."""
        return ledger_seats.free_for(self._book, page.task, self._holding, now)

    def agents_of(self, page: TaskPage, now: float) -> list[str]:
        """The agent that the task would be given to now; where each of those that it may go to is
        held back, all of them."""
        book = self._book
        free = ledger_seats.free_for(book, page.task, self._holding, now)
        those = ledger_seats.may_go_to(book, page.task)
        return [free] if free else [book.instead_of(agent, now) for agent in those]

    def _of_agent(self, agent: str, task: str, now: float) -> set[HoldKind]:
        """Why this agent does not begin a task now."""
        book, found = self._book, set[HoldKind]()
        if ledger_seats.is_out(book, agent):
            return {HoldKind.AGENT_OUT}
        if limit_holds_task(book, agent, task, now):
            found.add(HoldKind.AGENT_LIMIT)
        if is_closed(book, agent, task, now):
            found.add(HoldKind.AGENT_PAUSED)
        if not ledger_seats.has_seat(book, agent, self._holding):
            found.add(HoldKind.AGENT_SEATS)
        most = ledger_seats.slots_of(book, agent)
        at_work = [one for one in self._holding if one.holds == "agent" and one.seat == agent]
        if most is not None and len(at_work) >= most:
            found.add(HoldKind.AGENT_SLOTS)
        return found

    def _place(self, page: TaskPage, now: float) -> set[HoldKind]:
        book, found, holding = self._book, set[HoldKind](), self._holding
        for agent in self.agents_of(page, now):
            found |= self._of_agent(agent, page.task.id, now)
        if HoldKind.AGENT_OUT in found and not ledger_seats.nobody_for(book, page.task):
            found.remove(HoldKind.AGENT_OUT)
        if len(holding) >= book.limits.max_agents:
            found.add(HoldKind.SLOTS)
        those = self.agents_of(page, now)
        first = ledger_seats.may_go_to(book, page.task)[0]
        model = page.task.model or ""
        short = any(
            is_short(book, (agent, model if agent == first else "", "work"), now) for agent in those
        )
        if short:
            found.add(HoldKind.MEMORY)
        if waits_for_pause(book, now):
            found.add(HoldKind.LAUNCH)
        if page.task.scope and book.radar.holding(book, page.task.scope):
            found.add(HoldKind.OVERLAP)
        if not (page.task.track or page.task.scope):
            return found
        for other in self.others(page):
            if page.task.track is not None and other.task.track == page.task.track:
                found.add(HoldKind.TRACK)
            if scopes_meet(page.task.scope, self._held_by(other)):
                found.add(HoldKind.SCOPE)
        return found

    def _held_by(self, page: TaskPage) -> tuple[str, ...]:
        """The paths that are a live task's: its scope, and what its agent has claimed."""
        return (*page.task.scope, *self._book.talk.of(page.current).claims)

    def others(self, page: TaskPage) -> list[TaskPage]:
        """The other tasks with a live attempt."""
        found = [self._book.tasks[attempt.task] for _, attempt in self._live]
        return [other for other in found if other is not page]

    def missing(self, name: str) -> set[str]:
        """Needs that have not landed."""
        tasks = self._book.tasks
        return {need for need in tasks[name].task.needs if not tasks[need].finished}

    def failed_needs(self, name: str) -> set[str]:
        """Those of them that cannot land without a person."""
        return {need for need in self.missing(name) if self._hopeless(need)}

    def _hopeless(self, name: str) -> bool:
        page = self._book.tasks[name]
        if page.finished:
            return False
        if page.given_up or page.cancelled or page.undone:
            return True
        return any(self._hopeless(need) for need in page.task.needs)

    # --- the core's answer ----------------------------------------------------------------------

    def compare(self, name: str, view: View, now: float) -> None:
        """Raise `Broken` unless the core's view of the task is right."""
        page = self._book.tasks[name]
        attempt = self._book.attempts.get(page.current)
        if page.finished:
            wanted = {Status.LANDED if page.landed else Status.DONE}
        elif page.undone:
            wanted = {Status.UNDONE}
        elif page.cancelled:
            wanted = {Status.CANCELLED}
        elif page.given_up:
            wanted = {Status.FAILED, Status.NEEDS_YOU}
        elif attempt is not None and attempt.live:
            wanted = {_STATUS_AT[attempt.place]}
            if attempt.for_person:
                wanted = {Status.NEEDS_YOU}
            if attempt.place in _ALIVE_AT and self._book.talk.is_asking(page.current):
                wanted = {Status.NEEDS_YOU}
            self._waits(name, attempt, now)
        else:
            self._held(name, view, now)
            return
        if view.status not in wanted or view.hold is not None:
            raise Broken(f"{name} is called {view.status}, and is {wanted}")
        if attempt is not None and attempt.live:
            _is_said(name, view, self._book.radar.others_of(page.current))

    def _waits(self, name: str, attempt: AttemptPage, now: float) -> None:
        """An attempt whose next turn can begin is not left waiting."""
        book = self._book
        agents: list[str] = []
        if book.stopping or book.talk.of(self._book.tasks[name].current).taken:
            return
        if attempt.place in ("work.faulty", "work.returned", "attempt.handed_back"):
            agents = [attempt.agent]
        elif attempt.place in ("verdict.reached", "review.passed") and attempt.holds == "run":
            agents = [self._next_at(attempt, now)]
        elif attempt.is_parked and not book.paused:
            agents = self._after_park(attempt, now)
        if overshoots(book, attempt):
            raise Broken(f"{name} goes on though more than its budget is spent")
        if any(
            self._has_place(agent, attempt, now)
            and (attempt.freed or not lacks_money(book, attempt.task, agent))
            and (attempt.freed or not is_closed(book, agent, self._book.tasks[name].current, now))
            for agent in agents
        ):
            raise Broken(f"{name} waits for a slot though one is free")

    def _has_place(self, agent: str, attempt: AttemptPage, now: float) -> bool:
        """Whether the attempt may take a slot of the agent, and its next turn the machine."""
        book, task = self._book, attempt.task
        like = kind_of(attempt, agent)
        short = attempt.is_parked and is_short(book, like, now, worktree=False)
        apart = is_kept_apart(book, task) or (not attempt.holds and has_company(book, task))
        return book.has_free_slot(agent, attempt) and not short and not apart

    def _next_at(self, attempt: AttemptPage, now: float) -> str:
        """Whose slot checked work waits for: its reviewer's or, after its tests, its agent's."""
        book, task = self._book, self._book.tasks[attempt.task].task
        if not attempt.begun and not attempt.by_hand:
            return attempt.agent
        reviewer = ledger_seats.own_reviewer(book, task, attempt.agent)
        if reviewer == attempt.agent and not book.is_limited(reviewer, now):
            return reviewer
        return book.instead_of(reviewer, now)

    def _after_park(self, attempt: AttemptPage, now: float) -> list[str]:
        """The agents that may go on with a parked attempt now."""
        book, seat, other = self._book, attempt.seat, ""
        if attempt.freed:
            return [seat]
        if attempt.for_person:
            told = attempt.unpaid or book.talk.words_for(attempt.task)
            return [seat] if told and not lacks_money(book, attempt.task, seat, alone=True) else []
        if attempt.parked in PASSES_ELSEWHERE and attempt.switches < SWITCHES_MAX:
            other = book.fallback_of(seat)
        closed = is_closed(book, seat, book.tasks[attempt.task].current, now)
        over = now >= (attempt.parked_until or 0.0) and not book.is_limited(seat, now)
        over = over and not closed
        due = over and not book.is_limited(seat, now - SPREAD_S)
        if over and not due:
            return []  # it may go on by itself now, or wait for its moment within the spread
        if due and (attempt.parked is Condition.QUOTA or not other):
            return [seat]
        left_s = max(
            attempt.parked_until or 0.0, book.account_limits.get(book.account_of(seat), 0.0)
        )
        left_s -= now
        if attempt.parked is Condition.QUOTA and left_s <= ledger_seats.patience_of(book, seat):
            return []
        return [other] if other and not book.is_limited(other, now) else []

    def _held(self, name: str, view: View, now: float) -> None:
        reasons = self.of(name, now)
        if not reasons:
            raise Broken(f"{name} is free to start and was not started: {view}")
        if view.status not in (Status.WAITING, Status.HELD) or view.hold is None:
            raise Broken(f"{name} is called {view.status}, and is held by {sorted(reasons)}")
        if view.hold.kind not in reasons or not view.reason:
            raise Broken(f"{name} is said to be held by {view.hold}, and is by {sorted(reasons)}")
        if view.hold.kind is HoldKind.OVERLAP:
            self._held_apart(name, view.hold)
        elif self._named(name, view.hold, now) != set(view.hold.tasks):
            raise Broken(f"{name} is said to wait for {view.hold.tasks}")

    def _held_apart(self, name: str, hold: Hold) -> None:
        book = self._book
        if set(hold.tasks) not in book.radar.holding(book, book.tasks[name].task.scope):
            raise Broken(f"{name} is said to be held by an overlap of {hold.tasks}")

    def _named(self, name: str, hold: Hold, now: float) -> set[str]:
        """The tasks that a hold of this kind must name."""
        page = self._book.tasks[name]
        match hold.kind:
            case HoldKind.NEEDS:
                return self.missing(name)
            case HoldKind.FAILED_NEEDS:
                return self.failed_needs(name)
            case HoldKind.WAVE:
                return open_in_wave(self._book)
            case HoldKind.ALONE:
                found = self._apart(page, now)
                # Of several that run alone and go before it, one is named.
                some = hold.tasks and set(hold.tasks) <= found and hold.text in ("", "next")
                return set(hold.tasks) if some else found
            case HoldKind.SOON:
                before = self._coming(page, now)
                return {need for other in before for need in self.missing(other)}
            case HoldKind.SCOPE:
                return {
                    other.task.id
                    for other in self.others(page)
                    if scopes_meet(page.task.scope, self._held_by(other))
                }
            case HoldKind.TRACK:
                return {
                    other.task.id
                    for other in self.others(page)
                    if other.task.track == page.task.track
                }
            case _:
                return set()
