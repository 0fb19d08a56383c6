"""What an agent would be told now, without telling it: the very prompt that its next turn would be
given, made by the code that makes it for the engine. Nothing is started, nothing is written.

What is not known before it happens (the output of a check that has not failed yet) is an example,
and named as one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gangsaw.core import actions as ac
from gangsaw.core import events as ev
from gangsaw.core.errors import UserError
from gangsaw.core.evolve import evolve
from gangsaw.core.model import Limits, Plan, TurnKind, attempt_id
from gangsaw.core.phases import AGENT_ALIVE, ENDED, Phase
from gangsaw.core.policy.admission import agent_for
from gangsaw.core.policy.review import first_turn, reviewer_of
from gangsaw.core.settings import Settings
from gangsaw.core.state import Attempt, State
from gangsaw.engine.effects.prompts import PromptReads
from gangsaw.engine.effects.turns import brief_of, role_of
from gangsaw.engine.guidance import roles_of, templates_of
from gangsaw.engine.launches import Launches
from gangsaw.engine.layout import layout_for
from gangsaw.engine.room import Room
from gangsaw.engine.scrubbing import Scrubber
from gangsaw.engine.secrets import secrets_of
from gangsaw.engine.world import World
from gangsaw.git import Repository
from gangsaw.procs import Watch
from gangsaw.verify import Slots

EXAMPLE_OUTPUT = "(an example: here stands the end of what the check printed)"
EXAMPLE_FILE = "an/example/of/a/file/in/conflict.txt"
_NEXT = frozenset({Phase.READY, *AGENT_ALIVE})
"""Phases in which the turn that is under way, or about to be, is known."""


@dataclass(frozen=True, slots=True)
class Told:
    """A prompt, and for whom it is. `examples` names the variables that are examples in it."""

    task: str
    attempt: str
    kind: TurnKind
    agent: str
    model: str | None
    role: str | None
    readonly: bool
    examples: tuple[str, ...]
    prompt: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which turn is meant; `None`: the next one, its own agent."""

    task: str
    kind: TurnKind | None = None
    agent: str | None = None


def state_of_plan(plan: Plan, settings: Settings, limits: Limits, base: str) -> State:
    """The state of a run of this plan that has just begun. `limits` are its, `base` a commit."""
    state = State()
    plan_of = replace(plan, tasks=plan.tasks)
    started = ev.RunStarted("r1", plan_of, limits, "", "", base, settings.checks)
    evolve(state, started, 0.0)
    evolve(state, ev.IntegrationReady(base), 0.0)
    return state


def tell(
    repo: Repository, settings: Settings, environ: Mapping[str, str], state: State, asked: Asked
) -> Told:
    """What the agent would be told. `UserError` for a task or agent that there is not."""
    if asked.task not in state.tasks:
        names = ", ".join(list(state.tasks)[:8])
        raise UserError(f"cannot find task '{asked.task}'; try one of: {names}")
    known = _attempt(state, asked.task)
    kind = asked.kind or (known.why if known.phase in _NEXT and known.turn else None)
    kind = kind or first_turn(state, known)
    attempt, examples = _with_examples(state, known, kind)
    attempt = _at_place(repo, attempt)
    if kind is TurnKind.REVIEW:
        attempt = replace(attempt, acting=asked.agent or reviewer_of(state, attempt))
    elif asked.agent is not None:
        attempt = replace(attempt, agent=asked.agent, acting="")
    state.attempts[attempt.id] = attempt
    layout = layout_for(repo.main_root or repo.root, repo.control_dir, settings, state.run)
    scrubber = Scrubber(secrets_of(repo, settings, environ))
    room = Room((repo.common_dir,), lambda: 0)
    slots = Slots(repo, layout.worktrees, "verify", 1)
    with Watch() as watch:
        world = World(
            repo, layout, settings, state, environ, slots, slots, Launches(watch, room), room,
            templates_of(repo), scrubber=scrubber, roles=roles_of(repo),
        )  # fmt: skip
        return _told(world, attempt, kind, examples)


def _told(world: World, attempt: Attempt, kind: TurnKind, examples: tuple[str, ...]) -> Told:
    task = world.state.tasks[attempt.task]
    agent = world.agent(attempt.seat)
    onto = attempt.onto or (attempt.base if kind is TurnKind.RESOLVE else None)
    action = ac.RunTurn(attempt.id, max(attempt.launch, 1), max(attempt.turn, 1), kind, onto)
    reads = PromptReads(world.state, attempt)
    brief, settings = brief_of(action, world, attempt, task, agent, reads, None)
    role = role_of(task, settings, world.roles, reviews=kind is TurnKind.REVIEW)
    return Told(
        task=task.id,
        attempt=attempt.id,
        kind=kind,
        agent=settings.name,
        model=brief.model,
        role=role.name if role else None,
        readonly=brief.readonly,
        examples=examples,
        prompt=brief.prompt,
    )


def _attempt(state: State, task: str) -> Attempt:
    """The task's live attempt, or the one that would be admitted next."""
    last = state.attempt_of(task)
    if last is not None and (last.phase not in ENDED or state.task_states[task].closed):
        return last
    number = state.task_states[task].attempts + 1
    name = attempt_id(task, number)
    agent, start = agent_for(state, task), state.task_states[task].start
    model = state.tasks[task].model
    admitted = ev.AttemptAdmitted(name, task, number, state.head, agent, model, "", start)
    evolve(state, admitted, 0.0)
    return state.attempts[name]


def _at_place(repo: Repository, attempt: Attempt) -> Attempt:
    """The attempt with a checkout to look at: where it has no worktree (any more), the main one."""
    if attempt.path and os.path.isdir(attempt.path):
        return attempt
    return replace(attempt, path=str(repo.main_root or repo.root), session=None)


def _with_examples(
    state: State, attempt: Attempt, kind: TurnKind
) -> tuple[Attempt, tuple[str, ...]]:
    """The attempt with what a turn of this kind tells of, and which of it is an example."""
    failed = any(result.judgement is ev.Judgement.FAILED for result in attempt.results)
    match kind:
        case TurnKind.FIX if attempt.returned is None and not failed:
            checks = (*state.tasks[attempt.task].checks, *state.gate)
            name = checks[0].name if checks else "the first check"
            result = ev.CheckResult(name, ev.Judgement.FAILED, 1.0, 1, tail=EXAMPLE_OUTPUT)
            shown = replace(attempt, returned=ev.Cause.CHECKS, results=(result,))
            return shown, ("command", "output")
        case TurnKind.RESOLVE if not attempt.returned_paths:
            shown = replace(
                attempt, returned=ev.Cause.CONFLICT, returned_paths=(EXAMPLE_FILE,),
                returned_text="your work does not merge with what landed meanwhile",
            )  # fmt: skip
            return shown, ("files", "base", "reason")
        case TurnKind.CONTINUE if not attempt.parked_text:
            return attempt, ("reason",)
        case TurnKind.REVIEW if not attempt.commit:
            return replace(attempt, commit=attempt.base), ("stat",)
        case _:
            return attempt, ()
