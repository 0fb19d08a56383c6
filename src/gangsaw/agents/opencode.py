"""opencode, headless: the prompt on standard input, a JSON line per event on standard output.

Facts measured with version 1.18.33, each a rule here:

- The session is told in every event; `--session` takes it up again, in the folder it began in
  only: from another one it hangs for good.
- There is no final event. A turn is over when a step ends with the reason `stop`; figures and cost
  come with each step, and are that step's alone. A model without a price costs 0.
- With `--auto` it never waits for a permission. What is denied by its settings is then not even
  offered; without `--auto` what would have to be asked is refused, and the turn ends there with
  exit code 0, its last step waiting for the tool.
- `OPENCODE_PERMISSION` is a JSON object over all other settings: so a turn that only looks is
  denied editing and commands, whatever stands in the user's own files.
- A failed request is tried five times more, without an event, and a Retry-After is waited for
  however long it is. Nothing makes that fewer. An answer that breaks off begins its step anew.
- Errors of its own are told as `Unexpected server error` only; which it was, its log says. So the
  log's errors go to standard error (`--print-logs`).
- A model of a provider it has no key for is "not found", but it then suggests the very same.
- It asks npm for a package of its own on a new home, in the background.
"""

from __future__ import annotations

import json

from gangsaw.agents.arguments import names_any, without
from gangsaw.agents.marks import process_environment
from gangsaw.agents.opencode_stream import OpencodeReader
from gangsaw.agents.protocol import Program, Reader, TurnBrief, Variables
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

_AUTO = ("--auto", "--yolo", "--dangerously-skip-permissions")
_LOGS = ("--print-logs", "--log-level", "ERROR")
_PERMISSION = "OPENCODE_PERMISSION"
_LOOK_ONLY = {"edit": "deny", "bash": "deny"}
_OWN = (("OPENCODE_DISABLE_AUTOUPDATE", "1"),)


class OpencodeAdapter:
    """Runs `opencode run` with full approval, unless the settings' `args` or `env` say what is
    permitted."""

    kind = "opencode"
    resumes = True
    program = Program(
        "opencode",
        tested=("1.18.33", "1.19"),
        install="npm install -g opencode-ai@1.18.33",
        sign_in="opencode auth login",
        keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "OPENCODE_API_KEY"),
        key_files=(".local/share/opencode/auth.json",),
        traps=(
            "models are named PROVIDER/MODEL, for example anthropic/claude-sonnet-4-5",
            "it takes 0.6 GB of memory and 6 s of processor time for each turn",
            "a long Retry-After of the vendor is waited for in silence",
        ),
    )
    # Keys of providers that are used much; any other is passed by `pass_env`.
    variables = (
        *("OPENCODE_*", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        *("GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY"),
        *("GROQ_API_KEY", "MISTRAL_API_KEY", "ZHIPU_API_KEY", "MOONSHOT_API_KEY"),
        *("NODE_EXTRA_CA_CERTS", "!OPENCODE_PID", "!OPENCODE_SERVER_*", "!OPENCODE_CLIENT"),
        *("!OPENCODE_RUN_ID", "!OPENCODE_TERMINAL", "!OPENCODE_EDITOR_SSE_PORT"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session, or the attempt's own gone on with."""
        argv = [agent.binary or "opencode", "run", "--format", "json"]
        argv += _LOGS if not names_any(agent.args, ("--print-logs", "--log-level")) else ()
        argv += _model(agent, brief)
        argv += ["--session", brief.session] if brief.session else []
        env = process_environment(brief, own=_OWN)
        args = agent.args
        if brief.readonly:
            args = without(args, switches=_AUTO)
            env = _looking_only(env)
        if brief.readonly or not (names_any(args, _AUTO) or _PERMISSION in dict(env)):
            argv.append("--auto")
        return LaunchSpec(
            argv=(*argv, *args),
            cwd=brief.worktree,
            env=env,
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same session at a terminal."""
        argv = [agent.binary or "opencode", *_model(agent, brief)]
        argv += ["--session", brief.session] if brief.session else []
        return LaunchSpec(
            argv=(*argv, *agent.args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
        )

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream."""
        return OpencodeReader(brief.worktree, readonly=brief.readonly)


def _model(agent: AgentSettings, brief: TurnBrief) -> list[str]:
    model = brief.model or agent.model
    return ["--model", model] if model else []


def _looking_only(env: Variables) -> Variables:
    """The environment with editing and commands denied; other permissions of the user stay."""
    variables = dict(env)
    try:
        told = json.loads(variables.get(_PERMISSION) or "{}")
    except (ValueError, RecursionError):
        told = {}
    permissions = (told if isinstance(told, dict) else {}) | _LOOK_ONLY
    variables[_PERMISSION] = json.dumps(permissions)
    return tuple(sorted(variables.items()))
