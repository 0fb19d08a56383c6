"""What `gangsaw.toml` says, as values. Every setting has its unit in its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gangsaw.core.barriers import BARRIERS
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
    tasks which name none; `memory_max_mb` is its own limit of memory.
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
    account: str | None = None
    seats: int | None = None
    fallback_after_s: float | None = None
    role: str | None = None
    memory_max_mb: float | None = None


@dataclass(frozen=True, slots=True)
class WorktreeSettings:
    """`[worktree]`: where worktrees live (`None`: beside the repository) and what is put into a
    fresh one: files copied, files linked, a command run. `ports`: how many ports each live attempt
    has for itself, the first of them from `ports_from` on. `pool`: so many folders
    of ended attempts are kept for the next (`None`: as many as there may be agents)."""

    root: str | None = None
    copy: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    setup: str | None = None
    ports: int = 0
    ports_from: int = 20_000
    pool: int | None = None


SELF_VALIDATING_CACHES = (
    "__pycache__/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".pytest_cache/",
    "node_modules/.cache/",
    "target/",
)
"""Ignored files that stay between checks when nobody says otherwise: each of them is a cache whose
tool compares it with its sources."""


@dataclass(frozen=True, slots=True)
class LandingSettings:
    """`[landing]`, as far as it is no limit of the run: `barriers` are entries of a scope; a change
    that touches one of them lands alone."""

    barriers: tuple[str, ...] = BARRIERS


@dataclass(frozen=True, slots=True)
class ConflictSettings:
    """`[landing]`, as far as conflicts go: `mergiraf` is `auto` (used where it is installed), `on`
    or `off`; `union` are paths of which both sides' lines are kept."""

    mergiraf: str = "auto"
    union: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `checks` are run for every task besides its own; `check_env` are variables
    passed through to checks; `check_keep` are patterns of ignored files that stay in a slot
    between checks; at most `check_slots` candidates are checked side by side, if that is measured
    to pay; `check_cache` says whether green results outlive their run; `dry_run`: a run is
    only shown; `source` is the file read, for messages."""

    agents: tuple[AgentSettings, ...] = ()
    limits: Limits = field(default_factory=Limits)
    checks: tuple[Check, ...] = ()
    check_pass_env: tuple[str, ...] = ()
    check_cache: bool = True
    check_keep: tuple[str, ...] = SELF_VALIDATING_CACHES
    check_slots: int = 2
    worktree: WorktreeSettings = field(default_factory=WorktreeSettings)
    landing: LandingSettings = field(default_factory=LandingSettings)
    conflicts: ConflictSettings = field(default_factory=ConflictSettings)
    remote: str | None = None
    on_interrupt: str = "pause"
    dry_run: bool = False
    source: str = ""

    def agent(self, name: str) -> AgentSettings | None:
        """The settings of the agent called `name`, or `None`."""
        return next((agent for agent in self.agents if agent.name == name), None)
