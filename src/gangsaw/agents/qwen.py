"""Qwen Code, headless: the prompt on standard input, a JSON line per event on standard output.

Facts measured with version 0.24.4, each a rule here:

- The stream has Claude Code's shape, with `system/retry` of its own, and no cost. Its input
  tokens include the cached ones.
- The figures of the final event are those of the whole session, killed turns included; those of
  the `assistant` events are each message's own.
- A failed request is told twice: as words of the model (`[API Error: …]`) and in the final event.
- Exit code 53 is the turn limit, 55 the bound on time or tool calls; with 53 there is no final
  event. A session that is none ends it with words on standard error alone.
- Read-only is `--approval-mode default`: without a terminal all that would have to be asked is
  refused, commands too. `plan` refuses the same, and makes the model plan instead of judge.
- A refused request is tried 7 times (76 s) as one round, and after a pause of 60 s that grows ten
  rounds more, with a `system/retry` event for each. Only a settings file makes that fewer
  (`model.generationConfig.maxRetries`), and such a file it writes anew itself, wherever it lies:
  so there is none of ours. A Retry-After within a round is waited for in silence, however long.
- A 429 that speaks of a quota and of its reset ends it at once.
- It takes `OPENAI_API_KEY` only with a base URL and a model in the environment beside it, or with
  an auth type that the settings or `--auth-type` name. So the model is put there.
- It starts itself a second time for a larger heap; `QWEN_CODE_NO_RELAUNCH` spares that (0.8 s of
  processor time).
"""

from __future__ import annotations

from gangsaw.agents.arguments import names_any, without
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief, Variables
from gangsaw.agents.qwen_stream import QwenReader
from gangsaw.agents.sessions import new_session
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

# An argument of the user's that is one of these says what may be done; ours then goes.
_SWITCHES = ("-y", "--yolo")
_OPTIONS = ("--approval-mode", "--allowed-tools")
_OWN = (("QWEN_CODE_NO_RELAUNCH", "true"), ("QWEN_CODE_SUPPRESS_YOLO_WARNING", "1"))


class QwenAdapter:
    """Runs `qwen` with full approval, unless the settings' `args` say what is permitted."""

    kind = "qwen"
    resumes = True
    program = Program(
        "qwen",
        tested=("0.24.4", "0.25"),
        install="npm install -g @qwen-code/qwen-code@0.24.4",
        sign_in="qwen",
        keys=("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "QWEN_API_KEY", "ANTHROPIC_API_KEY"),
        key_files=(".qwen/settings.json", ".qwen/oauth_creds.json"),
        node_min=22,
        traps=(
            "OPENAI_API_KEY alone is not taken: set OPENAI_BASE_URL and a model too, or give "
            'args = ["--auth-type", "openai"]',
            "it waits for a vendor that limits it for up to an hour itself; "
            "model.generationConfig.maxRetries = 0 in ~/.qwen/settings.json makes that a minute",
            "a long Retry-After of the vendor is waited for in silence",
        ),
    )
    # What a Qwen Code that started us says to its own children is not for ours.
    variables = (
        *("QWEN_*", "OPENAI_*", "DASHSCOPE_API_KEY", "MODELSCOPE_API_KEY", "ANTHROPIC_*"),
        *("GEMINI_API_KEY", "GEMINI_MODEL", "GOOGLE_API_KEY", "GOOGLE_MODEL"),
        *("NODE_EXTRA_CA_CERTS", "!QWEN_CODE", "!QWEN_CODE_SESSION_ID", "!QWEN_CODE_IDE_*"),
        *("!QWEN_CODE_PRIVATE_*", "!QWEN_CODE_LAUNCHER_PID", "!QWEN_CODE_RELAUNCH_ARGS"),
        *("!QWEN_CODE_NO_RELAUNCH", "!QWEN_CODE_AGENT_ID", "!QWEN_CODE_PROMPT_ID"),
        *("!QWEN_CODE_MESSAGING_*", "!QWEN_CODE_CLI", "!QWEN_CLI_ENTRY", "!QWEN_CODE_CHAT"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """A new session under a known id, or the attempt's own session gone on with."""
        argv = [agent.binary or "qwen", "--output-format", "stream-json"]
        args = agent.args
        if brief.readonly:
            args = without(args, switches=_SWITCHES, options=_OPTIONS)
            argv += ["--approval-mode", "default"]
        elif not names_any(args, (*_SWITCHES, *_OPTIONS)):
            argv += ["--approval-mode", "yolo"]
        model = brief.model or agent.model
        argv += ["--model", model] if model else []
        argv += (
            ["--resume", brief.session] if brief.session else ["--session-id", new_session(brief)]
        )
        return LaunchSpec(
            argv=(*argv, *args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_own(model)),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same session at a terminal."""
        argv = [agent.binary or "qwen"]
        model = brief.model or agent.model
        argv += ["--model", model] if model else []
        argv += ["--resume", brief.session] if brief.session else []
        return LaunchSpec(
            argv=(*argv, *agent.args),
            cwd=brief.worktree,
            env=process_environment(brief, own=_own(model)),
        )

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of the event stream."""
        return QwenReader(brief.worktree, readonly=brief.readonly)


def _own(model: str | None) -> Variables:
    """Our defaults; a model alone does nothing without a key beside it."""
    return (*_OWN, ("OPENAI_MODEL", model)) if model else _OWN
