"""`gangsaw run --dry-run`: what a run would do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gangsaw.cli import output
from gangsaw.core.errors import UserError
from gangsaw.engine.dry import rehearse
from gangsaw.engine.earlier import learned_at
from gangsaw.store.control import Control
from gangsaw.views.rehearsal import Rehearsed, rehearsal_object, rehearsal_text

if TYPE_CHECKING:
    from gangsaw.engine.order import Order
    from gangsaw.git import Repository


def show_rehearsal(repo: Repository, order: Order, *, verbose: bool, as_json: bool) -> None:
    """Print order, agents, tracks, base and checks and, if `verbose`, what each agent would be told
    if it started now."""
    if order.plan is None:
        raise UserError(
            "cannot rehearse: there is no plan.yaml here; try: gangsaw run --dry-run PLAN"
        )
    target = order.target or repo.head_branch() or "HEAD"
    base = repo.resolve(f"refs/heads/{target}") or repo.resolve("HEAD")
    if base is None:
        raise UserError("cannot rehearse: this repository has no commit yet; try: git commit")
    gate = order.settings.checks
    learned = learned_at(Control(repo.control_dir).journal)
    played = rehearse(order.plan, order.limits, gate, base, learned)
    found = Rehearsed(
        plan=order.plan,
        source=order.plan_source,
        limits=order.limits,
        target=target,
        base=base,
        gate=gate,
        steps=[(step.started, dict(step.held), step.waiting) for step in played.steps],
        never=dict(played.never),
        prompts=_prompts(repo, order, base) if verbose else {},
    )
    if as_json:
        output.say_json(rehearsal_object(found))
    else:
        output.say("\n".join(rehearsal_text(found)))


def _prompts(repo: Repository, order: Order, base: str) -> Mapping[str, str]:
    """By task, what its agent would be told if it started now."""
    from gangsaw.engine.preview import Asked, state_of_plan, tell

    assert order.plan is not None
    state = state_of_plan(order.plan, order.settings, order.limits, base)
    return {
        task.id: tell(repo, order.settings, os.environ, state, Asked(task.id)).prompt
        for task in order.plan.tasks
    }
