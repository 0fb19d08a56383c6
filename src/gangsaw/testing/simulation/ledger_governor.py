"""The rules of the second bookkeeping about the machine: who may be stopped for its sake, one at a
time; that no try is used up by it; what runs alone; and when there is room for one more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gangsaw.core import events as ev
from gangsaw.core.conditions import Condition
from gangsaw.core.events import Cause
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.machine import Deed, Level, MachineReading
from gangsaw.core.model import Limits, TurnKind
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.ledger_watchdog import note_watchdog
from gangsaw.testing.simulation.pages import AttemptPage, rule

if TYPE_CHECKING:
    from gangsaw.testing.simulation.ledger import Ledger

WARN_PCT, SOFT_PCT, HARD_PCT = 20.0, 12.0, 5.0
WARN_SOME_PCT, SOFT_FULL_PCT, START_PCT, PAUSE_PCT = 10.0, 5.0, 70.0, 60.0
SOFT_EVERY_S, PAUSE_S = 60.0, 3.0
UNKNOWN_MB, PEAKS, HELPS = 1024.0, 20, 0.005
ALONE, PERSON = 2, 3
"""After so many stops a task runs alone, or waits for a person."""
ORDER = (Level.NONE, Level.WARN, Level.SOFT, Level.HARD)


@dataclass(slots=True)
class MachinePage:
    """What was told of the machine, and of whom it has cost the turn."""

    reading: MachineReading | None = None
    worktree_mb: float = 0.0
    level: Level = Level.NONE
    parallel: int | None = None
    victim: str = ""
    soft_at: float | None = None
    began_at: float | None = None
    used: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    learned: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    """Peaks by agent, model and kind of turn, oldest first; wider ones with empty words."""
    stops: dict[str, int] = field(default_factory=dict)
    """Task → how often it was stopped for memory."""
    ended_by_watchdog: set[str] = field(default_factory=set)
    """Attempts whose present launch it has ended."""

    def take(self, book: Ledger, event: ev.Event, at: float) -> None:
        """What is remembered of events that have rules of their own."""
        if isinstance(event, ev.AttemptAdmitted | ev.TurnWanted):
            self.began_at = at
            self.used.pop(event.attempt, None)
            self.peaks.pop(event.attempt, None)
        elif isinstance(event, ev.TurnExited | ev.TurnLost):
            self.ended_by_watchdog.discard(event.attempt)
            note_watchdog(book, event)
            self._learn(book.attempts[event.attempt], event.attempt)
            self.victim = "" if self.victim == event.attempt else self.victim

    def _learn(self, page: AttemptPage, name: str) -> None:
        self.used.pop(name, None)
        peak = self.peaks.get(name, 0.0)
        if peak > 0:
            agent, model, kind = kind_of(page)
            for wide in {(agent, model, kind), (agent, model, ""), (agent, "", "")}:
                self.learned.setdefault(wide, []).append(peak)

    def expected(self, like: tuple[str, str, str], limits: Limits) -> float:
        """The peak that is known of its like, or what its settings allow it."""
        agent, model, _ = like
        for wide in (like, (agent, model, ""), (agent, "", "")):
            known = sorted(self.learned.get(wide, [])[-PEAKS:])
            if known:
                return known[3 * (len(known) - 1) // 4]
        own = next((each.memory_max_mb for each in limits.agents if each.name == agent), None)
        return own or UNKNOWN_MB


def kind_of(page: AttemptPage, agent: str | None = None) -> tuple[str, str, str]:
    """Agent, model and kind of turn of an attempt's last launch, or of one by this agent. Only of
    the agent that the attempt was given to is the model known."""
    agent = page.seat if agent is None else agent
    kind = "review" if page.why is TurnKind.REVIEW else "work"
    return (agent, page.model if agent == page.agent else "", kind)


def _is_alive(page: AttemptPage) -> bool:
    return page.live and page.launch != page.ended_launch


def _acute(reading: MachineReading, limits: Limits) -> Level:
    free = 100.0 * reading.available_mb / reading.total_mb
    disk = reading.disk_free_mb is not None and reading.disk_free_mb < limits.disk_floor_mb
    disk = disk or reading.disk_used_pct > limits.disk_max_pct
    if free < HARD_PCT:
        return Level.HARD
    if free < SOFT_PCT or reading.full_pct > SOFT_FULL_PCT or disk:
        return Level.SOFT
    return Level.WARN if free < WARN_PCT or reading.some_pct > WARN_SOME_PCT else Level.NONE


@rule(MachineGoverned)
def _(book: Ledger, event: MachineGoverned, at: float) -> None:
    machine, level = book.machine, event.governed.level
    acute = _acute(event.reading, book.limits)
    _is_within(book, event)
    highest = max(acute, machine.level, key=ORDER.index)
    if not ORDER.index(acute) <= ORDER.index(level) <= ORDER.index(highest):
        raise Broken(f"the level is {level} after {machine.level}, with a reading of {acute}")
    if event.governed.parallel is not None and event.governed.parallel < 1:
        raise Broken(f"{event.governed.parallel} may run")
    for used in event.used:
        if not _is_alive(book.attempts[used.attempt]):
            raise Broken(f"{used.attempt} is said to use memory, and has no agent")
        machine.used[used.attempt] = used.memory_mb
        peak = max(machine.peaks.get(used.attempt, 0.0), used.memory_mb)
        machine.peaks[used.attempt] = peak
    machine.reading, machine.level = event.reading, level
    machine.worktree_mb = event.worktree_mb
    machine.parallel = event.governed.parallel
    if event.want is not None:
        _may_be_wanted(book, event, acute, at)


def _is_within(book: Ledger, event: MachineGoverned) -> None:
    """A budget of memory is all there is, and what the agents use is taken from it."""
    budget_mb = book.limits.memory_budget_mb
    if budget_mb is None:
        return
    used_mb = sum(each.memory_mb for each in event.used)
    if event.reading.total_mb > budget_mb:
        raise Broken(f"{event.reading} has more than the budget of {budget_mb} MB")
    if event.reading.total_mb == budget_mb and event.reading.available_mb > max(
        0.0, budget_mb - used_mb
    ):
        raise Broken(f"{event.reading} does not count {used_mb} MB of {budget_mb} MB")


def _over_their_own(book: Ledger, event: MachineGoverned) -> set[str]:
    """Who uses more than its agent's own limit, and enough to count."""
    most = {each.name: each.memory_max_mb for each in book.limits.agents}
    found = set()
    for used in event.used:
        limit_mb = most.get(book.attempts[used.attempt].seat)
        if limit_mb and used.memory_mb > max(limit_mb, HELPS * event.reading.total_mb):
            found.add(used.attempt)
    return found


