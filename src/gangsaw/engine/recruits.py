"""An agent that is added to a run: the settings are read again, as they are now.

What a request may say is a name. What is run under that name stands in the settings, which only
people write, and which are checked as those of a new run are.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from gangsaw.agents import program_of
from gangsaw.core.errors import UserError
from gangsaw.core.observations import Asked
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.core.staffing import ADD

Read = Callable[[], Settings]
"""The settings as they are now; `UserError` for every fault in them."""


@dataclass(slots=True)
class Recruits:
    """Completes requests to add an agent. `taken` are the settings of those that were added since
    the engine began, by name."""

    read: Read | None
    environ: Mapping[str, str]
    learn: Callable[[AgentSettings], None] = lambda agent: None
    taken: dict[str, AgentSettings] = field(default_factory=dict)

    def complete(self, asked: Asked) -> Asked:
        """The request with what the settings say of the agent, or with why it is refused."""
        if asked.verb != ADD or asked.refused or asked.attempt:
            return asked
        found = self._found(asked.text)
        if isinstance(found, str):
            return replace(asked, refused=found)
        agent, settings = found
        self.learn(agent)
        self.taken[agent.name] = agent
        slots = next(each for each in settings.limits.agents if each.name == agent.name)
        return replace(asked, agent=slots)

    def _found(self, name: str) -> tuple[AgentSettings, Settings] | str:
        if self.read is None:
            return "this run has no settings to read again"
        try:
            settings = self.read()
        except (UserError, OSError) as error:
            return f"the settings cannot be used: {error}"
        agent = settings.agent(name)
        if agent is None:
            return _unknown(settings, name)
        return program_missing(agent, self.environ) or (agent, settings)


def _unknown(settings: Settings, name: str) -> str:
    known = [agent.name for agent in settings.agents]
    near = get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"try adding [agents.{name}] to gangsaw.toml"
    return f"the settings have no agent '{name}'; {remedy}"


def program_missing(agent: AgentSettings, environ: Mapping[str, str]) -> str:
    """That the agent's program is not there, and what to do; empty if it is. One with a folder in
    its name may lie in a worktree that is yet to be made."""
    program = program_of(agent)
    if program is None or "{" in program:
        return ""
    path = dict(agent.env).get("PATH", environ.get("PATH"))
    relative = "/" in program and not program.startswith("/")
    if relative or shutil.which(program, path=path) is not None:
        return ""
    return (
        f"cannot start agent '{agent.name}': its program '{program}' was not found; try "
        f"installing it, or giving its path in [agents.{agent.name}] of gangsaw.toml; "
        "see: gangsaw doctor"
    )
