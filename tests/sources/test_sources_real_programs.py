"""What we have written is read as meant by the programs that the files are of.

`python tests/e2e/install.py backlog task-master` installs them, pinned, and no network is needed
after that. `GANGSAW_TASK_MASTER` and `GANGSAW_BACKLOG_MD` name others.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gangsaw.plan import read_whole
from gangsaw.sources import Report, Source, Standing, dialect, find_source, read_source
from gangsaw.sources.converting import convert
from gangsaw.sources.drafts import draft_of_plan
from gangsaw.sources.writing import Wish, Written, write_back
from tests.e2e import install

TOOK_MAX_S = 120

pytestmark = pytest.mark.e2e


def program(variable: str, name: str) -> str:
    other = os.environ.get(variable)
    if other:
        return other
    found = install.ensure(name, install=os.environ.get("GANGSAW_E2E") == "all")
    if found.program is None:
        pytest.skip(f"THE REAL {name} {install.version_of(name)} IS NOT TESTED: {found.text}")
    return str(found.program)


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


PLAN = """
version: 1
goal: Visitors
tasks:
- {id: "1", title: "Schema: first", prompt: Write it., priority: %(high)s}
- {id: "2", title: Routes & more, prompt: Write them., needs: ["1"], priority: %(low)s}
- {id: "3", title: "Page [draft]", prompt: Draw it., needs: ["1", "2"], priority: %(low)s}
"""


def compose(tmp_path: Path, text: str, kind: str) -> None:
    """Write a plan as files of another kind, where they usually lie."""
    draft = draft_of_plan(read_whole(text, "plan.yaml"))
    assert draft is not None
    made = convert(draft, kind, 0.0)
    folder = tmp_path / (".taskmaster/tasks" if kind == "taskmaster" else "backlog")
    for name, content in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")


@pytest.mark.parametrize("words", [("8", "2", "high", "low"), ("0", "0", "medium", "medium")])
def test_the_real_task_master_reads_a_file_that_we_composed(
    tmp_path: Path, words: tuple[str, str, str, str]
) -> None:
    name = program("GANGSAW_TASK_MASTER", "task-master")
    compose(tmp_path, PLAN % {"high": words[0], "low": words[1]}, "taskmaster")
    source = find_source("taskmaster", tmp_path)
    write(source, "1", Standing.DONE)
    text = said_by([name, "list", "--format", "json"], tmp_path)
    tasks = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["tasks"]
    told = [
        (str(each["id"]), each["title"], each["status"], each["priority"],
         [str(need) for need in each["dependencies"]])
        for each in tasks
    ]  # fmt: skip
    assert told == [
        ("1", "Schema: first", "done", words[2], []),
        ("2", "Routes & more", "pending", words[3], ["1"]),
        ("3", "Page [draft]", "pending", words[3], ["1", "2"]),
    ]
    text = said_by([name, "next", "--format", "json"], tmp_path)
    assert str(json.JSONDecoder().raw_decode(text, text.index("{"))[0]["task"]["id"]) == "2"


def test_the_real_backlog_md_reads_a_folder_that_we_composed(tmp_path: Path) -> None:
    name = program("GANGSAW_BACKLOG_MD", "backlog")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    said_by([name, "init", "demo", "--defaults", "--integration-mode", "none"], tmp_path)
    compose(tmp_path, PLAN % {"high": 8, "low": 2}, "backlog")
    source = find_source("backlog", tmp_path)
    write(source, "task-1", Standing.DONE)
    write(source, "task-2", Standing.RUNNING)
    told = {}
    for key in ("task-1", "task-2", "task-3"):
        text = said_by([name, "task", key, "--plain"], tmp_path)
        fields = dict(line.split(": ", 1) for line in text.split("\n") if ": " in line)
        title = next(line for line in text.split("\n") if line.lower().startswith(f"task {key}"))
        told[key] = (
            title.partition(" - ")[2], fields["Status"].strip("✔○◒ "), fields["Priority"],
            re.findall(r"^[├└]─ (\S+)", text.partition("\nDependents")[0], re.MULTILINE),
        )  # fmt: skip
    assert told == {
        "task-1": ("Schema: first", "Done", "High", []),
        "task-2": ("Routes & more", "In Progress", "Low", ["TASK-1"]),
        "task-3": ("Page [draft]", "To Do", "Low", ["TASK-1", "TASK-2"]),
    }
