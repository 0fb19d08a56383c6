"""A run in a world that is only imagined: everything succeeds, and takes as long as it is said to.

The core is the real one. Actions are carried out by answering what the world would report, at the
moment at which it would. People agree at once to what waits for them; reviewers approve. Nothing
is started, nothing is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.durations import NOTHING_LEARNED, Durations
from gangsaw.core.events import CheckResult, Event, Judgement, RunStarted, Stage
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, ResultNoted, TurnOutcome, UsageNoted
from gangsaw.core.learning import Learned
from gangsaw.core.model import Check, Deliver, Limits, Plan, TurnKind
from gangsaw.core.phases import Phase
from gangsaw.core.policy.remedy import waits_for_a_person
from gangsaw.core.state import State
from gangsaw.core.work import at_rest, next_wakeup, turn

TURNS_MAX = 1_000_000
"""Turns of the core within which an imagined run is over; if it is not, it stands still."""
NEVER_S = 1e15
AGREED_MAX = 5
"""How often a person agrees to one attempt; what waits after that goes on waiting."""
APPROVED = '{"verdict": "approve"}'

Lasts = Callable[[State, ac.Action], float]
"""How many seconds an action takes in this state."""
Costs = Callable[[State, ac.RunTurn], float | None]
"""What a turn costs in dollars, as its agent tells at its end; `None` where nobody knows."""


def _untold(state: State, action: ac.RunTurn) -> float | None:
    return None


def learned_costs(learned: Learned) -> Costs:
    """All that a task is known to cost is told with its first work turn, nothing with any other."""

    def cost_usd(state: State, action: ac.RunTurn) -> float | None:
        attempt = state.attempts[action.about]
        first = action.why is TurnKind.WORK and attempt.begun in (0, action.launch)
        guess = learned.cost_usd(attempt.agent, attempt.model) if first else None
        return None if guess is None else guess.value

    return cost_usd


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the core: when, and what it decided. `state` is the one after it."""

    at: float
    events: tuple[Event, ...]
    state: State


def imagine(
    plan: Plan,
    limits: Limits,
    gate: tuple[Check, ...],
    base: str,
    lasts: Lasts,
    start_s: float = 0.0,
    durations: Durations = NOTHING_LEARNED,
    costs: Costs = _untold,
) -> Iterator[Turn]:
    """The turns of an imagined run, from its start at 0 to where nothing more happens by itself. An
    agent needs `start_s` until it runs, besides what its turn lasts; `durations` are what its tasks
    are ranked by, where the plan does not say it."""
    return _Imagined(plan, limits, gate, base, lasts, start_s, durations, costs).turns()


