"""The landing queue beside a naive model: what is taken in next, what is checked together, who goes
back, and that what is on the branch got there once, in order, checked, and without being lost.

The machine plays git with lists: a commit is the works in it, in the order in which they came. The
branch moves by compare-and-swap; somebody else may move it too. Reports come, are told late and
twice, or are lost with the engine.
"""

from __future__ import annotations

import json
from collections import Counter
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
from gangsaw.testing.mutants import MUTANTS, planted
from tests.stateful_runs import PORTIONS, how_found, run_portion

NAMES = "abcde"
GATE = (Check("test", ("test",)),)
STEPS_TO_REST_MAX = 600
RED_RUNS_MIN = 2


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


Works = tuple[str, ...]


@dataclass
class Branch:
    """Git, as far as landing needs it: commits by name, with the works and the commits in them."""

    at: str = "c0"
    works: dict[str, Works] = field(default_factory=lambda: {"c0": ()})
    above: dict[str, frozenset[str]] = field(default_factory=lambda: {"c0": frozenset({"c0"})})
    joins: dict[tuple[str, str], str] = field(default_factory=dict)

    def commit(self, works: Works, *parents: str) -> str:
        name = f"c{len(self.works)}"
        self.works[name] = works
        self.above[name] = frozenset({name}).union(*(self.above[parent] for parent in parents))
        return name

    def merged(self, onto: str, work: str) -> Works:
        ours = self.works[onto]
        return (*ours, *(each for each in self.works[work] if each not in ours))

    def join(self, commit: str, onto: str) -> str:
        """The commit, the same each time, that joins the two and has the tree of the first."""
        if (commit, onto) not in self.joins:
            self.joins[commit, onto] = self.commit(self.works[commit], onto, commit)
        return self.joins[commit, onto]

    def swap(self, commit: str, onto: str) -> str:
        """Move the branch if it is at `onto`; where it is, or `commit` if it contains that."""
        if self.at == onto:
            self.at = commit
        return commit if commit in self.above[self.at] else self.at


class Careless(Branch):
    """A branch that is moved without a look at where it is."""

    def swap(self, commit: str, onto: str) -> str:
        return super().swap(commit, self.at)


@dataclass
class Link:
    """One that is being combined with those before it: its candidate, whether that is in conflict,
    red runs of it that the core has heard of, and whether it is checked with others."""

    about: str
    candidate: str = ""
    onto: str = ""
    clashed: bool = False
    red: int = 0
    batched: bool = False


