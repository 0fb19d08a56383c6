"""How long a task and its checks are expected to take: as the plan says, else as was learned, else
a default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gangsaw.core.learning import Guess, Learned, Source
from gangsaw.core.model import Check, Limits, Stage, Task, TurnKind, When

WORK_DEFAULT_S = 600.0
"""A task of which nothing is known."""
REVIEW_DEFAULT_S = 120.0
"""A review of which nothing is known."""

OF_WORK = frozenset({When.ALWAYS, When.WORK})
OF_LANDING = frozenset({When.ALWAYS, When.LANDING})

Figure = tuple[str, str, str]
"""What was learned: agent, model and stage of a turn, or the key of a check."""


@dataclass(slots=True)
class Expected:
    """Answers for tasks under these limits. `figures` holds what was asked for and not in the plan,
    in seconds: each is looked up once."""

    limits: Limits
    learned: Learned
    figures: dict[Figure, Guess] = field(default_factory=dict)

    def work_s(self, task: Task) -> Guess:
        """The author's turns, those for tests that come first included."""
        if task.estimate_s is not None:
            return Guess(task.estimate_s, Source.PLAN)
        agent = first_agent(self.limits, task)
        found = self._turn_s(agent, task.model, TurnKind.WORK)
        if Stage.TEST in task.stages and found.source is not Source.DEFAULT:
            tests = self._turn_s(agent, task.model, TurnKind.TEST)
            found = replace(found, value=found.value + tests.value)
        return found

    def review_s(self, reviewer: str) -> Guess:
        """One review by this agent."""
        return self._turn_s(reviewer, None, TurnKind.REVIEW)

    def check_s(self, check: Check) -> Guess:
        """One run of the check."""
        if check.estimate_s is not None:
            return Guess(check.estimate_s, Source.PLAN)
        figure = ("check", check.key, "")
        if figure not in self.figures:
            self.figures[figure] = self._look_up(figure)
        return self.figures[figure]

    def _turn_s(self, agent: str, model: str | None, stage: TurnKind) -> Guess:
        figure = (agent, model or "", stage.value)
        if figure not in self.figures:
            self.figures[figure] = self._look_up(figure)
        return self.figures[figure]

    def _look_up(self, figure: Figure) -> Guess:
        if not figure[2]:
            return self.learned.check_s(figure[1]) or Guess(0.0, Source.DEFAULT)
        stage = TurnKind(figure[2])
        return self.learned.turn_s(figure[0], figure[1], stage) or _default(stage)

    def differs(self, part: float) -> bool:
        """Whether what is learned by now differs, by more than this part, from an answer that was
        given."""
        fresh = ((given, self._look_up(figure)) for figure, given in self.figures.items())
        return any(abs(now.value - given.value) > part * given.value for given, now in fresh)


def first_agent(limits: Limits, task: Task) -> str:
    """The agent that the task would be given to first."""
    first = limits.default_agent if task.model else next(iter(limits.pool), limits.default_agent)
    return task.agent or first


def _default(stage: TurnKind) -> Guess:
    known = {TurnKind.WORK: WORK_DEFAULT_S, TurnKind.REVIEW: REVIEW_DEFAULT_S}
    return Guess(known.get(stage, 0.0), Source.DEFAULT)


def looks(checks: Iterable[Check], *, lands: bool) -> list[tuple[Check, int]]:
    """Of each check, at how many trees it looks until a task is over, one that `lands` or not.

    Where nothing lands meanwhile, what is to land is the work itself and is not looked at again;
    with several agents that is rare.
    """
    return [(each, (each.when in OF_WORK) + (lands and each.when in OF_LANDING)) for each in checks]
