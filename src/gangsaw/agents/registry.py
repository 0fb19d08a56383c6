"""The one table of agent kinds. A new adapter is a module and a line here."""

from __future__ import annotations

import difflib

from gangsaw.agents.claude import ClaudeAdapter
from gangsaw.agents.command import CommandAdapter
from gangsaw.agents.protocol import Adapter
from gangsaw.agents.scripted import ScriptedAdapter
from gangsaw.core.errors import UserError
from gangsaw.core.settings import AgentSettings

_ADAPTERS: dict[str, Adapter] = {
    adapter.kind: adapter for adapter in (ClaudeAdapter(), CommandAdapter(), ScriptedAdapter())
}

KINDS: tuple[str, ...] = tuple(sorted(_ADAPTERS))


def program_of(agent: AgentSettings) -> str | None:
    """The program that an agent is started by, as the settings name it; `None` for one that is
    shipped with gangsaw, or where nothing is named."""
    if agent.kind == "scripted":
        return None
    if agent.kind == "command":
        return agent.argv[0] if agent.argv else None
    return agent.binary or agent.kind


def adapter_for(kind: str) -> Adapter:
    """The adapter of an agent kind; `UserError` with the nearest known kind otherwise."""
    adapter = _ADAPTERS.get(kind)
    if adapter is not None:
        return adapter
    near = difflib.get_close_matches(kind, KINDS, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"try one of {', '.join(KINDS)}"
    raise UserError(f"cannot use an agent of kind {kind!r}; {remedy}")