class LandingBesideModel(RuleBasedStateMachine):
    make_branch: Callable[[], Branch] = Branch

    @initialize(
        priorities=st.lists(st.sampled_from((0, 0, 3)), min_size=2, max_size=len(NAMES)),
        window=st.sampled_from((1, 3, 5)),
        ready=st.booleans(),
    )
    def begin(self, priorities: list[int], window: int, ready: bool) -> None:
        tasks = [
            Task(name, name, "", priority=priority)
            for name, priority in zip(NAMES, priorities, strict=False)
        ]
        limits = Limits(max_agents=8, window=window, deliver=Mode.NEVER, stall_s=1e9, timeout_s=1e9)
        self.limits, self.now, self.asked, self.strangers = limits, 100.0, 0, 0
        self.branch = self.make_branch()
        self.log: list[tuple[float, str]] = []
        self.late: list[ob.Observation] = []
        self.candidates: dict[tuple[str, str], str] = {}
        # The world: a tree is green or red for ever; what really clashed, and how often it ran red.
        self.is_green: dict[Works, bool] = {}
        self.clashes = set[tuple[str, str]]()
        self.reds = Counter[str]()
        # The naive queue: since when each waits, and behind whom; what is combined; what landed.
        self.rank = {task.id: (-task.priority, at) for at, task in enumerate(tasks)}
        self.since, self.behind = dict[str, float](), dict[str, str]()
        self.queue, self.links = set[str](), list[Link]()
        self.first, self.oldest = set[str](), ""
        self.moving, self.held = "", False
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
        """Without faults everything comes to its end."""
        if not hasattr(self, "state"):
            return
        self._ask("resume")
        self._ask("queue-resume")
        for _ in range(STEPS_TO_REST_MAX):
            self.now += 1000.0
            self._tell(*self.late)
            self.late.clear()
            if not self.actions:
                break
            self._tell(*self._effect(self.actions[0], Luck.GOOD))
        assert not self.actions, f"no rest: {self.actions[0]} {self.state.landings}"
        assert not self.state.queue
        assert not self.state.landings
        assert self._on_branch() == self.landed
        assert all(known.closed for known in self.state.task_states.values())

    # --- the engine -----------------------------------------------------------------------------

    def _write(self, events: list[ev.Event]) -> None:
        self.log += [(self.now, json.dumps([event.kind, encode(event)])) for event in events]

    def _tell(self, *seen: ob.Observation) -> None:
        events, self.actions = turn(self.state, self.now, seen)
        self._write(events)
        taken = False
        for event in events:
            taken = self._follow(event, taken)
        self._agree()

    def _follow(self, event: ev.Event, taken: bool) -> bool:
        """The queue, as it follows from the events; whether this one took a change in, as the one
        before it may have done (`taken`)."""
        match event:
            case ev.ChangeQueued(attempt=attempt, against=against):
                names = [link.about for link in self.links]
                assert not against or attempt in names[names.index(against) :], "nobody ahead"
                self._out(attempt)
                self.queue.add(attempt)
                self.since.setdefault(attempt, self.now)
                self.behind[attempt] = against
            case ev.CandidateWanted(attempt=attempt) if attempt in self.queue:
                self._is_next(attempt, taken)
                self.queue.remove(attempt)
                self.links.append(Link(attempt))
                return True
            case ev.CandidateWanted(attempt=attempt):
                link = self._link(attempt)
                self.links[self.links.index(link)] = Link(attempt, batched=link.batched)
            case ev.CandidateBuilt(attempt=attempt, onto=onto, commit=commit):
                self._link(attempt).candidate, self._link(attempt).onto = commit, onto
            case ev.CandidateConflicted(attempt=attempt, onto=onto):
                self._link(attempt).clashed, self._link(attempt).onto = True, onto
            case ev.BatchFormed(members=members):
                self._form(members)
            case ev.CandidateJudged(attempt=attempt, judgement=Judgement.FAILED):
                link = self._link(attempt)
                link.red += 1
                assert link.red <= self.reds[link.candidate], "a run counts twice"
            case ev.WorkReturned(attempt=attempt) | ev.AttemptFailed(attempt=attempt):
                self._goes(attempt, getattr(event, "cause", None))
            case ev.LandingWanted(attempt=attempt, commit=commit, onto=onto):
                self._may_land(attempt, commit, onto)
                self.moving = attempt
            case ev.LandingMissed():
                self.moving = ""
            case ev.Landed(attempt=attempt, task=task):
                assert self.moving, "nothing was to land"
                assert self.links.pop(0).about == attempt, "not its turn"
                self.moving = "" if attempt == self.moving else self.moving
                self.landed.append(task)
                self.first.discard(task)
                self.since.pop(attempt)
            case ev.PutFirst(task=task):
                self.first.add(task)
            case ev.QueueHeld() | ev.QueueReleased():
                self.held = isinstance(event, ev.QueueHeld)
            case _:
                pass
        return False

    def _link(self, about: str) -> Link:
        return next(link for link in self.links if link.about == about)

    def _out(self, about: str) -> None:
        """It is no longer combined, nor queued."""
        moved = [link.about for link in self.links[: self._moving_to()]]
        assert about not in moved, "taken out while it may be landing"
        self.links = [link for link in self.links if link.about != about]
        self.queue.discard(about)

    def _moving_to(self) -> int:
        """How many links the branch may have been moved over."""
        names = [link.about for link in self.links]
        return names.index(self.moving) + 1 if self.moving else 0

    def _is_next(self, attempt: str, taken: bool) -> None:
        """What people put first; the one that waits longest when the first of several is taken
        in; then the best."""
        inside = {link.about for link in self.links}
        free = {name for name in self.queue if self.behind[name] not in inside}
        if not taken:
            waits = {name: (self.since[name], self.rank[task_of(name)]) for name in free}
            self.oldest = min(waits, key=waits.__getitem__, default="")

        def key(name: str) -> tuple[bool, bool, tuple[int, int]]:
            put_first = task_of(name) in self.first
            return not put_first, name != self.oldest, self.rank[task_of(name)]

        assert not self.held, "a held queue takes in"
        assert sum(not link.batched for link in self.links) < self.limits.window
        assert attempt in free, f"{attempt} waits behind {self.behind[attempt]}"
        best = min(free, key=key)
        assert attempt == best, f"{attempt} goes before {best}"

    def _form(self, members: tuple[str, ...]) -> None:
        assert not self.held, "a held queue forms a batch"
        assert all(link.about in self._moved() for link in self.links if link.batched)
        chosen = [link for link in self.links if not link.batched][: len(members)]
        assert [link.about for link in chosen] == list(members), "not those that come next"
        alone = [name for name in members if task_of(name) in self.first]
        assert len(members) <= (1 if alone else self.limits.window)
        for link in chosen:
            link.batched = True

    def _moved(self) -> list[str]:
        return [link.about for link in self.links[: self._moving_to()]]

    def _may_land(self, attempt: str, commit: str, onto: str) -> None:
        names = [link.about for link in self.links]
        place = names.index(attempt)
        assert not self.moving, "two moves at a time"
        assert self.links[place].candidate == commit
        works = self.branch.works[commit]
        assert self.is_green.get(works), "it is not green"
        head = self.branch.works[onto]
        brought = [work.partition("#")[0] for work in works[len(head) :]]
        assert works[: len(head)] == head, "it does not have what is on the branch"
        assert brought == names[: place + 1], "another tree than that of the branch and these"

    def _goes(self, attempt: str, cause: ev.Cause | None) -> None:
        """Nobody goes back but the first, for what it is itself to blame for."""
        if attempt in [link.about for link in self.links]:
            link = self._link(attempt)
            head = self.branch.works[self.state.head]
            first = link is self.links[0] and self.branch.works.get(link.onto) == head
            if cause is ev.Cause.CONFLICT:
                assert first, "it was not on top of what landed"
                assert (attempt, link.onto) in self.clashes, "no conflict of its own"
            if cause is ev.Cause.COMBINATION:
                assert first, "it was not on top of what landed"
                assert link.red >= RED_RUNS_MIN, "not red once more"
        self._out(attempt)
        self.since.pop(attempt, None)

    def _on_branch(self) -> list[str]:
        """Tasks in the order in which they came onto the branch."""
        works = [w for w in self.branch.works[self.branch.at] if not w.startswith("@")]
        return [task_of(work.partition("#")[0]) for work in works]

    def _agree(self) -> None:
        """The core knows what the model does; the branch has what is known to have landed and, at
        most, what is being landed; and that is green."""
        state, on = self.state, self._on_branch()
        assert state.landed == self.landed
        moved = [task_of(about) for about in self._moved()]
        assert on in (self.landed, self.landed + moved), "lost, doubled, or in another order"
        assert len(set(on)) == len(on), "a task is put on the branch twice"
        works = self.branch.works[self.branch.at]
        ours = not works or works[-1].startswith("@") or self.is_green.get(works)
        assert ours, "what is red was put on the branch"
        theirs = {work for work in works if work.startswith("@")}
        assert len(theirs) == self.strangers, "what somebody else put on it is lost"
        assert set(state.queue) == self.queue
        assert [link.about for link in state.landings] == [link.about for link in self.links]

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
                others = [w for w in branch.works[onto] if not w.startswith(f"{about}#")]
                work = branch.commit((*others, f"{about}#{launch}"), onto)
                return [ob.WorkInspected(about, launch, work, f"tree-{work}", 1, 1, 0)]
            case ac.RunChecks():
                return [self._check(action, luck)]
            case ac.BuildCandidate(work=work, onto=onto) if (work, onto) not in self.candidates:
                if luck is Luck.BAD:
                    self.clashes.add((about, onto))
                    against = action.ahead[-1][0] if action.ahead else ""
                    return [ob.CandidateClashed(about, work, onto, ("x",), against)]
                made = branch.commit(branch.merged(onto, work), onto, work)
                self.candidates[work, onto] = made
                return self._effect(action, luck)
            case ac.BuildCandidate(work=work, onto=onto):
                made = self.candidates[work, onto]
                tree = " ".join(branch.works[made])
                return [ob.CandidateMade(about, work, onto, made, f"tree {tree}")]
            case ac.MoveIntegration(commit=commit, onto=onto, title=title):
                head = branch.join(commit, onto) if title else commit
                found = branch.swap(head, onto)
                if found == head:
                    return [ob.IntegrationMoved(about, commit, onto, head if title else "")]
                return [ob.IntegrationElsewhere(about, commit, onto, found)]
            case ac.CloseWorkspace():
                return [ob.AttemptClosed(about, ())]
            case _:
                return []

    def _check(self, action: ac.RunChecks, luck: Luck) -> ob.Observation:
        judgement = Judgement.PASSED
        if action.stage is Stage.CANDIDATE:
            works = self.branch.works[action.commit]
            green = self.is_green.setdefault(works, luck is not Luck.BAD)
            judgement = Judgement.PASSED if green else Judgement.FAILED
            judgement = Judgement.INCONCLUSIVE if luck is Luck.UNSURE else judgement
            self.reds[action.commit] += judgement is Judgement.FAILED
        results = (CheckResult("test", judgement, 1.0),)
        return ob.ChecksDone(
            action.about, action.commit, action.tree, judgement, results, action.round
        )

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
        branch = self.branch
        self.strangers += 1
        works = (*branch.works[branch.at], f"@#{self.strangers}")
        branch.at = branch.commit(works, branch.at)

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

    @rule(
        verb=st.sampled_from(("cancel", "retry", "land", "pause", "resume", "queue-pause")),
        which=st.integers(0, 4),
    )
    def people_meddle(self, verb: str, which: int) -> None:
        tasks = list(self.state.tasks)
        self._ask(verb, tasks[which % len(tasks)] if verb in ("cancel", "retry", "land") else "")

    @rule()
    def the_queue_goes_on(self) -> None:
        self._ask("queue-resume")


# --- planted faults ------------------------------------------------------------------------------

FAULTS = (
    "a missed compare-and-swap is taken for a landing",
    "candidates are not checked",
    "a red candidate lands",
    "the wrong change is sent back",
    "a change goes back after one red run",
    "red runs on another base count",
    "no verdict is taken for a red one",
    "the last of a red batch is to blame",
    "the rest of a batch is forgotten when one of it goes back",
    "a conflict with a change ahead is taken for one with what landed",
    "one more than was checked lands",
    "the half of a red batch lands unchecked",
    "links are not built anew when what is before them goes",
    "a link stays as good as the head when somebody else has moved that",
    "only the last of those that land together has landed",
)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_of_landing_is_found(name: str) -> None:
    with planted(MUTANTS[name]):
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
