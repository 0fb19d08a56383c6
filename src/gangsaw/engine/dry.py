"""A dry run: the same core, in a world where everything succeeds and every turn takes as long as
every other. Nothing is started, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gangsaw.core import actions as ac
from gangsaw.core.events import AttemptAdmitted
from gangsaw.core.learning import Learned
from gangsaw.core.model import Check, Limits, Plan
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.engine.imagined import Turn, imagine, learned_costs

HELD_MOST = 20
"""So many of those in line are named with their reason; of thousands nobody reads them all, at
every step."""


@dataclass(frozen=True, slots=True)
class Start:
    """A task that is started, and with what."""

    task: str
    attempt: str
    agent: str
    model: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """Tasks started at the same moment, and why others in line were not: the first `HELD_MOST` of
    them, of `waiting`."""

    starts: tuple[Start, ...]
    held: tuple[tuple[str, str], ...]
    waiting: int

    @property
    def started(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(start.task for start in self.starts)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would start, in this order, and why what never would does not, by task."""

    steps: tuple[Step, ...]
    never: tuple[tuple[str, str], ...]


def rehearse(
    plan: Plan,
    limits: Limits,
    gate: tuple[Check, ...],
    base: str = "base",
    learned: Learned | None = None,
) -> Rehearsal:
    """The order in which the tasks would start, from the commit `base`, as far as what earlier runs
    took and cost has to do with it."""
    known = learned or Learned()
    steps: list[Step] = []
    starts: list[Start] = []
    held: tuple[tuple[str, str], ...] = ()
    waiting = 0
    moment = 0.0
    turns = imagine(
        plan, limits, gate, base, _lasts,
        durations=known.written_down(), costs=learned_costs(known),
    )  # fmt: skip
    for turn in turns:
        if turn.at != moment and starts:
            steps.append(Step(tuple(starts), held, waiting))
            starts = []
        moment = turn.at
        if found := _starts(turn):
            starts += found
            held, waiting = _held(turn), len(turn.state.ready)
    if starts:
        steps.append(Step(tuple(starts), held, waiting))
    return Rehearsal(tuple(steps), _never(plan, steps, turn))


def _never(plan: Plan, steps: Sequence[Step], last: Turn) -> tuple[tuple[str, str], ...]:
    """Why the tasks that were never started are not, when nothing more happens by itself."""
    started = {name for step in steps for name in step.started}
    left = (task.id for task in plan.tasks if task.id not in started)
    return tuple((name, view(last.state, name, last.at).reason) for name in left)


def _lasts(state: State, action: ac.Action) -> float:
    return 1.0 if isinstance(action, ac.RunTurn) else 0.0


def _starts(turn: Turn) -> list[Start]:
    return [
        Start(event.task, event.attempt, event.agent, event.model)
        for event in turn.events
        if isinstance(event, AttemptAdmitted)
    ]


def _held(turn: Turn) -> tuple[tuple[str, str], ...]:
    state = turn.state
    line = state.ready[:HELD_MOST]
    return tuple((name, view(state, name, turn.at).reason) for _, name in line)
