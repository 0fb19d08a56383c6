"""A real repository with a plan and settings, and the real program run on it, for tests.

Agents are shell scripts (kind `command`, `sh -eu {task_prompt_file}`) or the scripted agent. Each
agent may write to the ledger with `$LEDGER`: lines that validators read afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from gangsaw.testing.warm import Commands

SOURCE = Path(__file__).resolve().parents[2]
COMMAND_MAX_S = 300.0
WAIT_MAX_S = 120.0
WAIT_PAUSE_S = 0.02

SETTINGS = """\
[machine]
disk_max_pct = 100
check_every_s = 1
launch_delay_s = 0

[run]
agent = "{agent}"
max_agents = {max_agents}
backoff_s = 0.2
grace_s = 2
memory_floor_pct = 1
disk_floor_mb = 10

[agents.sh]
kind = "command"
argv = ["sh", "-eu", "{{task_prompt_file}}"]
pass_env = ["LEDGER"]

[agents.scripted]
kind = "scripted"
pass_env = ["LEDGER"]
"""


@dataclass
class Playground:
    """One repository below `root`, on branch `main` with one commit."""

    root: Path
    agent: str = "sh"
    max_agents: int = 4
    env: dict[str, str] = field(default_factory=dict)
    commands: ClassVar[Counter[str]] = Counter()
    """How often each command was given, in all playgrounds of this process."""
    warm: ClassVar[Commands | None] = None
    """Where a `call` need not start an interpreter; else each is a process from the start on."""
    like: Playground | None = None
    """Copy that one, all of it, instead of making one from nothing."""

    def __post_init__(self) -> None:
        self.repo = self.root / "repo"
        self.ledger = self.root / "ledger"
        if self.like is not None:
            self._copy(self.like)
            return
        self.repo.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.write("README.md", "a repository\n")
        self.write("gangsaw.toml", SETTINGS.format(agent=self.agent, max_agents=self.max_agents))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "first")

    def _copy(self, like: Playground) -> None:
        shutil.copytree(like.root, self.root, symlinks=True)
        config = self.repo / ".git" / "config"
        config.write_text(config.read_text().replace(str(like.root), str(self.root)))

    # --- files and git ---------------------------------------------------------------------------

    def write(self, name: str, text: str) -> Path:
        """Write a file of the checkout."""
        path = self.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def settings(self, more: str) -> None:
        """Add to `gangsaw.toml`, and commit it."""
        path = self.repo / "gangsaw.toml"
        path.write_text(path.read_text() + "\n" + more)
        self.git("commit", "-q", "-am", "settings")

    def plan(self, tasks: Sequence[Mapping[str, Any]], **top: Any) -> Path:
        """Write `plan.json` beside the repository; JSON is YAML too."""
        path = self.root / "plan.json"
        path.write_text(json.dumps({"version": 1, "goal": "a goal", "tasks": list(tasks), **top}))
        return path

    def git(self, *args: str, cwd: Path | None = None, ok: bool = True) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.repo, env=self.environment(), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if ok and done.returncode:
            raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    # --- the program -----------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The environment of every command: an identity, no settings of whoever runs the tests."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GANGSAW_"))}
        return {
            **kept,
            "PYTHONPATH": str(SOURCE),
            "HOME": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ann",
            "GIT_AUTHOR_EMAIL": "ann@example.org",
            "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@example.org",
            "LEDGER": str(self.ledger),
            "NO_COLOR": "1",
            **self.env,
        }

    def argv(self, *args: str | Path) -> list[str]:
        """The command line of the real program."""
        self.commands[str(args[0])] += 1
        return [sys.executable, "-m", "gangsaw", *map(str, args)]

    def call(
        self, *args: str | Path, cwd: Path | None = None, timeout_s: float = COMMAND_MAX_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its exit code is the caller's to judge."""
        argv, folder, env = self.argv(*args), cwd or self.repo, self.environment()
        if self.warm is not None:
            words = argv[argv.index("gangsaw") + 1 :]
            done = self.warm.call(words, cwd=folder, env=env, timeout_s=timeout_s)
            if done is not None:
                return done
        return subprocess.run(
            argv, cwd=folder, env=env, capture_output=True, text=True, errors="replace",
            timeout=timeout_s, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, *args: str | Path) -> subprocess.Popen[bytes]:
        """Start a command; its output goes to `output` beside the repository."""
        with (self.root / "output").open("ab") as output:
            return subprocess.Popen(
                self.argv(*args), cwd=self.repo, env=self.environment(), stdout=output,
                stderr=output, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def run(self, plan: Path, *args: str, expect: int = 0) -> dict[str, Any]:
        """`gangsaw run PLAN --json`, which must end with `expect`; the status object."""
        done = self.call("run", plan, "--json", *args)
        if done.returncode != expect:
            raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    def status(self) -> dict[str, Any]:
        """`gangsaw status --json`; without tasks where nothing has run yet."""
        said = self.call("status", "--json").stdout
        found: dict[str, Any] = json.loads(said) if said else {"tasks": []}
        return found

    def events(self) -> list[dict[str, Any]]:
        """`gangsaw events --json`."""
        lines = self.call("events", "--json").stdout.splitlines()
        return [json.loads(line) for line in lines]

    # --- facts -----------------------------------------------------------------------------------

    def statuses(self) -> dict[str, str]:
        """Task → status."""
        return {task["id"]: task["status"] for task in self.status()["tasks"]}

    def landings(self, run: str = "r1") -> list[str]:
        """The commits that landed since `main`'s first commit, oldest first: those of the
        integration branch and, in place of one that joins several, these."""
        first = self.git("rev-list", "--max-parents=0", "HEAD").splitlines()[0]
        found = []
        for commit in self._chain(f"refs/heads/gangsaw/run/{run}", first):
            joined = self.trailer(commit, "Gangsaw-Joins")
            found += self._chain(f"{commit}^2", f"{commit}^1") if joined else [commit]
        return found

    def _chain(self, tip: str, before: str) -> list[str]:
        return self.git("rev-list", "--first-parent", "--reverse", tip, f"^{before}").splitlines()

    def trailer(self, commit: str, name: str) -> str:
        """The value of a trailer."""
        form = f"%(trailers:key={name},valueonly,separator=%x2C)"
        return self.git("log", "-1", f"--format={form}", commit)

    def ledger_lines(self) -> list[list[str]]:
        """The words of each line that agents wrote."""
        if not self.ledger.exists():
            return []
        return [line.split() for line in self.ledger.read_text().splitlines()]

    def wait_for(self, fact: Callable[[], bool], what: str, max_s: float = WAIT_MAX_S) -> None:
        """Until the fact holds; an `AssertionError` that names it after `max_s`."""
        deadline = time.monotonic() + max_s
        while not fact():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {max_s:.0f} s in vain for: {what}")
            time.sleep(WAIT_PAUSE_S)
