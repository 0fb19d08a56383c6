"""Who calls us: a person, or the agent of an attempt, which has a token in its environment.

An agent may speak and look, and steer nobody: `refuse_steering` keeps its own hands off the run
that started it. What the engine believes rests on the proof in the request, not on this.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gangsaw.agents.marks import CONTROL_VARIABLE, TOKEN_VARIABLE
from gangsaw.cli.place import CONTROL_NAME, common_dir_of, here
from gangsaw.core.errors import UserError
from gangsaw.core.model import task_of

FOR_AGENTS = frozenset(
    (
        *("status", "queue", "why", "logs", "events", "diff", "plan", "schema", "doctor"),
        *("worktrees", "stranded", "say", "ask", "claim", "release", "siblings", "done"),
    )
)
"""Commands that an agent may give in the repository whose run it belongs to."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The attempt whose agent calls, and how it proves that."""

    run: str
    attempt: str
    token: str
    control: Path

    @property
    def task(self) -> str:
        return task_of(self.attempt)


def calling_agent() -> Caller | None:
    """The agent that calls us here; `None` for a person, and for an agent that works in another
    repository than its own."""
    names = ("GANGSAW_RUN", "GANGSAW_ATTEMPT", TOKEN_VARIABLE, CONTROL_VARIABLE)
    run, attempt, token, control = (os.environ.get(name, "") for name in names)
    if not (run and attempt and token and control):
        return None
    own, place = Path(control).resolve(), here()
    if own not in (place, *place.parents):
        common = common_dir_of(place)
        if common is not None and (common / CONTROL_NAME).resolve() != own:
            return None
    return Caller(run, attempt, token, own)


def require_agent(command: str) -> Caller:
    """The agent that calls; `UserError` where a person does."""
    found = calling_agent()
    if found is None:
        raise UserError(
            f"cannot {command}: only an agent that gangsaw started can, from inside its worktree; "
            "try: gangsaw say TASK, gangsaw answer TASK"
        )
    return found


def refuse_steering(command: str | None) -> None:
    """`UserError` if an agent gives a command that is a person's."""
    found = calling_agent() if command is not None and command not in FOR_AGENTS else None
    if found is not None:
        raise UserError(
            f"cannot {command}: this is the agent of {found.task}, and only a person may steer a "
            f'run; try: gangsaw ask "May somebody {command} …?"'
        )
