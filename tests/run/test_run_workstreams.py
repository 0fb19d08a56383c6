"""Workstreams, run from their folder: only the words of their standing change."""

from __future__ import annotations

from pathlib import Path

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
BASE = '/* week 1 */\r\n{\r\n\t"id": "ws-01-base",  \r\n\t"files_scope": ["src/"],\r\n}'
STORE = """{
  "id": "ws-02-store", "status": "todo",
  "depends_on": ["ws-01"],
  "files_scope": ["src/"],
  "acceptance_tests": ["The store is small", "python -c 'print(1)'"],
  "steps": [
    {"id": "a", "status": "TODO"},
    {"id": "b", "depends_on": ["a"]}
  ]
}
"""


def test_workstreams_are_run_and_say_so(tmp_path: Path) -> None:
    ground = Playground(tmp_path / "ground")
    ground.write("gangsaw.toml", AGENT)
    folder = ground.repo / "workstreams"
    folder.mkdir()
    (folder / "ws-01.json").write_bytes(BASE.encode())
    (folder / "ws-02.json").write_text(STORE)
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "the workstreams")
    done = ground.call("run", "--from", "workstreams", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "told to who reviews, never run" in done.stderr
    base = BASE.replace('base",', 'base",\r\n\t"status": "completed",')
    assert (folder / "ws-01.json").read_bytes() == base.encode()
    store = STORE.replace('"todo"', '"done"').replace('"TODO"', '"DONE"')
    store = store.replace('{"id": "b",', '{"id": "b", "status": "completed",')
    assert (folder / "ws-02.json").read_text() == store
    names = {path.name for path in (ground.repo / "src").iterdir()}
    assert names == {"ws-01-base", "ws-02-store.a", "ws-02-store.b"}
