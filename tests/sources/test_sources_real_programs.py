"""What we have written is read as meant by the programs that the files are of.

They are looked for on the path, or where `GANGSAW_TASK_MASTER` and `GANGSAW_BACKLOG_MD` say:
`npm install task-master-ai backlog.md`, and no network after that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gangsaw.sources import Report, Source, Standing, dialect, find_source, read_source
from gangsaw.sources.writing import Wish, Written, write_back

TOOK_MAX_S = 120

pytestmark = pytest.mark.e2e


def program(variable: str, name: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def said_by(argv: list[str], folder: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=TOOK_MAX_S, check=True,
    )  # fmt: skip
    return done.stdout


def write(source: Source, key: str, standing: Standing) -> None:
    kind = dialect(source.dialect)
    (item,) = [each for each in read_source(source).items.values() if each.key == key]
    path, shown = source.paths[item.document], source.shown[item.document]
    assert write_back(path, shown, kind, [Wish(Report(key, standing))]) == Written(True)


def task_master(number: int, needs: list[Any], parts: list[Any]) -> dict[str, Any]:
    return {
        "id": number, "title": f"Task {number}", "description": "words", "status": "pending",
        "dependencies": needs, "priority": "medium", "details": "", "testStrategy": "",
        "subtasks": parts,
    }  # fmt: skip


def test_the_real_task_master_reads_what_we_wrote(tmp_path: Path) -> None:
    name = program("GANGSAW_TASK_MASTER", "task-master")
    path = tmp_path / ".taskmaster" / "tasks" / "tasks.json"
    path.parent.mkdir(parents=True)
    parts = [
        {"id": 1, "title": "a", "description": "w", "status": "pending", "dependencies": []},
        {"id": 2, "title": "b", "description": "w", "status": "pending", "dependencies": [1]},
    ]
    tasks = [task_master(1, [], []), task_master(2, [1], parts), task_master(3, [2], [])]
    path.write_text(json.dumps({"master": {"tasks": tasks, "metadata": {}}}, indent=2))
    source = find_source("taskmaster", tmp_path)

    def stands() -> dict[str, str]:
        text = said_by([name, "list", "--with-subtasks", "--format", "json"], tmp_path)
        found = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["tasks"]
        parts = {f"2.{each['id']}": each["status"] for each in found[1]["subtasks"]}
        return {str(each["id"]): each["status"] for each in found} | parts

    write(source, "1", Standing.DONE)
    write(source, "2.1", Standing.RUNNING)
    assert stands() == {
        "1": "done", "2": "in-progress", "3": "pending", "2.1": "in-progress", "2.2": "pending"
    }  # fmt: skip
    write(source, "2.1", Standing.DONE)
    write(source, "2.2", Standing.DONE)
    assert stands() == {"1": "done", "2": "done", "3": "pending", "2.1": "done", "2.2": "done"}
    text = said_by([name, "next", "--format", "json"], tmp_path)
    assert str(json.JSONDecoder().raw_decode(text, text.index("{"))[0]["task"]["id"]) == "3"


def test_the_real_backlog_md_reads_what_we_wrote(tmp_path: Path) -> None:
    name = program("GANGSAW_BACKLOG_MD", "backlog")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    said_by([name, "init", "demo", "--defaults", "--integration-mode", "none"], tmp_path)
    said_by([name, "task", "create", "First: with a colon", "--ac", "it works"], tmp_path)
    said_by([name, "task", "create", "Second", "--dep", "task-1"], tmp_path)
    said_by([name, "task", "create", "Part", "-p", "task-1"], tmp_path)
    source = find_source("backlog", tmp_path)
    read = read_source(source)
    needs = {item.key: [need.key for need in item.needs] for item in read.items.values()}
    assert needs == {"task-1": ["task-1.1"], "task-1.1": [], "task-2": ["task-1"]}
    write(source, "task-1.1", Standing.DONE)
    write(source, "task-1", Standing.RUNNING)
    listed = said_by([name, "task", "list", "--plain"], tmp_path)
    groups = [part.split("\n") for part in listed.strip().split("\n\n")]
    found = {lines[0].strip(): " ".join(lines[1:]) for lines in groups}
    assert sorted(found) == ["Done:", "In Progress:", "To Do:"]
    assert "TASK-1.1" in found["Done:"]
    assert "TASK-1 " in found["In Progress:"]
    assert "TASK-2" in found["To Do:"]
