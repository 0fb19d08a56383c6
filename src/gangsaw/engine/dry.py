"""A dry run: the same core, in a world where everything succeeds and every task takes as long as
every other. Nothing is started, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.events import AttemptAdmitted, CheckResult, Judgement, RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Check, Limits, Plan
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.work import at_rest, turn

TURNS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """Tasks started at the same moment, and why each of the others in line was not."""

    started: tuple[str, ...]
    held: tuple[tuple[str, str], ...]


def rehearse(plan: Plan, limits: Limits, gate: tuple[Check, ...]) -> list[Step]:
    """The order in which the tasks would start."""
    state = State()
    evolve(state, RunStarted("dry", plan, limits, "", "", "base", gate), 0.0)
    observations: list[ob.Observation] = [ob.IntegrationAt("base")]
    steps: list[Step] = []
    working: list[ac.RunTurn] = []
    now = 1.0
    for _ in range(TURNS_MAX):
        events, actions = turn(state, now, observations)
        started = tuple(e.task for e in events if isinstance(e, AttemptAdmitted))
        if started:
            held = [(name, view(state, name, now).reason) for _, name in state.ready]
            steps.append(Step(started, tuple(held)))
        if at_rest(state, now):
            break
        observations = [seen for action in actions for seen in _succeed(action)]
        if not observations:
            # Nothing but agents is left to wait for: they all end together.
            working = [action for action in actions if isinstance(action, ac.RunTurn)]
            done = TurnOutcome(OutcomeKind.DONE)
            observations = [
                ob.LaunchExited(action.about, action.launch, done, 0, None) for action in working
            ]
        now += 1.0
    return steps


def _succeed(action: ac.Action) -> list[ob.Observation]:
    about = action.about
    match action:
        case ac.PrepareWorkspace():
            return [ob.WorkspaceAt(about, about)]
        case ac.InspectWork():
            return [ob.WorkInspected(about, action.launch, f"c-{about}", f"t-{about}", 1, 1, 0)]
        case ac.RunChecks():
            passed = tuple(
                CheckResult(c.name, Judgement.PASSED, 0.0, key=c.key) for c in action.checks
            )
            return [
                ob.ChecksDone(
                    about, action.commit, action.tree, Judgement.PASSED, passed, action.round
                )
            ]
        case ac.BuildCandidate():
            made = f"l-{about}"
            return [ob.CandidateMade(about, action.work, action.onto, made, f"t-{made}")]
        case ac.MoveIntegration():
            return [ob.IntegrationMoved(about, action.commit, action.onto)]
        case ac.CloseWorkspace():
            return [ob.AttemptClosed(about, ())]
        case ac.Deliver():
            return [ob.TargetAtIntegration(action.commit)]
        case _:
            return []
