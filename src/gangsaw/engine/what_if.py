"""What would a plan take with so many agents? The same core as ever, in an imagined world in which
things take as long as the plan says, or earlier runs have taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from gangsaw.core import actions as ac
from gangsaw.core import graph
from gangsaw.core.expected import Expected, first_agent
from gangsaw.core.foreseen import ExpectedCheck, ExpectedTask, Foreseen, Outcome
from gangsaw.core.learning import Learned
from gangsaw.core.model import Check, Limits, Plan, Stage, Task, TurnKind, Workspace
from gangsaw.core.report import report_of
from gangsaw.core.state import State
from gangsaw.engine.imagined import imagine, learned_costs

_MILLI = 1000


def foresee(
    plan: Plan,
    limits: Limits,
    gate: tuple[Check, ...],
    learned: Learned,
    counts: Sequence[int],
    base: str = "base",
) -> Foreseen:
    """What comes of the plan with each of these numbers of agents; the same input, the same
    answer."""
    expected = _World(plan, limits, gate, learned)
    outcomes = []
    for count in counts:
        allowed = replace(limits, max_agents=count)
        turns = imagine(
            plan, allowed, gate, base, expected.lasts_s, expected.start_s,
            learned.written_down(), learned_costs(learned),
        )  # fmt: skip
        report = report_of((turn.at, event) for turn in turns for event in turn.events)
        totals = report.totals
        # The branch is not there at the very first moment: what follows the last landing is not
        # waited for by anybody.
        last_s = report.chain[-1].until_s if report.chain else totals.wall_s
        outcomes.append(
            Outcome(
                agents=count,
                makespan_s=last_s,
                least_s=max(expected.chain_s, expected.all_s / count),
                speedup=totals.serial_s / last_s if last_s else None,
                utilisation_pct=100 * totals.busy_s / (count * last_s) if last_s else None,
                landed=totals.landed + totals.done,
                chain=report.chain,
            )
        )
    return Foreseen(tuple(outcomes), expected.tasks, expected.checks, expected.overhead_s)


class _World:
    """How long everything takes."""

    def __init__(
        self, plan: Plan, limits: Limits, gate: tuple[Check, ...], learned: Learned
    ) -> None:
        self._expected = Expected(limits, learned)
        self._of_task = {task.id: self._task(task) for task in plan.tasks}
        every = [*gate, *(check for task in plan.tasks for check in task.checks)]
        self._of_check = {check.key: self._expected.check_s(check) for check in every}
        self.tasks = tuple(self._of_task.values())
        named = {check.key: check.name for check in every}
        self.checks = tuple(ExpectedCheck(named[key], g) for key, g in self._of_check.items())
        self.start_s = _median(learned.start_s)
        self._prepare_s, self._seal_s = _median(learned.prepare_s), _median(learned.seal_s)
        self._combine_s, self._move_s = _median(learned.combine_s), _median(learned.move_s)
        self._beside_s = _median(learned.beside_s)
        some = any(task.workspace is Workspace.WORKTREE for task in plan.tasks)
        around_s = self._prepare_s + self._seal_s + self._combine_s + self._move_s
        self.overhead_s = self.start_s + (around_s if some else 0.0)
        seconds = {name: each.seconds.value for name, each in self._of_task.items()}
        self.all_s = sum(seconds.values())
        weights = {name: round(each * _MILLI) for name, each in seconds.items()}
        needs = {task.id: task.needs for task in plan.tasks}
        self.chain_s = max(graph.chain_lengths(needs, weights).values(), default=0) / _MILLI

    def _task(self, task: Task) -> ExpectedTask:
        agent = first_agent(self._expected.limits, task)
        cost = self._expected.learned.cost_usd(agent, task.model)
        return ExpectedTask(task.id, agent, task.model, self._expected.work_s(task), cost)

    def lasts_s(self, state: State, action: ac.Action) -> float:
        """How long an action takes."""
        match action:
            case ac.PrepareWorkspace():
                return self._prepare_s
            case ac.RunTurn():
                return self._turn_s(state, action)
            case ac.InspectWork():
                return self._seal_s
            case ac.RunChecks(checks=checks):
                took_s = sum(self._of_check[check.key].value for check in checks)
                return took_s + (self._beside_s if took_s else 0.0)
            case ac.BuildCandidate():
                return self._combine_s
            case ac.MoveIntegration():
                return self._move_s
            case _:
                return 0.0

    def _turn_s(self, state: State, action: ac.RunTurn) -> float:
        attempt = state.attempts[action.about]
        if action.why is TurnKind.REVIEW:
            return self._expected.review_s(attempt.seat).value
        seconds = self._of_task[attempt.task].seconds.value
        # What is expected is for all of its stages together.
        stages = state.tasks[attempt.task].stages
        return seconds / 2 if Stage.TEST in stages else seconds


def _median(samples: Sequence[float]) -> float:
    return median(samples) if samples else 0.0