class _Imagined:
    def __init__(
        self,
        plan: Plan,
        limits: Limits,
        gate: tuple[Check, ...],
        base: str,
        lasts: Lasts,
        start_s: float,
        durations: Durations,
        costs: Costs,
    ) -> None:
        # Nobody is late in this world, and nothing leaves it.
        free = replace(limits, stall_s=NEVER_S, timeout_s=NEVER_S, deliver=Deliver.NEVER, remote="")
        tasks = tuple(
            task if task.timeout_s is None else replace(task, timeout_s=None) for task in plan.tasks
        )
        self._started = RunStarted(
            "r1", replace(plan, tasks=tasks), free, "", "", base, gate, durations=durations
        )
        self._base, self._lasts, self._start_s, self._costs = base, lasts, start_s, costs
        self._state = State()
        self._agenda: list[tuple[float, int, ac.Action, ob.Observation]] = []
        self._in_flight: set[ac.Action] = set()
        self._count = self._made = 0
        self._agreed: dict[str, int] = {}

    def turns(self) -> Iterator[Turn]:
        state, now = self._state, 0.0
        evolve(state, self._started, now)
        seen: list[ob.Observation] = [ob.IntegrationAt(self._base)]
        for number in range(TURNS_MAX):
            events, actions = turn(state, now, seen)
            first = (self._started,) if number == 0 else ()
            yield Turn(now, (*first, *events), state)
            if at_rest(state, now) == "finished":
                return
            self._begin(actions, now)
            seen = self._people()
            if not seen:
                moment = self._next(now)
                if moment is None:
                    return
                now = moment
                seen = self._due(now)

    def _begin(self, actions: list[ac.Action], now: float) -> None:
        """Set about what is wanted and not yet begun; forget what is not wanted any more."""
        self._in_flight &= set(actions)
        for action in actions:
            if action not in self._in_flight:
                self._in_flight.add(action)
                lasts_s = self._lasts(self._state, action)
                for after_s, found in self._answers(action, lasts_s):
                    self._count += 1
                    entry = (now + after_s, self._count, action, found)
                    heapq.heappush(self._agenda, entry)

    def _next(self, now: float) -> float | None:
        """When something is reported, or has to be looked at again."""
        while self._agenda and self._agenda[0][2] not in self._in_flight:
            heapq.heappop(self._agenda)
        moments = [self._agenda[0][0]] if self._agenda else []
        wakeup = next_wakeup(self._state, now)
        if wakeup is not None and now < wakeup < NEVER_S:
            moments.append(wakeup)
        return min(moments) if moments else None

    def _due(self, now: float) -> list[ob.Observation]:
        seen: list[ob.Observation] = []
        while self._agenda and self._agenda[0][0] <= now:
            _, _, action, found = heapq.heappop(self._agenda)
            if action in self._in_flight:
                seen.append(found)
        return seen

    def _people(self) -> list[ob.Observation]:
        """People agree at once."""
        found: list[ob.Observation] = []
        for name in self._state.live:
            attempt = self._state.attempts[name]
            if attempt.phase is not Phase.REVIEWING and not waits_for_a_person(attempt):
                continue
            if (agreed := self._agreed.get(name, 0)) < AGREED_MAX:
                self._agreed[name] = agreed + 1
                self._count += 1
                key = f"imagined-{self._count}"
                found.append(ob.Asked(key, "approve", attempt.task, "somebody"))
        return found

    def _answers(self, action: ac.Action, lasts_s: float) -> list[tuple[float, ob.Observation]]:
        """What is reported of an action, each after so many seconds."""
        about = action.about
        match action:
            case ac.RunTurn():
                return self._of_turn(action, lasts_s)
            case ac.RunChecks():
                return [(lasts_s, self._of_checks(action))]
            case ac.PrepareWorkspace():
                return [(lasts_s, ob.WorkspaceAt(about, about))]
            case ac.InspectWork(launch=launch):
                work, tree = f"c-{about}-{launch}", f"t-{about}-{launch}"
                return [(lasts_s, ob.WorkInspected(about, launch, work, tree, 1, 1, 0))]
            case ac.BuildCandidate(work=work, onto=onto):
                # By number: a name made of the commit below it would grow with every landing.
                self._made += 1
                made = f"l-{about}-{self._made}"
                return [(lasts_s, ob.CandidateMade(about, work, onto, made, f"t-{made}"))]
            case ac.MoveIntegration(commit=commit, onto=onto, title=title):
                head = f"h-{commit}" if title else ""
                return [(lasts_s, ob.IntegrationMoved(about, commit, onto, head))]
            case ac.CloseWorkspace():
                return [(lasts_s, ob.AttemptClosed(about, ()))]
            case _:
                return []

    def _of_turn(self, action: ac.RunTurn, lasts_s: float) -> list[tuple[float, ob.Observation]]:
        about, launch, start_s = action.about, action.launch, self._start_s
        lasts_s += start_s
        found: list[tuple[float, ob.Observation]] = [
            (start_s, ob.LaunchStarted(about, launch, 1, ""))
        ]
        if action.why is TurnKind.REVIEW:
            approval = ob.Noted(about, launch, ResultNoted(True, APPROVED))
            found.append((lasts_s, approval))
        if (cost_usd := self._costs(self._state, action)) is not None:
            told = UsageNoted(0, 0, cost_usd=cost_usd)
            found.append((lasts_s, ob.Noted(about, launch, told)))
        done = TurnOutcome(OutcomeKind.DONE)
        return [*found, (lasts_s, ob.LaunchExited(about, launch, done, 0, None))]

    def _of_checks(self, action: ac.RunChecks) -> ob.Observation:
        attempt = self._state.attempts.get(action.about)
        # The tests that come before the work demand something that is not there yet.
        red = action.stage is Stage.WORK and attempt is not None and attempt.stage is TurnKind.TEST
        judgement = Judgement.FAILED if red else Judgement.PASSED
        results = tuple(
            CheckResult(check.name, judgement, self._takes_s(action, check), key=check.key)
            for check in action.checks
        )
        return ob.ChecksDone(
            action.about, action.commit, action.tree, judgement, results, action.round
        )

    def _takes_s(self, action: ac.RunChecks, check: Check) -> float:
        return self._lasts(self._state, replace(action, checks=(check,)))
