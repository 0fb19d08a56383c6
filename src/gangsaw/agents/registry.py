"""The one table of agent kinds. A new built-in adapter is a module and a line here; all others
come by way of `foreign`. `docs/howto/add-an-agent.md` shows both."""

from __future__ import annotations

import difflib

from gangsaw.agents.acp import AcpAdapter
from gangsaw.agents.aider import AiderAdapter
from gangsaw.agents.claude import ClaudeAdapter
from gangsaw.agents.codex import CodexAdapter
from gangsaw.agents.command import CommandAdapter
from gangsaw.agents.copilot import CopilotAdapter
from gangsaw.agents.foreign import foreign_adapter, names
from gangsaw.agents.gemini import GeminiAdapter
from gangsaw.agents.mini import MiniAdapter
from gangsaw.agents.opencode import OpencodeAdapter
from gangsaw.agents.protocol import Adapter
from gangsaw.agents.qwen import QwenAdapter
from gangsaw.agents.scripted import ScriptedAdapter
from gangsaw.core.errors import UserError
from gangsaw.core.settings import AgentSettings

_ADAPTERS: dict[str, Adapter] = {
    adapter.kind: adapter
    for adapter in (
        ClaudeAdapter(),
        CodexAdapter(),
        CommandAdapter(),
        CopilotAdapter(),
        GeminiAdapter(),
        OpencodeAdapter(),
        QwenAdapter(),
        AcpAdapter(),
        AiderAdapter(),
        MiniAdapter(),
        ScriptedAdapter(),
    )
}

KINDS: tuple[str, ...] = tuple(sorted(_ADAPTERS))


def program_of(agent: AgentSettings) -> str | None:
    """The program that an agent is started by, as the settings name it; `None` for one that is
    shipped with gangsaw, or where nothing is named."""
    if agent.kind == "scripted":
        return None
    if agent.kind in ("acp", "command"):
        return agent.argv[0] if agent.argv else None
    program = adapter_for(agent.kind).program
    return agent.binary or (program.name if program is not None else None)


def adapter_for(kind: str) -> Adapter:
    """The adapter of an agent kind; `UserError` with the nearest known kind otherwise, or with
    what is wrong with an adapter that is not shipped."""
    adapter = _ADAPTERS.get(kind) or foreign_adapter(kind)
    if adapter is not None:
        return adapter
    known = (*KINDS, *names())
    near = difflib.get_close_matches(kind, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"try one of {', '.join(known)}"
    raise UserError(f"cannot use an agent of kind {kind!r}; {remedy}")