def _may_be_wanted(book: Ledger, event: MachineGoverned, acute: Level, at: float) -> None:
    machine, want = book.machine, event.want
    assert want is not None
    hard = want.deed is Deed.KILL
    if want.deed not in (Deed.STOP, Deed.KILL) or not want.text:
        raise Broken(f"{want} is wanted, and nobody can do it or knows why")
    if ORDER.index(acute) < ORDER.index(Level.HARD if hard else Level.SOFT):
        raise Broken(f"{want} is wanted with a reading of {acute}")
    if not _is_alive(book.attempts[want.attempt]):
        raise Broken(f"{want} is wanted, and has no agent")
    if machine.victim:
        if machine.victim != want.attempt or not hard:
            raise Broken(f"{want} is wanted while {machine.victim} is being stopped")
        return
    used = {each.attempt: each.memory_mb for each in event.used}
    if hard and used[want.attempt] < max(used.values()):
        raise Broken(f"{want} is wanted, and is not the largest")
    over = _over_their_own(book, event)
    if not hard and over and want.attempt not in over:
        raise Broken(f"{want} is wanted, and {sorted(over)} are over their own limits")
    if not hard and len(used) < 2 and not over:
        raise Broken(f"{want} is wanted, and is all that runs")
    if not hard and machine.soft_at is not None and 0 <= at - machine.soft_at < SOFT_EVERY_S:
        raise Broken(f"{want} is wanted {at - machine.soft_at} s after the last one")
    machine.victim, machine.soft_at = want.attempt, at


