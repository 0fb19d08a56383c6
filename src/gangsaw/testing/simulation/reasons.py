"""The naive answer to "why is this task not started?": every reason there is, found by looking at
everything. The core's own answer must be one of them, and none may mean started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangsaw.core.policy.admission import Hold, HoldKind
from gangsaw.core.status import Status, View
from gangsaw.testing.simulation.broken import Broken

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger, TaskPage

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
    "review.opened": Status.NEEDS_YOU,
    "change.queued": Status.QUEUED,
    "candidate.wanted": Status.LANDING,
}


def scopes_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a path is in both; entries are plain paths here."""
    return any(a == b or a.startswith(b + "/") or b.startswith(a + "/") for a in one for b in other)


class Reasons:
    """Answers from a ledger as it is now."""

    def __init__(self, book: Ledger) -> None:
        self._book = book
        self._live = book.live()
        self._holding = [page.agent for _, page in self._live if page.holds_slot]

    def of(self, name: str, now: float) -> set[HoldKind]:
        """Every reason not to start the task now; empty when it is free to start."""
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
        budget = book.limits.budget_usd
        if budget is not None and book.spent() >= budget:
            found.add(HoldKind.BUDGET)
        return found | self._place(page)

    def _place(self, page: TaskPage) -> set[HoldKind]:
        book, found, holding = self._book, set[HoldKind](), self._holding
        agent = page.task.agent or book.limits.default_agent
        if len(holding) >= book.limits.max_agents:
            found.add(HoldKind.SLOTS)
        most = book.slots_of(agent)
        if most is not None and holding.count(agent) >= most:
            found.add(HoldKind.AGENT_SLOTS)
        if not (page.task.track or page.task.scope):
            return found
        for other in self.others(page):
            if page.task.track is not None and other.task.track == page.task.track:
                found.add(HoldKind.TRACK)
            if scopes_meet(page.task.scope, other.task.scope):
                found.add(HoldKind.SCOPE)
        return found

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
            if attempt.place in ("work.faulty", "work.returned"):
                self._returned(name, attempt.agent)
        else:
            self._held(name, view, now)
            return
        if view.status not in wanted or view.hold is not None:
            raise Broken(f"{name} is called {view.status}, and is {wanted}")

    def _returned(self, name: str, agent: str) -> None:
        if self._book.has_free_slot(agent) and not self._book.stopping:
            raise Broken(f"{name} waits for a slot though one is free")

    def _held(self, name: str, view: View, now: float) -> None:
        reasons = self.of(name, now)
        if not reasons:
            raise Broken(f"{name} is free to start and was not started: {view}")
        if view.status not in (Status.WAITING, Status.HELD) or view.hold is None:
            raise Broken(f"{name} is called {view.status}, and is held by {sorted(reasons)}")
        if view.hold.kind not in reasons or not view.reason:
            raise Broken(f"{name} is said to be held by {view.hold}, and is by {sorted(reasons)}")
        if self._named(name, view.hold) != set(view.hold.tasks):
            raise Broken(f"{name} is said to wait for {view.hold.tasks}")

    def _named(self, name: str, hold: Hold) -> set[str]:
        """The tasks that a hold of this kind must name."""
        page = self._book.tasks[name]
        match hold.kind:
            case HoldKind.NEEDS:
                return self.missing(name)
            case HoldKind.FAILED_NEEDS:
                return self.failed_needs(name)
            case HoldKind.SCOPE:
                return {
                    other.task.id
                    for other in self.others(page)
                    if scopes_meet(page.task.scope, other.task.scope)
                }
            case HoldKind.TRACK:
                return {
                    other.task.id
                    for other in self.others(page)
                    if other.task.track == page.task.track
                }
            case _:
                return set()
