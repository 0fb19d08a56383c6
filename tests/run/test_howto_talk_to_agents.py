"""The page about talking to agents: its plan is run, and its commands are given in their order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.run.test_run_talk import Table

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "talk-to-agents.md"
AT_A_TERMINAL = {"gangsaw attach api --take-over", "gangsaw attach api --hand-back"}
"""What `test_run_attach` tries, since it needs a terminal."""
_BLOCK = re.compile(r"(?:<!-- after ([a-z.]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    plan = next(text for _, language, text in blocks if language == "yaml")
    desk = Table(tmp_path, [])
    desk.needs = {"api": []}
    (desk.ground.repo / ".git" / "info" / "exclude").write_text("plan.yaml\n")
    desk.ground.write("plan.yaml", plan)
    said: dict[str, str] = {}
    for after, language, text in blocks:
        if language != "sh":
            continue
        if after:
            desk.wait_event(after)
        for line in text.splitlines():
            if line in AT_A_TERMINAL:
                continue
            words = shlex.split(line)
            assert words[0] == "gangsaw"
            said[line] = desk.ask(*words[1:])
    assert "asks: Postgres or SQLite?" in said["gangsaw status"]
    assert "gangsaw answer api TEXT" in said["gangsaw why api"]
    desk.wait_engine_ended()
    assert desk.ground.statuses() == {"api": "landed"}
    assert desk.ground.git("show", "gangsaw/run/r1:store.txt") == "SQLite"
    assert "> mention the store in the README, too" in desk.prompt("api.1", 2)
    assert desk.attempt("api.1").done_text == "the store is SQLite"


def test_the_page_names_every_command_for_agents() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in ("ask", "say", "claim", "release", "siblings", "done", "answer", "attach"):
        assert f"gangsaw {name}" in page
