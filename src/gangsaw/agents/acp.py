"""Any agent that speaks the Agent Client Protocol on its standard streams.

The settings' `argv` is the agent's own command, `["gemini", "--acp", "--skip-trust"]` for one. The
dialogue is led by `procs/acp_bridge.py`, which this module starts and whose lines it reads; `args`
are arguments of the bridge: `--mode ID`, `--readonly-mode ID`, `--login ID`.

Facts measured with Gemini CLI 0.61.0, OpenCode 1.18.33 and GitHub Copilot CLI 1.0.102:

- Whether an agent asks before it writes is its own affair. A turn that may only look gets every
  writing kind of tool refused, and where the agent has a mode for that it is put into it; OpenCode
  asks nothing, and its mode `plan` only tells the model.
- Tokens are told at the end of a turn, if at all, and mean what the agent likes: OpenCode's are
  those of its last request. Gemini's stand in a field of its own.
- Copilot tells a failed request as words of the agent, after which its turn "ended well".
- Gemini keeps a session that can be loaded only if its process ended by itself.
- An agent may repeat a loaded session's past after it has said that it is loaded (Gemini does).
"""

from __future__ import annotations

import sys
from pathlib import PurePath

from gangsaw.agents.acp_stream import AcpReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Reader, TurnBrief
from gangsaw.core.errors import UserError
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

PROGRAM = str(PurePath(__file__).parent.parent / "procs" / "acp_bridge.py")


class AcpAdapter:
    """Starts the bridge with this interpreter, isolated, the prompt on its standard input."""

    kind = "acp"
    resumes = True
    program = None
    variables: tuple[str, ...] = ()

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session, or the attempt's own loaded."""
        if not agent.argv:
            raise UserError(
                f"cannot start agent {agent.name!r}: it has no command; "
                f'try argv = ["gemini", "--acp"] under [agents.{agent.name}]'
            )
        argv = [sys.executable, "-I", PROGRAM]
        if brief.session:
            argv += ["--session", brief.session]
        if model := brief.model or agent.model:
            argv += ["--model", model]
        if brief.readonly:
            argv.append("--readonly")
        return LaunchSpec(
            argv=(*argv, *agent.args, "--", *agent.argv),
            cwd=brief.worktree,
            env=process_environment(brief),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec | None:
        """The protocol is no form for a person."""
        return None

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the bridge's lines."""
        return AcpReader(brief.worktree, resumed=bool(brief.session), readonly=brief.readonly)
