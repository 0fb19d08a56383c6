"""What the user asked for, and how it ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gangsaw.core.model import Limits, Plan
from gangsaw.core.settings import Settings
from gangsaw.core.standing import TaskFile
from gangsaw.core.state import State
from gangsaw.engine.recruits import Read
from gangsaw.engine.secrets import Secrets
from gangsaw.engine.unlanded import Rest

KEPT_LIMITS = (
    *("max_agents", "deliver", "default_agent", "pool"),
    *("budget_usd", "budget_tokens", "budget_day_usd", "budget_day_tokens"),
)
"""What a run was begun (or scaled) with stays until a flag says otherwise."""


class Choice(StrEnum):
    """What to do with the last run."""

    CONTINUE = "continue"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Order:
    """What the user asked for. `plan` is `None` when the last run is to be taken up; `given` names
    the limits that were asked for by flag, which alone change those of a run that goes on. With
    `rest`, only what earlier runs have left of the plan is run. `reread` reads the settings again,
    for an agent that is added. `task_file` is what the plan was read from, if that is no plan of
    ours."""

    plan: Plan | None
    plan_source: str
    choice: Choice
    target: str | None
    limits: Limits
    settings: Settings
    environ: Mapping[str, str]
    given: frozenset[str] = frozenset()
    rest: Rest | None = None
    task_file: TaskFile | None = None
    reread: Read | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the engine ended: the run, the documented exit code, and why."""

    run: str
    code: int
    reason: str


def without_secrets(order: Order, secrets: Secrets) -> Order:
    """The order as it may be kept. `UserError` where a secret stands in a command."""
    secrets.require_none_in_checks(order.settings.checks)
    secrets.require_none_in_setup(order.settings.worktree.setup)
    if order.plan is None:
        return order
    used = agents_of(order.plan, order.limits)
    for agent in order.settings.agents:
        if agent.name in used:
            secrets.require_none_in_arguments(agent)
    return replace(order, plan=secrets.out_of_plan(order.plan))


def agents_of(plan: Plan, limits: Limits) -> set[str]:
    """The agents that tasks of the plan may be given to."""
    free = any(not (task.agent or task.model) for task in plan.tasks)
    named = {task.agent or limits.default_agent for task in plan.tasks}
    return named | set(limits.pool if free else ())


def limits_for(state: State, order: Order) -> Limits:
    """The limits to go on with: the settings' and flags', but for what the run keeps."""
    kept = {name: getattr(state.limits, name) for name in KEPT_LIMITS if name not in order.given}
    return on_machine(replace(order.limits, **kept), order)


def on_machine(limits: Limits, order: Order) -> Limits:
    """The limits with what is known of this machine."""
    return replace(limits, check_slots=order.settings.check_slots, cores=os.cpu_count() or 1)