def note_stop(book: Ledger, event: ev.StopWanted, page: AttemptPage) -> None:
    """A stop for memory: only of the one victim, whose stops are counted."""
    if event.attempt in book.machine.ended_by_watchdog and event.cause is not Cause.MEMORY:
        raise Broken(f"the watchdog ended {event.attempt}, which is stopped for {event.cause}")
    if event.cause is not Cause.MEMORY:
        return
    if event.attempt not in {book.machine.victim, *book.machine.ended_by_watchdog}:
        raise Broken(f"{event.attempt} is stopped for memory, and {book.machine.victim} was chosen")
    if page.stopped is None:
        stops = book.machine.stops
        stops[page.task] = stops.get(page.task, 0) + 1


def note_park(book: Ledger, event: ev.AttemptParked, page: AttemptPage) -> None:
    """After the third stop for memory a person is asked, and not before."""
    if event.condition is not Condition.MEMORY or page.place == "attempt.parked":
        return
    asks = book.machine.stops.get(page.task, 0) >= PERSON
    if page.stopped is not Cause.MEMORY or asks != (event.until is None):
        stops = book.machine.stops.get(page.task, 0)
        raise Broken(f"{event.attempt} waits until {event.until} after {stops} stops for memory")


def check_victim(book: Ledger) -> None:
    """The victim that was chosen is being stopped; whoever was stopped before is the same one."""
    page = book.attempts.get(book.machine.victim)
    if page is not None and page.stopped is None and not book.stopping:
        raise Broken(f"{book.machine.victim} was chosen, and is not stopped")
    stopped = [
        name
        for name, page in book.attempts.items()
        if _is_alive(page)
        and page.stopped is Cause.MEMORY
        # That one is gone, although its exit may be told a moment later.
        and name not in book.machine.ended_by_watchdog
    ]
    if len(stopped) > 1:
        raise Broken(f"{stopped} are stopped for memory at the same time")


def _stopped_often(book: Ledger, task: str) -> bool:
    return book.machine.stops.get(task, 0) >= ALONE


def runs_alone(book: Ledger, task: str) -> bool:
    """Whether nothing may run beside the task."""
    return book.tasks[task].task.alone or _stopped_often(book, task)


def is_kept_apart(book: Ledger, task: str) -> bool:
    """Whether another task runs alone now."""
    return any(
        page.task != task and page.holds == "agent" and runs_alone(book, page.task)
        for _, page in book.live()
    )


def has_company(book: Ledger, task: str) -> bool:
    """Whether a task that is to run alone would not."""
    return runs_alone(book, task) and any(page.holds for _, page in book.live())


def _lacks_disk(book: Ledger, reading: MachineReading) -> bool:
    """Whether there is too little disk for one more worktree beside those in the making."""
    if reading.disk_free_mb is None or not book.limits.disk_floor_mb:
        return False
    making = sum(page.place == "attempt.admitted" for _, page in book.live())
    left = reading.disk_free_mb - (making + 1) * book.machine.worktree_mb
    return left < book.limits.disk_floor_mb


def waits_for_pause(book: Ledger, at: float) -> bool:
    """Whether the last start was too short ago for another one."""
    pause_s, began = book.limits.launch_delay_s, book.machine.began_at
    return bool(pause_s) and began is not None and 0 <= at - began < (pause_s or 0.0)


def is_short(book: Ledger, like: tuple[str, str, str], at: float, *, worktree: bool = True) -> bool:
    """Whether the machine has no room for one more like this (see `kind_of`)."""
    machine, reading = book.machine, book.machine.reading
    if reading is None:
        return False
    holding = [(name, page) for name, page in book.live() if page.holds == "agent"]
    if machine.level is not Level.NONE or (worktree and _lacks_disk(book, reading)):
        return True
    if not holding:
        return False
    if any(_stopped_often(book, page.task) for _, page in holding):
        return True
    if machine.parallel is not None and len(holding) >= machine.parallel:
        return True
    used = reading.total_mb - reading.available_mb + machine.expected(like, book.limits)
    for name, page in holding:
        now_mb = machine.used.get(name, 0.0)
        used += max(0.0, machine.expected(kind_of(page), book.limits) - now_mb)
    share = 100.0 * used / reading.total_mb
    began = machine.began_at
    least_s = book.limits.launch_delay_s
    pause = began is not None and 0 <= at - began < (PAUSE_S if least_s is None else least_s)
    return share >= START_PCT or (pause and share >= PAUSE_PCT)
