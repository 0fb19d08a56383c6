"""Landing beside a naive model: which work comes next, and that what is on the branch got there
once, checked, and without anything being lost.

The machine plays git with sets: a commit is the set of the works in it. The branch moves by
compare-and-swap; somebody else may move it too. Reports come, are told late and twice, or are lost
with the engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gangsaw.core import actions as ac
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events import CheckResult, Judgement, Stage
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Check, Limits, Plan, Task, task_of
from gangsaw.core.model import Deliver as Mode
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from gangsaw.testing.golden import digest
from gangsaw.testing.mutants import MUTANTS
from tests.stateful_runs import PORTIONS, how_found, run_portion

NAMES = "abcde"
GATE = (Check("test", ("test",)),)
STEPS_TO_REST_MAX = 600


class Luck(Enum):
    """How an effect ends."""

    GOOD = "well"
    BAD = "in conflict, or red"
    UNSURE = "without a verdict"


class Report(Enum):
    """When the engine hears of it."""

    TOLD = "at once"
    TWICE = "at once, and once more"
    LATE = "some time"
    LOST = "never: it dies before"


LUCKS = st.sampled_from((*[Luck.GOOD] * 6, Luck.BAD, Luck.BAD, Luck.UNSURE))
REPORTS = st.sampled_from((*[Report.TOLD] * 6, *Report))


@dataclass
class Branch:
    """Git, as far as landing needs it: commits by name, with the works and the commits in them."""

    at: str = "c0"
    works: dict[str, frozenset[str]] = field(default_factory=lambda: {"c0": frozenset()})
    above: dict[str, frozenset[str]] = field(default_factory=lambda: {"c0": frozenset({"c0"})})
    moves: list[tuple[str, str]] = field(default_factory=list)
    """(attempt, commit) of every move by us, in order."""

    def commit(self, works: frozenset[str], *parents: str) -> str:
        name = f"c{len(self.works)}"
        self.works[name] = works
        self.above[name] = frozenset({name}).union(*(self.above[parent] for parent in parents))
        return name

    def swap(self, about: str, commit: str, onto: str) -> str:
        """Move the branch if it is at `onto`; where it is, or `commit` if it contains that."""
        if self.at == onto:
            self.at = commit
            self.moves.append((about, commit))
        return commit if commit in self.above[self.at] else self.at


class Careless(Branch):
    """A branch that is moved without a look at where it is."""

    def swap(self, about: str, commit: str, onto: str) -> str:
        return super().swap(about, commit, self.at)


class LandingBesideModel(RuleBasedStateMachine):
    make_branch: Callable[[], Branch] = Branch

    @initialize(
        priorities=st.lists(st.sampled_from((0, 0, 3)), min_size=2, max_size=len(NAMES)),
        window=st.sampled_from((1, 1, 3)),
        ready=st.booleans(),
    )
    def begin(self, priorities: list[int], window: int, ready: bool) -> None:
        tasks = [
            Task(name, name, "", priority=priority)
            for name, priority in zip(NAMES, priorities, strict=False)
        ]
        limits = Limits(max_agents=8, window=window, deliver=Mode.NEVER, stall_s=1e9, timeout_s=1e9)
        self.limits, self.now, self.asked = limits, 100.0, 0
        self.branch = self.make_branch()
        self.log: list[tuple[float, str]] = []
        self.late: list[ob.Observation] = []
        self.candidates: dict[tuple[str, str], str] = {}
        self.judged: dict[str, Judgement] = {}
        # The naive queue: best rank first; which of them are being combined; what has landed.
        self.rank = {task.id: (-task.priority, at) for at, task in enumerate(tasks)}
        self.queue, self.combining = set[str](), set[str]()
        self.landed: list[str] = []
        self.state, self.actions = State(), list[ac.Action]()
        started = ev.RunStarted(
            "r1", Plan("", tuple(tasks)), limits, "main", "gangsaw/run/r1", "c0", GATE
        )
        evolve(self.state, started, self.now)
        self._write([started])
        self._tell(ob.IntegrationAt("c0"))
        for _ in range(3 * len(tasks) if ready else 0):  # all agents have done their work
            early = (ac.PrepareWorkspace, ac.RunTurn, ac.InspectWork)
            for action in [action for action in self.actions if isinstance(action, early)]:
                self._tell(*self._effect(action, Luck.GOOD))

    def teardown(self) -> None:
        """Without faults everything comes to its end: landed in the order of the moves, once."""
        if not hasattr(self, "state"):
            return
        self._ask("resume")
        for _ in range(STEPS_TO_REST_MAX):
            self.now += 1000.0
            self._tell(*self.late)
            self.late.clear()
            if not self.actions:
                break
            self._tell(*self._effect(self.actions[0], Luck.GOOD))
        assert not self.actions, "no rest"
        assert not self.state.queue
        assert not self.state.landings
        assert self.landed == [task_of(about) for about, _ in self.branch.moves]
        assert all(known.closed for known in self.state.task_states.values())

    # --- the engine -----------------------------------------------------------------------------

    def _write(self, events: list[ev.Event]) -> None:
        self.log += [(self.now, json.dumps([event.kind, encode(event)])) for event in events]

    def _tell(self, *seen: ob.Observation) -> None:
        events, self.actions = turn(self.state, self.now, seen)
        self._write(events)
        for event in events:
            self._follow(event)
        self._agree()

    def _follow(self, event: ev.Event) -> None:
        """The queue, as it follows from the events and from the rank."""
        match event:
            case ev.ChangeQueued(attempt=attempt):
                self.combining.discard(attempt)
                self.queue.add(attempt)
            case ev.CandidateWanted(attempt=attempt, onto=onto):
                best = min(self.queue, key=lambda name: self.rank[task_of(name)])
                assert attempt == best, f"{attempt} goes before {best}"
                assert onto in self.branch.above[self.branch.at], "onto what was never there"
                self.queue.remove(attempt)
                self.combining.add(attempt)
                assert len(self.combining) <= self.limits.window
            case ev.WorkReturned(attempt=attempt) | ev.AttemptFailed(attempt=attempt):
                self.queue.discard(attempt)
                self.combining.discard(attempt)
            case ev.LandingWanted(attempt=attempt, commit=commit, onto=onto):
                assert self.judged.get(commit) is Judgement.PASSED, "it is not green"
                assert attempt in self.combining
            case ev.Landed(attempt=attempt, task=task, commit=commit):
                assert (attempt, commit) in self.branch.moves, "it did not land"
                assert task not in self.landed, "it lands twice"
                self.combining.remove(attempt)
                self.landed.append(task)
            case _:
                pass

    def _agree(self) -> None:
        state, moves = self.state, self.branch.moves
        assert state.landed == self.landed
        order = [task_of(about) for about, _ in moves]
        assert order[: len(self.landed)] == self.landed
        assert len(order) <= len(self.landed) + 1, "moved before the last move was heard of"
        assert len(set(order)) == len(order), "a task is put on the branch twice"
        works = self.branch.works[self.branch.at]
        assert {task_of(work.partition("#")[0]) for work in works} >= set(order), "work is lost"
        for _, commit in moves:
            assert commit in self.branch.above[self.branch.at], "a landing is lost"
            assert self.judged.get(commit) is Judgement.PASSED, "what is red was put on the branch"
        assert set(state.queue) == self.queue
        assert {found.about for found in state.landings} == self.combining

    def _die(self) -> None:
        """The next engine knows what the log says; what was on its way is never told."""
        again = State()
        for at, text in self.log:
            kind, body = json.loads(text)
            evolve(again, decode_event(kind, body), at)
        assert digest(again) == digest(self.state)
        self.state = again
        self.late.clear()
        self._tell(ob.EngineUp(1, "v", "boot", "group", again.limits))

    # --- the world ------------------------------------------------------------------------------

    def _effect(self, action: ac.Action, luck: Luck) -> list[ob.Observation]:
        """Carry it out; what there is to report."""
        about, branch = action.about, self.branch
        match action:
            case ac.PrepareWorkspace():
                return [ob.WorkspaceAt(about, "/w")]
            case ac.RunTurn(launch=launch):
                done = TurnOutcome(OutcomeKind.DONE, "")
                return [ob.LaunchExited(about, launch, done, 0, None)]
            case ac.StopTurn(launch=launch):
                return [ob.LaunchLost(about, launch, True, "stopped")]
            case ac.InspectWork(launch=launch, against=against):
                onto = against if against in branch.works else "c0"
                others = {w for w in branch.works[onto] if not w.startswith(f"{about}#")}
                work = branch.commit(frozenset({*others, f"{about}#{launch}"}), onto)
                return [ob.WorkInspected(about, launch, work, f"tree-{work}", 1, 1, 0)]
            case ac.RunChecks(stage=stage, commit=commit, tree=tree):
                return [self._check(about, stage, commit, tree, luck)]
            case ac.BuildCandidate(work=work, onto=onto) if (work, onto) not in self.candidates:
                if luck is Luck.BAD:
                    return [ob.CandidateClashed(about, work, onto, ("x",))]
                both = branch.works[work] | branch.works[onto]
                self.candidates[work, onto] = branch.commit(both, onto, work)
                return self._effect(action, luck)
            case ac.BuildCandidate(work=work, onto=onto):
                made = self.candidates[work, onto]
                return [ob.CandidateMade(about, work, onto, made, f"tree-{made}")]
            case ac.MoveIntegration(commit=commit, onto=onto):
                found = branch.swap(about, commit, onto)
                if found == commit:
                    return [ob.IntegrationMoved(about, commit, onto)]
                return [ob.IntegrationElsewhere(about, commit, onto, found)]
            case ac.CloseWorkspace():
                return [ob.AttemptClosed(about, ())]
            case _:
                return []

    def _check(
        self, about: str, stage: Stage, commit: str, tree: str, luck: Luck
    ) -> ob.Observation:
        judgement = {
            Luck.GOOD: Judgement.PASSED,
            Luck.BAD: Judgement.FAILED,
            Luck.UNSURE: Judgement.INCONCLUSIVE,
        }[luck if stage is Stage.CANDIDATE else Luck.GOOD]
        # A tree is red or green for ever.
        if judgement is not Judgement.INCONCLUSIVE:
            judgement = self.judged.setdefault(commit, judgement)
        return ob.ChecksDone(about, commit, tree, judgement, (CheckResult("test", judgement, 1.0),))

    # --- what happens ---------------------------------------------------------------------------

    @rule(steps=st.lists(st.tuples(st.integers(0, 9), LUCKS, REPORTS), min_size=1, max_size=5))
    def the_world_goes_on(self, steps: list[tuple[int, Luck, Report]]) -> None:
        for which, luck, report in steps:
            if not self.actions:
                return
            seen = self._effect(self.actions[which % len(self.actions)], luck)
            match report:
                case Report.TOLD:
                    self._tell(*seen)
                case Report.TWICE:
                    self._tell(*seen, *seen)
                    self.late += seen
                case Report.LATE:
                    self.late += seen
                case Report.LOST:
                    self._die()

    @rule(which=st.integers(0, 9))
    def a_late_report_comes(self, which: int) -> None:
        if self.late:
            self._tell(self.late.pop(which % len(self.late)))

    @rule()
    def somebody_moves_the_branch(self) -> None:
        self.branch.at = self.branch.commit(self.branch.works[self.branch.at], self.branch.at)

    @rule(by_s=st.sampled_from((1.0, 30.0, 400.0)))
    def time_passes(self, by_s: float) -> None:
        self.now += by_s
        self._tell()

    @rule()
    def the_engine_is_killed(self) -> None:
        self._die()

    def _ask(self, verb: str, task: str = "") -> None:
        self.asked += 1
        self._tell(ob.Asked(f"k{self.asked}", verb, task, "me"))

    @rule(verb=st.sampled_from(("cancel", "retry", "pause", "resume")), which=st.integers(0, 4))
    def people_meddle(self, verb: str, which: int) -> None:
        tasks = list(self.state.tasks)
        self._ask(verb, tasks[which % len(tasks)] if verb in ("cancel", "retry") else "")


# --- planted faults ------------------------------------------------------------------------------

FAULTS = (
    "a missed compare-and-swap is taken for a landing",
    "candidates are not checked",
    "a red candidate lands",
    "the wrong change is sent back",
)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_of_landing_is_found(name: str) -> None:
    with MUTANTS[name].planted():
        how_found(LandingBesideModel)


def test_a_move_without_compare_and_swap_is_found() -> None:
    class Planted(LandingBesideModel):
        make_branch = Careless

    how_found(Planted)


@pytest.mark.parametrize("portion", PORTIONS)
@pytest.mark.guarantee("G7")
def test_landing_beside_a_model(
    portion: int, record_property: Callable[[str, object], None]
) -> None:
    run_portion(LandingBesideModel, portion, record_property)
