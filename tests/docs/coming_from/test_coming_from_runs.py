"""The commands at the head of each page are given, on a backlog of its kind."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground
from tests.docs.coming_from.pages import PAGES, blocks, text_of

CORPUS = Path(__file__).parents[2] / "corpus"
BACKLOGS = {
    "001": ("beads/02-epic.jsonl", ".beads/issues.jsonl"),
    "002": ("speckit/05-roles.md", "specs/003-reading-goals/tasks.md"),
    "004": ("roadmap/02-group-e.md", "ROADMAP.md"),
}
"""Which file of the corpus stands for the reader's, and where theirs lies."""

WORKER = """
[agents.w]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "echo x > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"]

[honesty]
outside_scope = "warn"
"""
STREAMS = [
    {"id": "ws-01-base", "tasks": ["Lay it"], "files_scope": ["base/"]},
    {"id": "ws-02-top", "tasks": ["Top it"], "files_scope": ["top/"], "depends_on": ["ws-01"]},
    {"id": "ws-03-side", "tasks": ["Beside it"], "files_scope": ["side/"]},
]


@pytest.mark.parametrize("number", PAGES)
def test_the_first_commands_of_a_page(tmp_path: Path, number: str) -> None:
    text = text_of(PAGES[number])
    pg = Playground(tmp_path, agent="w", max_agents=8)
    pg.settings(WORKER)
    if number in BACKLOGS:
        source, target = BACKLOGS[number]
        (pg.repo / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CORPUS / source, pg.repo / target)
    elif number == "003":
        for each in STREAMS:
            pg.write(f"workstreams/{each['id']}.json", json.dumps(each, indent=2) + "\n")
        track = {"track_assignments": {"front": ["ws-03-side"]}, "agent_configs": [
            {"id": "w", "type": "w", "track": "front"}]}  # fmt: skip
        pg.write("workstreams/tracks.json", json.dumps(track))
    else:
        (plan,) = blocks(text, "yaml")
        pg.write("plan.yaml", plan)
    pg.git("add", "-A")
    pg.git("commit", "-q", "-m", "a backlog")
    (block,) = blocks(text, "sh")
    said = ""
    for line in block.splitlines():
        name, *words = shlex.split(line)
        assert name == "gangsaw"
        done = pg.call(*words)
        said = f"{line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
    assert set(pg.statuses().values()) == {"landed"}, said
