"""Claude Code, headless: the prompt on standard input, a JSON line per event on standard output.

Facts measured with version 2.1.329, each a rule here:

- A failed request ends in a result event with `"subtype": "success"` and `"is_error": true`;
  only `is_error` and `api_error_status` tell.
- In a resumed session `total_cost_usd` and `modelUsage` are sums over the whole session, unless
  its last turn was killed. `model_usage_since_last_result` is this process alone, so notes are
  made from it.
- A session is on disk some time after its first events: a turn killed early cannot be resumed.
  The refused resume then takes the session back (see `ClaudeReader`).
- An id given with `--session-id` must never have been used: it is made from run, attempt and turn.
- As root it refuses to skip permissions unless `IS_SANDBOX=1` is in its environment. That is the
  user's word to give, in the environment or in the agent's `env`: passed through, never set here.
- Its tools run in sessions of their own, so a signal to its process group does not reach them.
- By default it asks a vendor that fails it ten times more, with pauses of up to 38 s and also on a
  refused key: minutes in which nothing can be planned. Ours are three tries (about 5 s); who
  waits longer is the engine, with its slot given back. `CLAUDE_CODE_MAX_RETRIES` in the
  environment or in the agent's `env` goes before that.
- A 429 with a long Retry-After ends it at once, without a word on when it passes, if it is signed
  in by a key; signed in by an account it tells the moment in a `rate_limit_event`.
- `--permission-mode dontAsk --allowedTools Read,Grep,Glob` refuses writing and every command, and
  ends with exit code 0: the form of a turn that only looks.
"""

from __future__ import annotations

from gangsaw.agents.arguments import without
from gangsaw.agents.claude_stream import ClaudeReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.agents.sessions import new_session
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

_SKIP_PERMISSIONS = "--dangerously-skip-permissions"
# An argument of the user's that starts with one of these says what may be done; ours then goes.
_PERMISSION_ARGUMENTS = (_SKIP_PERMISSIONS, "--permission-mode", "--permission-prompt-tool")
# What is allowed adds up, so what the settings' `args` allow goes from a turn that only looks.
_ALLOWING = ("--allowedTools", "--allowed-tools")
# A later mode goes before an earlier one, so this holds whatever mode the settings' `args` name.
_LOOK_ONLY = ("--permission-mode", "dontAsk", "--allowedTools", "Read,Grep,Glob")
_OWN = (("CLAUDE_CODE_MAX_RETRIES", "3"), ("DISABLE_AUTOUPDATER", "1"))


class ClaudeAdapter:
    """Runs `claude -p` with full approval, unless the settings' `args` say what is permitted."""

    kind = "claude"
    resumes = True
    program = Program(
        "claude",
        tested=("2.1.0", "2.2"),
        install="npm install -g @anthropic-ai/claude-code@latest",
        sign_in="claude /login",
        keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        key_files=(".claude/.credentials.json",),
        node_min=22,
        traps=("with Node.js below 22 a bare npm install picks an old version; use @latest",),
        idle_args=(
            "-p",
            "--input-format",
            "stream-json",
            "--output-format",
            "stream-json",
            "--verbose",
        ),
    )
    # What a claude that started us says to its own children would tie ours to its session.
    variables = (
        *("ANTHROPIC_*", "CLAUDE_*", "IS_SANDBOX", "DISABLE_*", "API_TIMEOUT_MS"),
        *("NODE_EXTRA_CA_CERTS", "!CLAUDE_CODE_ENTRYPOINT", "!CLAUDE_CODE_SSE_PORT"),
        *("!CLAUDE_CODE_SESSION_ID", "!CLAUDE_CODE_CHILD_*", "!CLAUDE_CODE_MESSAGING_*"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session under a known id, or the attempt's own session gone on with."""
        argv = [agent.binary or "claude", "-p", "--output-format", "stream-json", "--verbose"]
        args = agent.args
        if brief.readonly:
            args = without(args, switches=(_SKIP_PERMISSIONS,), options=_ALLOWING)
            args = (*args, *_LOOK_ONLY)
        elif not any(argument.startswith(_PERMISSION_ARGUMENTS) for argument in args):
            argv.append(_SKIP_PERMISSIONS)
        if model := brief.model or agent.model:
            argv += ["--model", model]
        if brief.session:
            argv += ["--resume", brief.session]
        else:
            argv += ["--session-id", new_session(brief)]
        return LaunchSpec(
            argv=(*argv, *args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same session at a terminal."""
        argv = [agent.binary or "claude"]
        if model := brief.model or agent.model:
            argv += ["--model", model]
        if brief.session:
            argv += ["--resume", brief.session]
        return LaunchSpec(
            argv=(*argv, *agent.args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
        )

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream."""
        return ClaudeReader(brief.worktree, resumed=bool(brief.session), readonly=brief.readonly)
