"""The scheduler beside a naive model, which says after each report which tasks must start now.

The core is driven by `turn` as in a run; the machine plays the world and reports whatever may
happen to what the core wants. The model knows only what it reported itself, and what is in the
commits that it made for that: what the branch is being moved to lands whole, and nothing else
lands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from gangsaw.core import actions as ac
from gangsaw.core import chain, graph
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events import Cause, Pressure
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import AgentSlots, Limits, Plan, Task
from gangsaw.core.model import Deliver as Mode
from gangsaw.core.policy import soon
from gangsaw.core.policy.admission import hold_for
from gangsaw.core.state import State, is_live
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from gangsaw.testing.golden import digest
from gangsaw.testing.mutants import MUTANTS, planted
from tests.stateful_runs import PORTIONS, how_found, run_portion

NAMES = "abcdef"
BACKOFF_S = 10.0
LIMITS = Limits(
    max_agents=2,
    turns_max=1,
    attempts_max=2,
    crashes_max=2,
    backoff_base_s=BACKOFF_S,
    stall_s=1e9,
    timeout_s=1e9,
    deliver=Mode.NEVER,
    # The model knows a crash as the end of an attempt: these cannot be told what they left.
    agents=(AgentSlots("one", slots=1, told=False), AgentSlots("many", told=False)),
    default_agent="many",
)
LAUNCHES_WITHOUT_RUN_MAX = 5

Shape = tuple[tuple[int, ...], str, str | None, int, str | None, float]
SHAPES: st.SearchStrategy[Shape] = st.tuples(
    st.sampled_from(((), (), (0,), (1,), (0, 1), (2,))),  # needs: so many places before it
    st.sampled_from(("", "", "src/", "src/a/", "src/b/", "docs/")),
    st.sampled_from((None, None, "db")),
    st.sampled_from((0, 0, 5)),
    st.sampled_from((None, None, "one")),
    st.sampled_from((60.0, 60.0, 170.0)),  # how long it is said to take
)
KEPT_FOR = 0.05
"""For this part of that a slot is kept for a task which waits for landings alone."""


class Luck(Enum):
    """How what is wanted ends."""

    GOOD = "well"
    BAD = "with nothing that could land, where that can be"
    FAILED = "the agent failed"
    CRASHED = "its process was killed"
    LIMITED = "at a limit of usage"
    REFUSED = "it refused"
    LOST = "without a record"
    NEVER_RAN = "before it began"


LIMIT_S = 60.0
LUCKS = st.sampled_from((Luck.GOOD,) * 12 + tuple(Luck))
CAUSES = {
    Luck.FAILED: Cause.EXIT,
    Luck.CRASHED: Cause.CRASHED,
    Luck.LIMITED: Cause.LIMITED,
    Luck.REFUSED: Cause.REFUSED,
    Luck.LOST: Cause.LOST,
    Luck.NEVER_RAN: Cause.LOST,
}


def plan_of(shapes: list[Shape]) -> Plan:
    tasks = []
    for place, (back, scope, track, priority, agent, estimate_s) in enumerate(shapes):
        needs = tuple(NAMES[place - 1 - n] for n in back if place - 1 - n >= 0)
        tasks.append(
            Task(
                NAMES[place],
                NAMES[place],
                "",
                needs=needs,
                scope=(scope,) if scope else (),
                track=track,
                priority=priority,
                agent=agent,
                estimate_s=estimate_s,
            )
        )
    return Plan("", tuple(tasks))


@dataclass
class Known:
    """What the model knows of a task. `stage` of its live attempt; empty when there is none."""

    task: Task
    stage: str = ""
    number: int = 0
    tries: int = 0
    crashes: int = 0
    never_ran: int = 0
    retry_at: float = 0.0
    waits_since: float = 0.0
    cancel_wanted: bool = False
    landed: bool = False
    given_up: bool = False
    cancelled: bool = False

    @property
    def over(self) -> bool:
        return self.landed or self.given_up or self.cancelled


HOLDING = ("preparing", "at work", "looked at")


@dataclass
class Model:
    """The naive scheduler."""

    tasks: dict[str, Known]
    branch: bool = False
    paused: bool = False
    pressed: bool = False
    max_agents: int = LIMITS.max_agents
    failed: list[tuple[str, Cause, float, float]] = field(default_factory=list)
    """Attempts that must have failed in this turn: task, cause, shortest and longest wait."""

    def chain(self, name: str) -> float:
        """The longest chain from the task on, in seconds."""
        below = [known for known in self.tasks.values() if name in known.task.needs]
        own_s = self.tasks[name].task.estimate_s or 0.0
        return own_s + max((self.chain(known.task.id) for known in below), default=0.0)

    def ranked(self) -> list[Known]:
        """All tasks, those that should start first in front."""
        place = list(self.tasks)
        return sorted(
            self.tasks.values(),
            key=lambda k: (-k.task.priority, -self.chain(k.task.id), place.index(k.task.id)),
        )

    def reasons(self, known: Known, now: float) -> set[str]:
        """All reasons why the task may not start now."""
        task, found = known.task, set[str]()
        if not all(self.tasks[need].landed for need in task.needs):
            found |= {"needs", "failed_needs"}
        if known.retry_at > now:
            found.add("backoff")
        if self.paused:
            found.add("paused")
        if not self.branch:
            found.add("no_branch")
        if self.pressed:
            found.add("pressure")
        holding = [other for other in self.tasks.values() if other.stage in HOLDING]
        if len(holding) >= self.max_agents:
            found.add("slots")
        if len(self.kept_before(known, now)) >= max(1, self.max_agents - len(holding)):
            found.add("soon")
        if task.agent == "one" and any(other.task.agent == "one" for other in holding):
            found.add("agent_slots")
        for other in self.tasks.values():
            if not other.stage or other is known:
                continue
            if task.track and task.track == other.task.track:
                found.add("track")
            mine, theirs = "".join(task.scope), "".join(other.task.scope)
            if mine and theirs and (mine.startswith(theirs) or theirs.startswith(mine)):
                found.add("scope")
        return found

    def kept_before(self, known: Known, now: float) -> list[str]:
        """The tasks of a better rank for which a slot is kept."""
        ranked = self.ranked()
        one = any(k.task.agent == "one" and k.stage in HOLDING for k in ranked)
        found = []
        for other in ranked[: ranked.index(known)]:
            missing = [self.tasks[need] for need in other.task.needs if not self.tasks[need].landed]
            waiting = [need for need in missing if need.stage in ("waits", "moving")]
            if not missing or waiting != missing or other.over:
                continue
            until = max(need.waits_since for need in missing)
            until += KEPT_FOR * (other.task.estimate_s or 0.0)
            if now < until and not (one and other.task.agent == "one"):
                found.append(other.task.id)
        return found

    def start(self, now: float) -> list[str]:
        """The attempts that start now, in order."""
        started = []
        for known in self.ranked():
            if not known.stage and not known.over and not self.reasons(known, now):
                known.stage, known.never_ran = "preparing", 0
                known.number += 1
                started.append(f"{known.task.id}.{known.number}")
        return started

    def fail(self, known: Known, cause: Cause, told_s: float | None = None) -> None:
        """The live attempt ends without landing."""
        if known.cancel_wanted:
            cause = Cause.CANCELLED
        known.stage = ""
        wait = BACKOFF_S * 2**known.tries
        low, high = 0.75 * wait, 1.25 * wait
        free = (Cause.CANCELLED, Cause.CRASHED, Cause.LIMITED)
        known.tries += cause not in free
        if cause in (Cause.CANCELLED, Cause.CONFLICT):
            low = high = 0.0
        elif cause is Cause.CRASHED:
            wait = 0.0 if known.crashes < 2 else BACKOFF_S * 2 ** (known.crashes - 2)
            low, high = 0.75 * wait, 1.25 * wait
        elif cause is Cause.LIMITED:
            low = high = LIMITS.backoff_max_s if told_s is None else max(told_s, BACKOFF_S)
        self.failed.append((known.task.id, cause, low, high))
        if cause is Cause.CANCELLED:
            known.cancelled = True
        elif (
            cause in (Cause.EMPTY, Cause.REFUSED)
            or known.tries >= LIMITS.attempts_max
            or known.crashes > LIMITS.crashes_max
        ):
            known.given_up = True


class SchedulerBesideModel(RuleBasedStateMachine):
    @initialize(
        shapes=st.lists(SHAPES, min_size=3, max_size=len(NAMES)), window=st.sampled_from((16, 3, 1))
    )
    def begin(self, shapes: list[Shape], window: int) -> None:
        plan = plan_of(shapes)
        self.now, self.asked = 100.0, 0
        # Git, as far as landing needs it: the attempts in each commit, in the order in which
        # they came; and the candidates that the branch was to be moved to.
        self.inside: dict[str, tuple[str, ...]] = {"c0": ()}
        self.moves = set[str]()
        self.log: list[tuple[float, str]] = []
        self.state, self.actions = State(), list[ac.Action]()
        self.model = Model({task.id: Known(task) for task in plan.tasks})
        limits = replace(LIMITS, window=window)
        started = ev.RunStarted("r1", plan, limits, "main", "gangsaw/run/r1", "c0")
        evolve(self.state, started, self.now)
        self._write([started])
        self._tell()
        self.model.branch = True
        self._tell(ob.IntegrationAt("c0"))

    # --- the engine -----------------------------------------------------------------------------

    def _write(self, events: list[ev.Event]) -> None:
        self.log += [(self.now, json.dumps([event.kind, encode(event)])) for event in events]

    def _tell(self, *seen: ob.Observation) -> None:
        """One turn of the core; what starts, and what has failed, must be what the model says."""
        events, self.actions = turn(self.state, self.now, seen)
        self._write(events)
        failed = [event for event in events if isinstance(event, ev.AttemptFailed)]
        assert len(failed) == len(self.model.failed), (failed, self.model.failed)
        for event, (name, cause, low, high) in zip(failed, self.model.failed, strict=True):
            assert (event.attempt.split(".")[0], event.cause) == (name, cause)
            assert low <= event.retry_at - self.now <= high
            self.model.tasks[name].retry_at = event.retry_at
        self.model.failed.clear()
        admitted = [event for event in events if isinstance(event, ev.AttemptAdmitted)]
        assert [event.attempt for event in admitted] == self.model.start(self.now)
        assert all(event.base == self.state.head for event in admitted)
        self._look_at_moves()
        self._agree()

    def _look_at_moves(self) -> None:
        """The branch is moved to commits of changes that wait, and that nobody has called off."""
        moves = [action for action in self.actions if isinstance(action, ac.MoveIntegration)]
        assert len(moves) <= 1, "two moves at a time"
        for action in moves:
            fresh = action.commit not in self.moves
            self.moves.add(action.commit)
            for known in self._brought_by(action):
                assert known.stage == ("waits" if fresh else "moving"), "it cannot land"
                assert not (fresh and known.cancel_wanted), "it was cancelled before"
                known.stage = "moving"
        assert sum(known.stage == "moving" for known in self.model.tasks.values()) == sum(
            len(self._brought_by(action)) for action in moves
        )

    def _brought_by(self, move: ac.MoveIntegration) -> list[Known]:
        """The tasks that land with this move, each with the attempt that it has now."""
        landed = self.inside[move.onto]
        assert self.inside[move.commit][: len(landed)] == landed, "what landed would be lost"
        names = self.inside[move.commit][len(landed) :]
        tasks = [self.model.tasks[name.split(".")[0]] for name in names]
        assert names == tuple(f"{known.task.id}.{known.number}" for known in tasks)
        return tasks

    def _agree(self) -> None:
        """Statuses and reasons are those of the model."""
        for name, known in self.model.tasks.items():
            told = self.state.task_states[name]
            attempt = self.state.attempt_of(name)
            live = attempt is not None and is_live(attempt)
            assert (told.finished, told.cancelled) == (known.landed, known.cancelled)
            assert bool(told.given_up) == known.given_up
            assert (live, told.tries) == (bool(known.stage), known.tries)
            if not live and not told.closed:
                hold = hold_for(self.state, name, self.now)
                reasons = self.model.reasons(known, self.now)
                assert hold is not None
                assert hold.kind in reasons

    # --- what the world reports -----------------------------------------------------------------

    @rule(steps=st.lists(st.tuples(st.integers(0, 7), LUCKS), min_size=1, max_size=6))
    def the_world_goes_on(self, steps: list[tuple[int, Luck]]) -> None:
        """Something that the core wants is done, or not."""
        for which, luck in steps:
            if self.actions:
                action = self.actions[which % len(self.actions)]
                known = self.model.tasks.get(action.about.split(".")[0])
                if known is not None:
                    self._tell(*self._outcome(action, known, luck))

    def _outcome(self, action: ac.Action, known: Known, luck: Luck) -> list[ob.Observation]:
        about = action.about
        match action:
            case ac.PrepareWorkspace():
                known.stage = "at work"
                return [ob.WorkspaceAt(about, "/w")]
            case ac.RunTurn():
                return self._launch_ends(action, known, luck)
            case ac.InspectWork(launch=launch) if luck is Luck.BAD:
                self.model.fail(known, Cause.EMPTY)
                return [ob.WorkUnsound(about, launch, Cause.EMPTY, (), "no change")]
            case ac.InspectWork(launch=launch):
                known.stage, known.waits_since = "waits", self.now
                return [ob.WorkInspected(about, launch, f"w-{about}", f"t-{about}", 1, 1, 0)]
            case ac.BuildCandidate(work=work, onto=onto, ahead=ahead) if luck is Luck.BAD:
                against = ahead[-1][0] if ahead else ""
                if not against:  # otherwise it waits for that one
                    self.model.fail(known, Cause.CONFLICT)
                return [ob.CandidateClashed(about, work, onto, ("x",), against)]
            case ac.BuildCandidate(work=work, onto=onto):
                made = f"m{len(self.inside)}"
                self.inside[made] = (*self.inside[onto], about)
                return [ob.CandidateMade(about, work, onto, made, f"tree-{made}")]
            case ac.MoveIntegration(commit=commit, onto=onto, title=title):
                for moved in self._brought_by(action):
                    moved.stage, moved.landed = "", True
                joined = f"j{len(self.inside)}" if title else ""
                self.inside[joined or commit] = self.inside[commit]
                return [ob.IntegrationMoved(about, commit, onto, joined)] * 2
            case ac.CloseWorkspace():
                return [ob.AttemptClosed(about, ())]
            case _:
                return []

    def _launch_ends(self, action: ac.RunTurn, known: Known, luck: Luck) -> list[ob.Observation]:
        about, launch = action.about, action.launch
        ran = luck is not Luck.NEVER_RAN
        known.never_ran += not ran
        if luck in (Luck.CRASHED, Luck.LOST) and not known.cancel_wanted:
            known.crashes += 1
        again = not ran and known.never_ran < LAUNCHES_WITHOUT_RUN_MAX
        if known.cancel_wanted or (luck in CAUSES and not again):
            told = LIMIT_S if luck is Luck.LIMITED else None
            self.model.fail(known, CAUSES.get(luck, Cause.EXIT), told)
        elif not again:
            known.stage = "looked at"
        if luck in (Luck.LOST, Luck.NEVER_RAN):
            return [ob.LaunchLost(about, launch, ran, "")] * 2
        kind = OutcomeKind.DONE if luck not in CAUSES else OutcomeKind[luck.name]
        retry_at = self.now + LIMIT_S if luck is Luck.LIMITED else None
        outcome = TurnOutcome(kind, "", retry_at)
        return [ob.LaunchExited(about, launch, outcome, 0, None)] * 2

    @rule(
        level=st.sampled_from((Pressure.NONE, Pressure.NONE, Pressure.HIGH, Pressure.CRITICAL)),
        by_s=st.sampled_from((0.0, 8.0, 13.0, 300.0)),
        killed=st.booleans(),
    )
    def time_passes(self, level: Pressure, by_s: float, killed: bool) -> None:
        self.now += by_s
        self._tell()
        if killed:
            self._kill_the_engine()
        self.model.pressed = level is not Pressure.NONE
        self._tell(ob.MachineRead(level, "memory"))

    # --- what people ask ------------------------------------------------------------------------

    def _ask(self, verb: str, task: str = "", number: int = 0) -> None:
        self.asked += 1
        self._tell(ob.Asked(f"k{self.asked}", verb, task, "me", "", number))

    @rule(paused=st.booleans())
    def pause_or_resume(self, paused: bool) -> None:
        self.model.paused = paused
        self._ask("pause" if paused else "resume")

    @rule(number=st.sampled_from((0, 1, 2, 4)))
    def scale(self, number: int) -> None:
        self.model.max_agents = number or self.model.max_agents
        self._ask("scale", number=number)

    @rule(which=st.integers(0, 7))
    def cancel(self, which: int) -> None:
        known = [*self.model.tasks.values()][which % len(self.model.tasks)]
        if not (known.landed or known.cancelled or known.cancel_wanted):
            if known.stage:
                known.cancel_wanted = True
            else:
                known.cancelled = True
            if known.stage in ("preparing", "looked at", "waits"):
                self.model.fail(known, Cause.CANCELLED)
        self._ask("cancel", known.task.id)

    @rule(which=st.integers(0, 7))
    def retry(self, which: int) -> None:
        known = [*self.model.tasks.values()][which % len(self.model.tasks)]
        if not known.landed and (known.given_up or known.cancelled):
            known.given_up = known.cancelled = known.cancel_wanted = False
            known.tries, known.crashes, known.retry_at = 0, 0, 0.0
        self._ask("retry", known.task.id)

    def _kill_the_engine(self) -> None:
        """The next one knows what the log says."""
        again = State()
        for at, text in self.log:
            kind, body = json.loads(text)
            evolve(again, decode_event(kind, body), at)
        assert digest(again) == digest(self.state)
        self.state = again
        self._tell(ob.EngineUp(1, "v", "boot", "group", again.limits))


# --- planted faults ------------------------------------------------------------------------------


@contextmanager
def chains_ignored() -> Iterator[None]:
    """The longest chain does not go first."""
    before = graph.chain_lengths
    try:
        graph.chain_lengths = lambda needs, weights=None: dict.fromkeys(needs, 1)
        yield
    finally:
        graph.chain_lengths = before


@contextmanager
def no_slot_kept() -> Iterator[None]:
    """The next best task takes the slot that the head of the longest chain needs in a moment."""
    before = soon.coming
    try:
        soon.coming = lambda state, now: []
        yield
    finally:
        soon.coming = before


@contextmanager
def called_off_too_late() -> Iterator[None]:
    """From its place in the chain on, a change lands although people have called it off."""
    before = chain.is_moving
    try:
        chain.is_moving = lambda state, about: chain.index_of(state, about) >= 0
        yield
    finally:
        chain.is_moving = before


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    **{
        name: partial(planted, MUTANTS[name])
        for name in (
            "a dependant starts when what it needs is only queued",
            "overlapping scopes are not seen",
            "an agent's own slots are not counted",
            "work that waits for its landing keeps its slot",
            "pressure does not hold admission",
            "a cancelled task starts again",
            "only the last of those that land together has landed",
            "there is no pause before the next attempt",
        )
    },
    "chains are ignored": chains_ignored,
    "no slot is kept": no_slot_kept,
    "what is called off lands with others": called_off_too_late,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_of_the_scheduler_is_found(name: str) -> None:
    with FAULTS[name]():
        how_found(SchedulerBesideModel)


@pytest.mark.parametrize("portion", PORTIONS)
def test_the_scheduler_beside_a_model(
    portion: int, record_property: Callable[[str, object], None]
) -> None:
    run_portion(SchedulerBesideModel, portion, record_property)
