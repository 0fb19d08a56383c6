"""A playground whose agents are real programs that talk to the scripted model."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gangsaw.testing.models import ModelServer
from gangsaw.testing.playground import Playground
from tests.e2e.real_agents import RealAgent

WAIT_S = 240.0

RUN = """\
[machine]
disk_max_pct = 100
launch_delay_s = 0

[run]
agent = "{first}"
max_agents = 4
backoff_s = 0.2
grace_s = 2
memory_floor_pct = 1
disk_floor_mb = 10
"""
AGENT = """
[agents.{name}]
kind = "{kind}"
{program}
{model}
args = {args}
pass_env = {pass_env}
env = {{ {env} }}
"""


class Place:
    """The playground, with the programs that are given; the first one is the default agent."""

    def __init__(
        self,
        folder: Path,
        server: ModelServer,
        agents: Sequence[tuple[RealAgent, Path]],
        *,
        signed_in: bool = True,
    ) -> None:
        self.server = server
        self.home = folder / "home"
        self.home.mkdir()
        keys = {agent.key: "test-key" for agent, _ in agents} if signed_in else {}
        self.pg = Playground(folder, env={"HOME": str(self.home), **keys})
        settings = RUN.format(first=agents[0][0].name)
        for agent, program in agents:
            agent.files(self.home, server.url)
            taken = () if signed_in else agent.signs_in
            env = [pair for pair in agent.env(server.url).items() if pair[0] not in taken]
            started = f"binary = {json.dumps(str(program))}"
            if agent.command:
                started = f"argv = {json.dumps([str(program), *agent.command])}"
            settings += AGENT.format(
                name=agent.name,
                kind=agent.kind,
                program=started,
                model=f"model = {json.dumps(agent.model)}" if agent.model else "",
                args=json.dumps(list(agent.arguments(server.url))),
                pass_env=json.dumps([agent.key]),
                env=", ".join(f"{name} = {json.dumps(value)}" for name, value in env),
            )
        self.pg.write("gangsaw.toml", settings)
        self.pg.git("commit", "-qam", "settings")

    def run(self, tasks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """`gangsaw run` of the tasks, which must end well; the tasks of the status by id."""
        done = self.pg.call("run", self.pg.plan(tasks), "--json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.told()}"
        return self.tasks()

    def tasks(self) -> dict[str, dict[str, Any]]:
        """The tasks of the status by id."""
        return {found["id"]: found for found in self.pg.status()["tasks"]}

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the run's events of this kind."""
        return [event["body"] for event in self.pg.events() if event["kind"] == kind]

    def sessions(self, attempt: str) -> list[str]:
        """The sessions that an attempt had, each once."""
        opened = [
            event["body"]["session"]
            for event in self.pg.events()
            if event["kind"] == "session.opened" and event["subject"] == attempt
        ]
        return list(dict.fromkeys(opened))

    def prompt(self, attempt: str, launch: int) -> str:
        """The rendered prompt of a launch."""
        folder = self.pg.repo / ".git/gangsaw/attempts/r1" / attempt
        return (folder / f"prompt-{launch}.md").read_text()

    def is_saved(self, words: Sequence[bytes]) -> bool:
        """Whether a file of the home, or of a worktree, holds all of these words."""
        worktrees = self.pg.root / "repo-worktrees"
        for folder in (self.home, worktrees):
            for file in folder.rglob("*"):
                if file.is_file() and _holds(file, words):
                    return True
        return False

    def kill_agent(self) -> None:
        """Kill the process of the last turn that was started."""
        os.kill(self.bodies("turn.started")[-1]["pid"], signal.SIGKILL)

    def told(self) -> str:
        """What happened, for the message of a test that failed."""
        lines = [f"{e['kind']} {e['subject']} {json.dumps(e['body'])}" for e in self.pg.events()]
        for seen in self.server.log():
            lines.append(f"request {seen.number} {seen.scenario} {seen.step} {seen.fault}")
        for file in sorted((self.pg.repo / ".git/gangsaw/attempts").rglob("std*")):
            lines.append(f"--- {file}\n{file.read_text(errors='replace')[-1500:]}")
        return "\n".join(lines)


def _holds(file: Path, words: Sequence[bytes]) -> bool:
    try:
        raw = file.read_bytes()
    except OSError:
        return False  # a temporary file that is gone again
    return all(word in raw for word in words)


def clean_environment(names: Mapping[str, str]) -> list[str]:
    """The variables of whoever runs the tests that agents would listen to."""
    foreign = (
        *("ANTHROPIC_", "CLAUDE", "CODEX_", "OPENAI_", "GEMINI_", "GOOGLE_", "QWEN_", "DASHSCOPE_"),
        *("OPENCODE_", "COPILOT_", "GH_", "GITHUB_", "AIDER_", "LITELLM_", "MSWEA_", "SCRIPTED_"),
        *("XDG_", "DISABLE_", "IS_SANDBOX", "http", "HTTP", "all_", "ALL_", "NODE_"),
    )
    return [name for name in names if name.startswith(foreign)]
