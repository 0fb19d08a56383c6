"""Gemini CLI, headless: the prompt on standard input, a JSON line per event on standard output.

Facts measured with version 0.61.0, each a rule here:

- Its exit code for a failed request is the HTTP status modulo 256 (429 is 173). Codes of its own:
  41 login, 42 input (a session that is none, too), 53 turn limit, 55 folder not trusted.
- `--resume` takes the session's id though its help speaks of an index. Sessions are kept per
  folder. An id given with `--session-id` must never have been used.
- Figures are those of this process alone, and come with the last event only; a killed turn has
  none. Input tokens include the cached ones, output tokens leave out the thinking.
- Read-only is `--approval-mode default`: without a terminal the tools that write or run a command
  are then not offered at all. Not `plan`: leaving plan mode without a terminal turns to `yolo`.
- A refused request is tried ten times, its Retry-After ignored, with no event about it. Only a
  settings file could make that fewer, and it takes one from us only if root owns it.
- It starts itself a second time for a larger heap: 0.6 s of processor time and a process in
  between that does not pass SIGTERM on. `GEMINI_CLI_NO_RELAUNCH` spares both.
- Its shell runs git without the user's and the system's configuration (`GIT_CONFIG_GLOBAL` is the
  null device there, variables of ours are dropped). An identity that stands only in `~/.gitconfig`
  is not seen, so its own commits fail; what it wrote is committed for it.
- A failed request leaves a report with the conversation in the system's temporary folder.
"""

from __future__ import annotations

from gangsaw.agents.arguments import names_any, without
from gangsaw.agents.gemini_stream import GeminiReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.agents.sessions import new_session
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

# An argument of the user's that is one of these says what may be done; ours then goes.
_SWITCHES = ("-y", "--yolo")
_OPTIONS = ("--approval-mode", "--allowed-tools")
_OWN = (("GEMINI_CLI_NO_RELAUNCH", "true"),)


class GeminiAdapter:
    """Runs `gemini` with full approval, unless the settings' `args` say what is permitted."""

    kind = "gemini"
    resumes = True
    program = Program(
        "gemini",
        tested=("0.61.0", "0.62"),
        install="npm install -g @google/gemini-cli@0.61.0",
        sign_in="gemini",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),
        key_files=(".gemini/oauth_creds.json",),
        node_min=20,
        traps=(
            "its shell does not see ~/.gitconfig: give your name and address to git in the "
            "repository or by GIT_AUTHOR_* and GIT_COMMITTER_*, or gangsaw commits for it",
            "it repeats a refused request ten times before it says so; "
            "general.maxAttempts in ~/.gemini/settings.json makes that fewer",
            "with GOOGLE_GEMINI_BASE_URL it needs security.auth.selectedType in "
            "~/.gemini/settings.json",
        ),
    )
    # What a Gemini CLI that started us says to its own children is not for ours.
    variables = (
        *("GEMINI_*", "GOOGLE_*", "CLOUD_SHELL", "NODE_EXTRA_CA_CERTS"),
        *("!GEMINI_CLI", "!GEMINI_CLI_IDE_*", "!GEMINI_CLI_NO_RELAUNCH", "!GEMINI_PTY_INFO"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session under a known id, or the attempt's own session gone on with."""
        argv = [agent.binary or "gemini", "--output-format", "stream-json", "--skip-trust"]
        args = agent.args
        if brief.readonly:
            args = without(args, switches=_SWITCHES, options=_OPTIONS)
            argv += ["--approval-mode", "default"]
        elif not names_any(args, (*_SWITCHES, *_OPTIONS)):
            argv += ["--approval-mode", "yolo"]
        argv += _model(agent, brief)
        argv += (
            ["--resume", brief.session] if brief.session else ["--session-id", new_session(brief)]
        )
        return LaunchSpec(
            argv=(*argv, *args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same session at a terminal."""
        argv = [agent.binary or "gemini", "--skip-trust", *_model(agent, brief)]
        argv += ["--resume", brief.session] if brief.session else []
        return LaunchSpec(
            argv=(*argv, *agent.args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
        )

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream."""
        return GeminiReader(brief.worktree, resumed=bool(brief.session), readonly=brief.readonly)


def _model(agent: AgentSettings, brief: TurnBrief) -> list[str]:
    model = brief.model or agent.model
    return ["--model", model] if model else []
