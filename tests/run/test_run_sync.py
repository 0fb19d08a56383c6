"""`gangsaw sync` after runs: what has landed is marked in the file it is from, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

SETTINGS = """
[run]
agent = "writer"
[landing]
history = "{history}"
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "echo x > $GANGSAW_TASK.txt; git add -A; git commit -qm $GANGSAW_TASK:x"]
"""
FIRST, SECOND = "specs/001-a/tasks.md", "specs/002-b/tasks.md"
TASKS = "# Tasks: {name}\n\n## Phase 1: Setup\n- [ ] T001 Do {name}\n- [ ] T002 Do more\n"
GROUP = """# Plan

### **Group A: Ground**
**Parallel Tracks:**
1. **Track 1: Schema**
   - the tables
"""


@pytest.fixture
def features(tmp_path: Path) -> Playground:
    return Playground(tmp_path)


def settled(ground: Playground, history: str, files: dict[str, str]) -> None:
    ground.write("gangsaw.toml", SETTINGS.format(history=history))
    for name, text in files.items():
        (ground.repo / name).parent.mkdir(parents=True, exist_ok=True)
        ground.write(name, text)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "task files")


def land(ground: Playground, source: str) -> None:
    done = ground.call("run", source, "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "marks")


@pytest.mark.parametrize("history", ["merge", "linear", "squash"])
def test_what_has_landed_marks_only_the_file_it_is_from(features: Playground, history: str) -> None:
    texts = {name: TASKS.format(name=name) for name in (FIRST, SECOND)}
    settled(features, history, texts)
    land(features, FIRST)
    assert (features.repo / FIRST).read_text().count("[x]") == 2
    landed = features.landings()[-1]
    assert features.trailer(landed, "Gangsaw-File") == FIRST
    for words in ((SECOND,), ()):
        synced = features.call("sync", *words)
        assert synced.returncode == 0, synced.stdout + synced.stderr
        assert (features.repo / SECOND).read_text() == texts[SECOND]
    (features.repo / FIRST).write_text(texts[FIRST])
    synced = features.call("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert (features.repo / FIRST).read_text().count("[x]") == 2
    assert (features.repo / SECOND).read_text() == texts[SECOND]


def test_what_has_landed_of_a_roadmap_is_nothing_of_a_check_list(features: Playground) -> None:
    todo = "# To do\n\n- [ ] A-1 thing\n"
    settled(features, "merge", {"ROADMAP.md": GROUP, "TODO.md": todo})
    land(features, "ROADMAP.md")
    synced = features.call("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert (features.repo / "TODO.md").read_text() == todo


def test_what_has_landed_of_a_plan_of_ours_is_only_named(features: Playground) -> None:
    plan = "tasks:\n- {id: T001, prompt: Do it}\n"
    settled(features, "merge", {"plan.yaml": plan, FIRST: TASKS.format(name="it")})
    land_plan = features.call("run", "--plain")
    assert land_plan.returncode == 0, land_plan.stdout + land_plan.stderr
    synced = features.call("sync", FIRST)
    assert "named by commits, not said to be done: T001" in synced.stdout
    assert (features.repo / FIRST).read_text() == TASKS.format(name="it")
