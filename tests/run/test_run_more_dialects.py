"""Other people's task files, run to their end: only how their tasks stand changes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground

AGENT = """
[run]
agent = "writer"
backoff_s = 0.02
[agents.writer]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "mkdir -p src; echo x > src/$GANGSAW_TASK; git add -A; git commit -qm work"]
"""
TASKS = """\ufeff{ "master": {"tasks": [
  {"id": 1, "title": "A", "status": "pending", "subtasks": [\r
    {"id": 1, "title": "a", "status": "pending"},
    {"id": 2, "title": "b", "status": "pending", "dependencies": [1]}]},  \r
\t{"id": 2, "title": "B", "dependencies": [1], "status": "pending" } ] } }"""
STORY = """{"userStories": [
\t{"id": "US-1", "title": "A", "priority": 1, "passes": false},  \r
  {"id": "US-2", "title": "B", "priority": 2, "passes" : false}\n]}"""
TABLE = '\ufeffNo;Task;State;After\r\n1;"A; b";TODO ; \r\n2;B;;1\r\n3;C;DONE;'
LIST = "# Next\r\n\r\n- [ ] Up  \r\n\t- [ ] One\r\n\t- [ ] Two (after: One)\t\r\n- [-] Never"
FILE = (
    "---\r\nid: {}\r\ntitle: {}  \r\nstatus: 'To Do' # why\r\ndependencies: [{}]\r\n---\r\nw \r\n"
)
PLAN = "# Implementation Plan: Shelves\r\n\r\n- #61: Ground  \r\n- #62: Walls\r\n"
BOXES = (
    "\ufeff## Issue #61 \r\n- [ ] `python3 -m compileall -q src` passes \r\n- [ ] Holds\t\r\n"
    "## Issue #62\n* [ ] reads src/61\n\n## Integration\n- [ ] All looks well"
)
BOXED = BOXES.replace("[ ]", "[x]", 3)
GRAPH = "- #62 depends on #61\n"
SOURCES = {
    "planning": (
        {
            "docs/shelves/implementation-plan.md": (PLAN, PLAN),
            "docs/shelves/verification-checklist.md": (BOXES, BOXED),
            "docs/shelves/dependency-graph.md": (GRAPH, GRAPH),
        },
        {"61", "62"},
    ),
    "taskmaster": (
        {".taskmaster/tasks/tasks.json": (TASKS, TASKS.replace("pending", "done"))},
        {"1-1", "1-2", "2"},
    ),
    "backlog": (
        {
            f"backlog/tasks/task-{n} - {n}.md": (text, text.replace("To Do", "Done"))
            for n in "12"
            for text in [FILE.format(f"TASK-{n}", n, "task-1" if n == "2" else "")]
        },
        {"task-1", "task-2"},
    ),
    "prd": ({"prd.json": (STORY, STORY.replace("false", "true"))}, {"US-1", "US-2"}),
    "csv": (
        {"tasks.csv": (TABLE, TABLE.replace("TODO", "DONE").replace("B;", "B;DONE"))},
        {"1", "2"},
    ),
    "checklist": ({"TODO.md": (LIST, LIST.replace("[ ]", "[x]"))}, {"one", "two"}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_other_task_files_are_run_and_say_so(tmp_path: Path, kind: str) -> None:
    playground = Playground(tmp_path / "ground")
    files, names = SOURCES[kind]
    playground.write("gangsaw.toml", AGENT)
    for name, (before, _) in files.items():
        path = playground.repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before.encode())
    playground.git("add", "-A")
    playground.git("commit", "-q", "-m", "the tasks")
    done = playground.call("run", "--from", kind, "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, (_, after) in files.items():
        assert (playground.repo / name).read_bytes() == after.encode()
    assert {path.name for path in (playground.repo / "src").iterdir()} == names
