"""The page about several agents: its settings are valid, its commands are given in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from gangsaw.plan import Layer, load_settings
from tests.run.test_run_steering import Desk, gated

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "agents.md"
TEXT = PAGE.read_text(encoding="utf-8")

AGENTS = """
[agents.claude]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]
pass_env = ["LEDGER"]

[agents.codex]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]
pass_env = ["LEDGER"]
"""


def test_the_settings_on_the_page_about_agents_are_valid() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    read = load_settings(Layer(text, "gangsaw.toml"), None, {})
    assert read.settings is not None, read.errors
    assert not read.warnings
    limits = read.settings.limits
    assert limits.pool == ("claude", "codex")
    assert limits.default_agent == "claude"
    (claude,) = (each for each in limits.agents if each.name == "claude")
    assert (claude.slots, claude.seats, claude.fallback_after_s) == (4, 5, 600)


def test_the_page_about_agents_does_what_it_says(tmp_path: Path) -> None:
    tasks = [gated("a", agent="claude", priority=1), gated("b", agent="codex")]
    desk = Desk(tmp_path, tasks, max_agents=1)
    desk.ground.settings(AGENTS)
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1")
    said: dict[str, str] = {}
    for text in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        for line in text.splitlines():
            words = shlex.split(line)
            assert words[0] == "gangsaw"
            said[line] = desk.ask(*words[1:])
    assert "claude" in said["gangsaw agents"]
    assert said["gangsaw scale claude=3 codex=1"] == "up to 3 of claude; up to 1 of codex\n"
    assert said["gangsaw scale codex=0"].startswith("no new task for codex; ")
    assert "codex begins no task" in said["gangsaw agents remove codex"]
    assert "codex takes work again" in said["gangsaw agents add codex"]
    desk.let_go("a", "b")
    desk.wait_engine_ended()
    assert set(desk.ground.statuses().values()) == {"landed"}
