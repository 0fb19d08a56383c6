"""The text of a fresh `gangsaw.toml`, for the agents that are installed."""

from __future__ import annotations

from collections.abc import Collection

_TABLES: dict[str, str] = {
    "claude": """[agents.claude]              # Claude Code, headless
kind = "claude"
# model = "sonnet"
# slots = 2                  # at most so many of this agent at once
# pass_env = ["HTTPS_PROXY"] # further variables it may see
""",
    "codex": """[agents.codex]               # OpenAI Codex CLI
kind = "command"
argv = ["codex", "exec", "--dangerously-bypass-approvals-and-sandbox", "-"]
stdin = "prompt"
pass_env = ["OPENAI_API_KEY", "CODEX_HOME"]
""",
    "gemini": """[agents.gemini]              # Gemini CLI
kind = "command"
argv = ["gemini", "--approval-mode", "yolo"]
stdin = "prompt"
pass_env = ["GEMINI_API_KEY", "GOOGLE_API_KEY"]
""",
    "opencode": """[agents.opencode]            # OpenCode
kind = "command"
argv = ["sh", "-c", 'opencode run --auto "$(cat "$1")"', "sh", "{prompt_file}"]
pass_env = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]
""",
    "aider": """[agents.aider]               # aider
kind = "aider"
# model = "sonnet"
""",
}

KNOWN_PROGRAMS = tuple(_TABLES)
"""Programs that are looked for, the first found is the default agent."""

_HEAD = """# Settings of gangsaw for this repository. Every line is optional; what a line does:
# gangsaw schema config. To take this file away again: gangsaw init --undo

[run]
{agent}
# max_agents = 4             # how many agents work at once
# deliver = "each"           # when your branch is moved: "each" landing, at the "end", "never"
# budget = 10                # dollars the run may cost; reserved before each launch

[checks]                     # run for every task, on its work and on every combination
# run = ["pytest -q"]

"""

_TAIL = """# [agents.other]              # any command line program
# kind = "command"
# argv = ["your-cli", "--prompt-file", "{prompt_file}"]

# [landing]
# window = 16                # so many changes are checked together at most; 1: each alone
# barriers = ["db/schema/"]  # what lands alone; else lock, CI and build files, migrations

# [worktree]                  # what a fresh worktree needs besides the commit
# copy = [".env"]
# setup = "npm ci"           # you are asked before it is run for the first time
# ports = 10                 # for each live attempt: GANGSAW_PORT
"""


def config_text(installed: Collection[str]) -> str:
    """The file for a machine on which these of `KNOWN_PROGRAMS` are installed."""
    found = [name for name in KNOWN_PROGRAMS if name in installed]
    agent = (
        f'agent = "{found[0]}"' if found else '# agent = "claude"         # none was found on PATH'
    )
    tables = [_TABLES[name] for name in found]
    if not found:
        tables = [_commented(_TABLES["claude"])]
    return _HEAD.replace("{agent}", agent) + "\n".join([*tables, _TAIL])


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())
