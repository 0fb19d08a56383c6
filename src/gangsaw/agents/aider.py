"""aider, headless: one message in, edits to files out; its output is text.

Facts measured with version 0.86.2, each a rule here:

- It exits with 0 on a refused key, a wrong model or a full context: only its words tell.
- `--analytics-log` writes a local JSON line per event, tokens and cost among them, and with
  `--no-analytics` sends nothing. Given `/dev/stdout` these lines come within the output.
- It has no sessions, but reads its own chat history back (`--restore-chat-history`). So the
  session is the history file, which lies beside this turn's prompt; after a kill it holds the
  message and whatever had been answered.
- `--yes-always` says yes to far more than edits: to scraping every address in the prompt (it
  installs a browser for that), to opening pages about an error, to signing in at OpenRouter where
  there is no key (it then waits for five minutes). Hence the switches and `BROWSER`. It says no to
  shell commands: aider edits files and runs nothing.
- Its own commits carry the model's words as their subject, a changed author, and cost one or two
  requests that its usage leaves out. So it commits nothing here (`args = ["--auto-commits"]`
  brings that back); what it left is committed for it, unless the settings say otherwise.
- It keeps a cache in the worktree at a place that no option moves. A `.gitignore` of its own in
  there keeps it out of every commit, also when aider is killed.
- Text that it wraps at the width of a terminal would break what a review says as JSON: `COLUMNS`.
"""

from __future__ import annotations

from gangsaw.agents.aider_stream import AiderReader
from gangsaw.agents.marks import process_environment
from gangsaw.agents.protocol import Program, Reader, TurnBrief
from gangsaw.core.launch import LaunchSpec
from gangsaw.core.settings import AgentSettings

# Makes the cache's folder ($0) invisible to git, then becomes aider.
_HIDDEN_CACHE = 'mkdir -p "$0" && echo "*" >"$0/.gitignore"; exec "$@"'
_CACHE = ".aider.tags.cache.v4"

_ALWAYS = (
    *("--no-auto-commits", "--no-dirty-commits", "--no-gitignore", "--no-check-update"),
    *("--no-show-release-notes", "--no-show-model-warnings", "--no-analytics"),
    *("--no-detect-urls", "--disable-playwright"),
)
_HEADLESS = (
    *("--message-file", "/dev/stdin", "--yes-always", "--analytics-log", "/dev/stdout"),
    *("--no-stream", "--no-pretty", "--no-fancy-input", "--no-suggest-shell-commands"),
)
# The last `--chat-mode` counts, so these hold whatever the settings' own arguments say.
_LOOK_ONLY = ("--chat-mode", "ask", "--dry-run", "--no-auto-commits")
_OWN = (("BROWSER", "true"), ("COLUMNS", "100000"), ("PYTHONUNBUFFERED", "1"))


class AiderAdapter:
    """Runs `aider --message-file`, without commits of its own."""

    kind = "aider"
    resumes = True
    program = Program(
        "aider",
        tested=("0.86.2", "0.87"),
        install="uv tool install --python 3.12 aider-chat",
        sign_in="export OPENAI_API_KEY=…  (or the key of another vendor)",
        keys=(
            *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
            "OPENROUTER_API_KEY",
        ),
        key_files=(".aider.conf.yml", ".aider/oauth-keys.env"),
        traps=(
            "without a key it offers to sign in at OpenRouter and waits five minutes for that",
            "it runs no commands, so it cannot run your tests unless args say --test-cmd",
            "where git has no user.name it writes a made-up one into the repository's settings",
        ),
    )
    variables = (
        *("AIDER_*", "OPENAI_*", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
        *("OPENROUTER_API_KEY", "OLLAMA_API_BASE", "LITELLM_LOCAL_MODEL_COST_MAP"),
    )

    def launch(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """One message, with the chat so far where there is one."""
        return LaunchSpec(
            argv=self._argv(agent, brief, _HEADLESS),
            cwd=brief.worktree,
            env=process_environment(brief, own=_OWN),
            stdin=brief.prompt.encode("utf-8", "replace"),
        )

    def interactive(self, agent: AgentSettings, brief: TurnBrief) -> LaunchSpec:
        """The same chat at a terminal."""
        return LaunchSpec(
            argv=self._argv(agent, brief, ()),
            cwd=brief.worktree,
            env=process_environment(brief),
        )

    def _argv(
        self, agent: AgentSettings, brief: TurnBrief, more: tuple[str, ...]
    ) -> tuple[str, ...]:
        history = history_of(brief)
        argv = ["sh", "-c", _HIDDEN_CACHE, _CACHE, agent.binary or "aider", *_ALWAYS, *more]
        argv += ["--chat-history-file", history, "--input-history-file", f"{history}.input"]
        if brief.session:
            argv.append("--restore-chat-history")
        if model := brief.model or agent.model:
            argv += ["--model", model]
        argv += agent.args
        return (*argv, *_LOOK_ONLY) if brief.readonly else tuple(argv)

    def reader(self, brief: TurnBrief) -> Reader:
        """A reader of its text and of the events within."""
        return AiderReader(history_of(brief), brief.worktree, resumed=bool(brief.session))


def history_of(brief: TurnBrief) -> str:
    """Path of the chat history: the session's, or that of one which begins with this turn."""
    return brief.session or f"{brief.prompt_file}.aider.md"
