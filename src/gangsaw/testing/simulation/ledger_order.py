"""The order of starting in the second bookkeeping: how long every task is expected to take, from
the events alone, the longest chains by trying all, and who goes before whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.model import Check, Stage, Task, TurnKind, When, Workspace
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.pages import TaskPage

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

UNKNOWN_S = {"work": 600.0, "review": 120.0}
CHANGED = 0.1
KEPT_FOR = 0.05
SAMPLES = 50
Key = tuple[str, ...]


@dataclass(slots=True)
class Stint:
    """What is known of an attempt's turns: the one that runs, and how long others took."""

    agent: str
    model: str
    stage: TurnKind = TurnKind.WORK
    reviewer: str = ""
    since: float | None = None
    worked: dict[TurnKind, float] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """`samples` by (agent, model, stage) or (check,); `asked` is what was looked up when tasks were
    ranked last; `weight` is in milliseconds, `chain` the longest that begins with each task."""

    samples: dict[Key, list[float]] = field(default_factory=dict)
    asked: dict[Key, float] = field(default_factory=dict)
    weight: dict[str, int] = field(default_factory=dict)
    chain: dict[str, int] = field(default_factory=dict)
    stints: dict[str, Stint] = field(default_factory=dict)
    landed: int = 0

    # --- ranks ----------------------------------------------------------------------------------

    def place(self, book: Ledger, name: str) -> tuple[int, int, int]:
        """Lower goes first."""
        at = list(book.tasks).index(name)
        return (-book.tasks[name].task.priority, -self.chain[name], at)

    def rank(self, book: Ledger) -> None:
        """Everything anew, by what is known now."""
        self.asked = {}
        tasks = [page.task for page in book.tasks.values()]
        self.weight = {task.id: self._weight(book, task) for task in tasks}
        self.chain = {}
        latest = [page.later or page.task for page in book.tasks.values()]
        for task in latest:
            self._chain(latest, task.id)

    def _chain(self, tasks: list[Task], name: str) -> int:
        if name not in self.chain:
            after = [self._chain(tasks, task.id) for task in tasks if name in task.needs]
            self.chain[name] = self.weight[name] + max(after, default=0)
        return self.chain[name]

    def _weight(self, book: Ledger, task: Task) -> int:
        limits = book.limits
        first = limits.pool[0] if limits.pool and not task.model else limits.default_agent
        agent = task.agent or first
        seconds = task.estimate_s
        if seconds is None:
            seconds = self._turn((agent, task.model or "", "work"))
            known = any(key[2:] == ("work",) and values for key, values in self.samples.items())
            if Stage.TEST in task.stages and known:
                seconds += self._turn((agent, task.model or "", "test"))
        for check in {check.key: check for check in (*book.gate, *task.checks)}.values():
            lands = task.workspace is Workspace.WORKTREE and _is_of_landing(check)
            at_work = check.when in (When.ALWAYS, When.WORK)
            seconds += (int(at_work) + int(lands)) * self.check_s(check)
        if Stage.REVIEW in task.stages:
            seconds += self._turn((task.reviewer or limits.reviewer or agent, "", "review"))
        return max(1, round(1000 * seconds))

    def check_s(self, check: Check) -> float:
        """How long it is expected to take."""
        if check.estimate_s is not None:
            return check.estimate_s
        return self._ask((check.key,))

    def _turn(self, key: Key) -> float:
        return self._ask(key)

    def _ask(self, key: Key) -> float:
        return self.asked.setdefault(key, self._now(key))

    def _now(self, key: Key) -> float:
        if len(key) == 1:
            return median(self.samples[key]) if self.samples.get(key) else 0.0
        for length in (2, 1, 0):
            found = [
                each
                for other, values in self.samples.items()
                if len(other) == 3 and other[2] == key[2] and other[:length] == key[:length]
                for each in values
            ]
            if found:
                return median(found)
        return UNKNOWN_S.get(key[2], 0.0)

    # --- events ---------------------------------------------------------------------------------

    def take(self, book: Ledger, event: ev.Event, at: float) -> None:
        """Learn from the event."""
        stint = self.stints.get(event.subject)
        match event:
            case ev.RunStarted():
                for of in event.durations.turns:
                    self.samples[of.agent, of.model, of.stage.value] = list(of.seconds)
                for one in event.durations.checks:
                    self.samples[(one.key,)] = list(one.seconds)
                self.rank(book)
            case ev.AttemptAdmitted():
                self.stints[event.attempt] = Stint(event.agent, event.model or "")
            case ev.TurnWanted() if stint:
                self._wanted(stint, event)
            case ev.TurnStarted() if stint:
                stint.since = at
            case ev.TurnExited() | ev.TurnLost() if stint:
                self._ended(stint, at)
            case ev.VerdictReached() | ev.AfterJudged():
                self._checked(event.results)
            case ev.CandidateJudged() if not event.only:
                self._checked(event.results)
            case ev.Landed() | ev.TaskDone():
                self._over(book, stint)
            case _:
                pass

    def _wanted(self, stint: Stint, event: ev.TurnWanted) -> None:
        stint.since, stint.reviewer = None, ""
        if event.why is TurnKind.REVIEW:
            stint.reviewer = event.agent
            return
        if event.why in (TurnKind.WORK, TurnKind.TEST):
            stint.stage = event.why
        if event.agent and event.agent != stint.agent:
            stint.agent, stint.model = event.agent, ""

    def _ended(self, stint: Stint, at: float) -> None:
        if stint.since is None:
            return
        took, stint.since = at - stint.since, None
        if stint.reviewer:
            self._note((stint.reviewer, "", "review"), took)
        else:
            stint.worked[stint.stage] = stint.worked.get(stint.stage, 0.0) + max(took, 0.0)

    def _checked(self, results: tuple[ev.CheckResult, ...]) -> None:
        for result in results:
            green = result.judgement is ev.Judgement.PASSED and not result.seen_at
            if green and result.duration_s > 0:
                self._note((result.of,), result.duration_s)

    def _note(self, key: Key, took: float) -> None:
        values = self.samples.setdefault(key, [])
        if took >= 0:
            self.samples[key] = [*values, took][-SAMPLES:]

    def _over(self, book: Ledger, stint: Stint | None) -> None:
        if stint is not None:
            for stage, seconds in stint.worked.items():
                self._note((stint.agent, stint.model, stage), seconds)
        self.landed += 1
        # At 1, 2, 4, 8 and so on.
        if self.landed & (self.landed - 1):
            return
        if any(abs(self._now(key) - was) > CHANGED * was for key, was in self.asked.items()):
            self.rank(book)


