"""What `gangsaw.toml` says, as values. Every setting has its unit in its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gangsaw.core.model import Check, Limits

_ADAPTER_FILE = re.compile(r"(.+\.py):([A-Za-z_][A-Za-z0-9_]*)")


def adapter_file(kind: str) -> tuple[str, str] | None:
    """The file and the name in it of an agent kind written as `FILE.py:NAME`, else `None`."""
    found = _ADAPTER_FILE.fullmatch(kind)
    return (found[1], found[2]) if found else None


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """One `[agents.NAME]` table.

    `kind` is a built-in one, one that an installed package adds, or `FILE.py:NAME`.
    `argv` (kind `command`) may hold `{prompt_file}`, `{task_prompt_file}`, `{worktree}`,
    `{model}`, `{session}` and `{port}`. `stdin` is `"prompt"` or `"none"`. The agent's
    environment is an allow list plus `env` and the variables named in `pass_env`. `role` is that of
    tasks which name none.
    """

    name: str
    kind: str
    argv: tuple[str, ...] = ()
    stdin: str = "none"
    binary: str | None = None
    args: tuple[str, ...] = ()
    model: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    pass_env: tuple[str, ...] = ()
    slots: int | None = None
    fallback: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class WorktreeSettings:
    """`[worktree]`: where worktrees live (`None`: beside the repository) and what is put into a
    fresh one: files copied, files linked, a command run. `ports`: how many ports each live attempt
    has for itself, the first of them from `ports_from` on."""

    root: str | None = None
    copy: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    setup: str | None = None
    ports: int = 0
    ports_from: int = 20_000


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `checks` are run for every task besides its own; `check_env` are variables
    passed through to checks; `source` is the file read, for messages."""

    agents: tuple[AgentSettings, ...] = ()
    limits: Limits = field(default_factory=Limits)
    checks: tuple[Check, ...] = ()
    check_pass_env: tuple[str, ...] = ()
    worktree: WorktreeSettings = field(default_factory=WorktreeSettings)
    remote: str | None = None
    on_interrupt: str = "pause"
    source: str = ""

    def agent(self, name: str) -> AgentSettings | None:
        """The settings of the agent called `name`, or `None`."""
        return next((agent for agent in self.agents if agent.name == name), None)
