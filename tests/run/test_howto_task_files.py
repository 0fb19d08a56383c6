"""The page about task files: its commands are given, and its table names every dialect."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from gangsaw.sources import NAMES
from gangsaw.testing.playground import Playground

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "task-files.md"
CORPUS = Path(__file__).parents[1] / "corpus"
WORK = "echo $GANGSAW_TASK > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK"


def test_the_table_of_task_files_names_every_dialect() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == list(NAMES)


def test_the_page_about_task_files(tmp_path: Path) -> None:
    """Group E of the roadmap with its five tracks, a feature of two stories, and an epic with three
    children, each run to its end with one command."""
    ground = Playground(tmp_path)
    ground.write(
        "gangsaw.toml",
        f'[run]\nagent = "w"\n[agents.w]\nkind = "command"\nstdin = "none"\n'
        f'argv = ["sh", "-c", "{WORK}"]\n',
    )
    tasks = CORPUS / "speckit" / "02-template.tasks.md"
    text = tasks.read_text("utf-8").partition("## Phase 4")[0]
    (ground.repo / "specs" / "003-goals").mkdir(parents=True)
    ground.write("specs/003-goals/tasks.md", text)
    roadmap = (CORPUS / "roadmap" / "02-group-e.md").read_text("utf-8")
    ground.write("ROADMAP.md", roadmap)
    epic = (CORPUS / "beads" / "02-epic.jsonl").read_text("utf-8")
    (ground.repo / ".beads").mkdir()
    ground.write(".beads/issues.jsonl", epic)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "task files")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for line in "".join(blocks).splitlines():
        name, *words = shlex.split(line)
        assert name == "gangsaw"
        done = ground.call(*words)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if words[0] == "run" and "--dry-run" not in words:
            ground.git("commit", "-q", "-a", "-m", "what became of it")
    after = (ground.repo / "specs" / "003-goals" / "tasks.md").read_text("utf-8")
    assert after == text.replace("- [ ] T0", "- [x] T0")
    marked = (ground.repo / "ROADMAP.md").read_text("utf-8")
    assert marked.count("✅ **[DONE]**") == roadmap.count("✅ **[DONE]**") + 8
    assert "IN PROGRESS" not in marked
    closed = (ground.repo / ".beads" / "issues.jsonl").read_text("utf-8")
    assert closed.count('"status":"closed"') == epic.count('"status":"open"') == 4