def coming(book: Ledger, now: float) -> dict[str, float]:
    """The tasks of which all that is missing is a landing that is on its way, and until when a slot
    is kept for each."""
    if book.limits.batched or book.queue.held:
        return {}
    found = {}
    for name, page in book.tasks.items():
        missing = [need for need in page.task.needs if not book.tasks[need].finished]
        if page.is_over or not missing or not all(_lands(book, need) for need in missing):
            continue
        allowed_s = KEPT_FOR * book.order.weight[name] / 1000
        if all(_checks_s(book, need) <= allowed_s for need in missing):
            since = max(book.queue.ready[book.tasks[need].current] for need in missing)
            found[name] = since + allowed_s
    return {name: until for name, until in found.items() if until > now}


def _lands(book: Ledger, name: str) -> bool:
    attempt = book.attempts.get(book.tasks[name].current)
    places = ("change.queued", "candidate.wanted")
    return attempt is not None and attempt.live and attempt.place in places


def _checks_s(book: Ledger, name: str) -> float:
    """How long the checks of its landing are expected to take."""
    checks = {check.key: check for check in (*book.gate, *book.tasks[name].task.checks)}.values()
    return sum(book.order.check_s(check) for check in checks if _is_of_landing(check))


def _is_of_landing(check: Check) -> bool:
    return check.when in (When.ALWAYS, When.LANDING)


def goes_first(book: Ledger, page: TaskPage, free: list[str]) -> None:
    """Raise `Broken` if a task that is as free to start goes before this one."""
    own = book.order.place(book, page.task.id)
    better = [name for name in free if book.order.place(book, name) < own]
    if better:
        raise Broken(f"{page.task.id} is admitted before {better}, which go first")
