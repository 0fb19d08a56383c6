"""The landing queue alone, played in a made-up time: what it costs, and what it never does.

The real core is driven; agents and checks take as long as they are told to, and a check is red on
every tree with a bad change in it, sometimes on others too. What comes back are figures: how often
the gate ran, what was sent back wrongly, how long it took, whom a batch passed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from random import Random

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import (
    BatchFormed,
    ChangeQueued,
    Event,
    Landed,
    RunStarted,
    Stage,
    WorkReturned,
)
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Check, Deliver, Limits, Plan, Task, task_of
from gangsaw.core.state import State
from gangsaw.core.terms import CheckResult, Judgement
from gangsaw.core.work import turn

GATE = (Check("gate", ("gate",)),)
NAMED_GATE = (Check("gate", ("gate",), only="gate {tests}"),)
START = "c0"
TURNS_MAX = 100_000
"""Turns of the loop within which a run must be over; reaching it means that it stands still."""

Prepared = tuple[State, list[ac.Action], float, "Branches"]


@dataclass(frozen=True, slots=True)
class Change:
    """A task whose agent needs `work_s`; a bad one is red wherever it is."""

    work_s: float = 0.0
    bad: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    """How long the gate takes on one candidate, and how often it is red for nothing (0 to 1).
    `named`: it names the tests that failed, one of each bad change, and can run only these, in
    `some_s`."""

    lasts_s: float = 1.0
    flaky: float = 0.0
    named: bool = False
    some_s: float = 0.1


class Wrong(Exception):
    """The queue did what it never may."""


@dataclass(slots=True)
class Branches:
    """Commits by name, each with the tasks in it."""

    trees: dict[str, frozenset[str]] = field(default_factory=lambda: {START: frozenset()})
    head: str = START

    def commit(self, tree: frozenset[str]) -> str:
        """A new commit with this tree."""
        name = f"c{len(self.trees)}"
        self.trees[name] = tree
        return name


@dataclass(slots=True)
class Figures:
    """What a run amounted to: `runs` of the gate for landings, `parts` of only some of its tests,
    good changes that did `not_landed`,
    its length, and the most batches that were formed while a change was ready and in none
    (`waited`), and while it was the oldest of all (`passed`); what was set aside from a batch, and
    is looked at by itself, is no further one."""

    runs: int = 0
    parts: int = 0
    not_landed: int = 0
    lasted_s: float = 0.0
    batches: int = 0
    waited: int = 0
    passed: int = 0


class QueueRun:
    """One run; `figures` are complete when `run` returns."""

    def __init__(
        self,
        changes: Sequence[Change],
        gate: Gate,
        rng: Random,
        *,
        window: int = 16,
        agents: int = 0,
        slots: int = 1,
        start: Prepared | None = None,
    ) -> None:
        self.figures = Figures()
        self._changes = {f"t{at}": change for at, change in enumerate(changes)}
        self._gate, self._rng = gate, rng
        self._agenda: list[tuple[float, int, ac.Action, ob.Observation]] = []
        self._in_flight: list[ac.Action] = []
        self._reports = 0
        self._green: set[frozenset[str]] = set()
        self._ready: dict[str, int] = {}
        """Attempt that is ready, and neither in a batch nor over → batches formed since."""
        self._oldest = ("", 0)
        """The one that has been ready for longest, and the batches formed since it is."""
        self._since: dict[str, None] = {}
        """Attempts in the order in which they were first ready, until they are over."""
        if start is not None:
            state, self._actions, self._now, branches = start
            self._state, self._branches = copied(state), replace(branches)
            self._branches.trees = dict(branches.trees)
            waiting = [link.about for link in state.landings] + state.queue
            self._since, self._ready = dict.fromkeys(waiting), dict.fromkeys(waiting, 0)
            return
        self._state, self._branches, self._now = State(), Branches(), 0.0
        tasks = tuple(
            Task(name, name, "", priority=change.priority, attempts=1)
            for name, change in self._changes.items()
        )
        limits = Limits(
            max_agents=agents or len(tasks), turns_max=1, attempts_max=1, window=window,
            check_slots=slots,
            deliver=Deliver.NEVER, stall_s=1e9, timeout_s=1e9,
        )  # fmt: skip
        of_run = NAMED_GATE if gate.named else GATE
        begun = RunStarted("r1", Plan("", tasks), limits, "main", "gangsaw/run/r1", START, of_run)
        evolve(self._state, begun, self._now)
        self._actions = self._tell([ob.IntegrationAt(START)])

    # --- the loop -------------------------------------------------------------------------------

    def run(self) -> Figures:
        """Play it to its end."""
        for _ in range(TURNS_MAX):
            if self._state.end is not None:
                break
            self._go_on()
        else:
            raise Wrong("no end")
        landed = {task for task, known in self._state.task_states.items() if known.finished}
        self.figures.lasted_s = self._now
        good = {name for name, change in self._changes.items() if not change.bad}
        self.figures.not_landed = len(good - landed)
        return self.figures

    def until_queued(self) -> Prepared:
        """Play it until every change waits for its landing or is being combined; what to `start`
        further runs of the same changes from."""
        while len(self._state.queue) + len(self._state.landings) < len(self._changes):
            self._go_on()
        return self._state, self._actions, self._now, self._branches

    def _go_on(self) -> None:
        """To the next moment at which something is reported, and one turn of the core."""
        self._in_flight = [action for action in self._in_flight if action in self._actions]
        for action in self._actions:
            if action not in self._in_flight:
                self._in_flight.append(action)
                self._begin(action)
        if not self._agenda:
            raise Wrong("nothing is on its way, and nothing is over")
        self._now = self._agenda[0][0]
        seen: list[ob.Observation] = []
        while self._agenda and self._agenda[0][0] <= self._now:
            _, _, action, found = heapq.heappop(self._agenda)
            if action in self._in_flight:
                seen.append(found)
        self._actions = self._tell(seen)

    def _tell(self, seen: list[ob.Observation]) -> list[ac.Action]:
        events, actions = turn(self._state, self._now, seen)
        for event in events:
            self._follow(event)
        return actions

    # --- who waits ------------------------------------------------------------------------------

    def _follow(self, event: Event) -> None:
        match event:
            case ChangeQueued(attempt=attempt):
                self._since.setdefault(attempt)
                self._ready.setdefault(attempt, 0)
            case BatchFormed(members=members):
                self._form(members)
            case Landed(attempt=attempt) | WorkReturned(attempt=attempt):
                self._since.pop(attempt, None)
                self._ready.pop(attempt, None)
            case _:
                pass

    def _form(self, members: tuple[str, ...]) -> None:
        figures = self.figures
        if any(self._state.attempts[name].suspected for name in members):
            for name in members:
                self._ready.pop(name, None)
            return
        figures.batches += 1
        for name in self._ready:
            self._ready[name] += 1
        oldest = next(iter(self._since))
        known, formed = self._oldest
        self._oldest = (oldest, formed + 1 if known == oldest else 1)
        if oldest in self._ready:
            figures.passed = max(figures.passed, self._oldest[1])
        for name in members:
            figures.waited = max(figures.waited, self._ready.pop(name))

    # --- the world ------------------------------------------------------------------------------

    def _begin(self, action: ac.Action) -> None:
        lasts_s, found = self._carry_out(action)
        if found is not None:
            self._reports += 1
            heapq.heappush(self._agenda, (self._now + lasts_s, self._reports, action, found))

    def _carry_out(self, action: ac.Action) -> tuple[float, ob.Observation | None]:
        about, branches = action.about, self._branches
        match action:
            case ac.PrepareWorkspace():
                return 0.0, ob.WorkspaceAt(about, f"/{about}")
            case ac.RunTurn(launch=launch):
                done = TurnOutcome(OutcomeKind.DONE)
                lasts_s = self._changes[task_of(about)].work_s
                return lasts_s, ob.LaunchExited(about, launch, done, 0, None)
            case ac.InspectWork(launch=launch):
                work = branches.commit(frozenset({task_of(about)}))
                return 0.0, ob.WorkInspected(about, launch, work, f"tree-{work}", 1, 1, 0)
            case ac.RunChecks():
                return self._check(action)
            case ac.BuildCandidate(work=work, onto=onto):
                made = branches.commit(branches.trees[onto] | branches.trees[work])
                return 0.0, ob.CandidateMade(about, work, onto, made, f"tree-{made}")
            case ac.MoveIntegration():
                return 0.0, self._move(action)
            case ac.CloseWorkspace():
                return 0.0, ob.AttemptClosed(about, ())
            case _:
                return 0.0, None

    def _check(self, action: ac.RunChecks) -> tuple[float, ob.Observation]:
        of_landing = action.stage is Stage.CANDIDATE
        tree, red = self._branches.trees[action.commit], False
        if action.only:
            return self._check_some(action, tree)
        if of_landing:
            self.figures.runs += 1
            red = self._is_red(tree) or self._rng.random() < self._gate.flaky
            if not red:
                self._green.add(tree)
        judgement = Judgement.FAILED if red else Judgement.PASSED
        failing = self._failing(tree) if red and of_landing else ()
        results = tuple(
            CheckResult(check.name, judgement, 1.0, key=check.key, failing=failing)
            for check in action.checks
        )
        done = ob.ChecksDone(
            action.about, action.commit, action.tree, judgement, results, action.round
        )
        # What the work's own checks take is part of its agent's time.
        return self._gate.lasts_s if of_landing else 0.0, done

    def _check_some(
        self, action: ac.RunChecks, tree: frozenset[str]
    ) -> tuple[float, ob.Observation]:
        """Each test is red for nothing as often as the whole gate."""
        self.figures.parts += 1
        bad = [f"test-{name}" for name in tree if self._changes[name].bad]
        flaky = self._gate.flaky
        red = tuple(x for x in action.only if x in bad or self._rng.random() < flaky)
        judgement = Judgement.FAILED if red else Judgement.PASSED
        (check,) = action.checks
        result = CheckResult(check.name, judgement, 1.0, key=check.key, failing=red)
        done = (action.about, action.commit, action.tree, judgement, (result,))
        return self._gate.some_s, ob.ChecksDone(*done, action.round, action.only)

    def _failing(self, tree: frozenset[str]) -> tuple[str, ...]:
        """The tests that a red run names; one of them where it is red for nothing."""
        if not self._gate.named:
            return ()
        bad = sorted(f"test-{name}" for name in tree if self._changes[name].bad)
        return tuple(bad) or (f"test-{self._rng.choice(sorted(tree))}",)

    def _is_red(self, tree: frozenset[str]) -> bool:
        return any(self._changes[name].bad for name in tree)

    def _move(self, action: ac.MoveIntegration) -> ob.Observation:
        branches = self._branches
        tree = branches.trees[action.commit]
        if tree not in self._green or branches.head != action.onto:
            raise Wrong(f"the branch is moved from {branches.head} to {tree}, which is not green")
        if not branches.trees[branches.head] < tree:
            raise Wrong("a move that brings nothing, or loses something")
        joined = branches.commit(tree) if action.title else ""
        branches.head = joined or action.commit
        return ob.IntegrationMoved(action.about, action.commit, action.onto, joined)


def copied(state: State) -> State:
    """The same state, independent of the first."""
    made = State()
    for one in fields(State):
        value = getattr(state, one.name)
        own = value.copy() if isinstance(value, dict | list | set) else value
        setattr(made, one.name, own)
    return made


# --- what is asked of it --------------------------------------------------------------------------


def orders(
    count: int, bad: int, seeds: range, *, flaky: float = 0.0, named: bool = False
) -> list[Figures]:
    """`count` changes that are ready at once, `bad` of them in places that each seed gives."""
    ready = QueueRun([Change()] * count, Gate(named=named), Random(0)).until_queued()

    def one(seed: int) -> Figures:
        rng = Random(seed)
        places = set(rng.sample(range(count), bad))
        changes = [Change(bad=at in places) for at in range(count)]
        return QueueRun(changes, Gate(flaky=flaky, named=named), rng, start=ready).run()

    return [one(seed) for seed in seeds]


def arrivals(seed: int, *, named: bool = False) -> Figures:
    """Changes of several priorities that come at random moments, some of them bad, some checks
    flaky: mostly the urgent ones come late."""
    rng = Random(seed)
    count, busy = rng.randint(10, 60), rng.choice((0.2, 0.5, 1.0, 3.0))
    often: Callable[[], float] = rng.random
    changes = [
        Change(
            work_s=busy * count * often() / rng.choice((1, 4)),
            bad=often() < rng.choice((0.0, 0.05, 0.3)),
            priority=rng.choice((0, 0, 1, 5)),
        )
        for _ in range(count)
    ]
    gate = Gate(lasts_s=rng.choice((0.3, 1.0, 4.0)), flaky=rng.choice((0.0, 0.03)))
    gate = replace(gate, named=named)
    return QueueRun(changes, gate, rng, window=rng.choice((1, 4, 16))).run()


@dataclass(frozen=True, slots=True)
class Makespan:
    """How long it took, and how long it takes at least: the longest task, or all work over all
    agents."""

    lasted_s: float
    least_s: float
    runs: int

    @property
    def ratio(self) -> float:
        """How often the least time it took."""
        return self.lasted_s / self.least_s


def makespan(tasks: int, agents: int, gate_s: float, seed: int, *, window: int = 16) -> Makespan:
    """Independent tasks of one second each on average (half to one and a half)."""
    rng = Random(seed)
    changes = [Change(work_s=0.5 + rng.random()) for _ in range(tasks)]
    figures = QueueRun(changes, Gate(gate_s), rng, window=window, agents=agents).run()
    works = [change.work_s for change in changes]
    least_s = max(max(works), sum(works) / agents)
    return Makespan(figures.lasted_s, least_s, figures.runs)
