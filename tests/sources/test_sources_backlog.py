"""Backlog.md: what no single file of the corpus shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.sources import (
    Document,
    Report,
    Standing,
    dialect,
    find_source,
    read_source,
    with_edits,
)
from gangsaw.sources.writing import Wish, Written, write_back

KIND = dialect("backlog")
HEAD = "---\r\nid: TASK-1\r\ntitle:  A  \r\nstatus: 'To Do' \r\nordinal: 1000\r\n---\r\nbody \r\n"


def said(text: str, standing: Standing) -> str:
    return with_edits(text, KIND.edits(Document("x", text), [Report("task-1", standing)]).edits)


def test_a_backlog_task_is_begun_done_and_taken_back() -> None:
    begun = said(HEAD, Standing.RUNNING)
    assert begun == HEAD.replace("'To Do'", "'In Progress'")
    done = said(begun, Standing.DONE)
    assert done == HEAD.replace("'To Do'", "'Done'")
    assert said(done, Standing.OPEN) == HEAD


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("status: To Do", "status: Done"),
        ('status:   "To Do" # why', 'status:   "Done" # why'),
        ("status: # none", "status: Done # none"),
        ("status:", "status: Done"),
        ("status: ", "status: Done"),
        ("status:\n  To Do", "status: Done"),
        ("status: >-\n  To\n  Do\nx: y", "status: Done\nx: y"),
        ("status: todo", "status: done"),
    ],
)
def test_a_status_is_written_as_the_file_writes_it(line: str, after: str) -> None:
    text = f"---\nid: task-1\ntitle: A\n{line}\n---\n\nstatus: To Do\n"
    assert said(text, Standing.DONE) == text.replace(line, after, 1)


@pytest.mark.parametrize("title", ["title: A", "title: >-\n  A\n  b", "title: A # why"])
def test_a_missing_status_gets_a_line_of_its_own(title: str) -> None:
    text = f"---\nid: task-1\n{title}\nordinal: 1\n---\n"
    lines = said(text, Standing.DONE).split("\n")
    assert lines.count("status: Done") == 1
    lines.remove("status: Done")
    assert "\n".join(lines) == text


def test_each_file_of_a_backlog_is_written_alone(tmp_path: Path) -> None:
    folder = tmp_path / "backlog" / "tasks"
    folder.mkdir(parents=True)
    first, second = folder / "task-1 - A.md", folder / "task-2 - B.md"
    first.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    second.write_text("---\nid: TASK-2\ntitle: B\nstatus: To Do\ndependencies:\n  - TASK-1\n---\n")
    source = find_source("backlog", tmp_path)
    read = read_source(source)
    assert [task.needs for task in read.plan.plan.tasks] == [(), ("task-1",)]  # type: ignore[union-attr]
    item = read.items["task-1"]
    wish = Wish(Report(item.key, Standing.DONE, "c" * 40))
    path, shown = source.paths[item.document], source.shown[item.document]
    before = second.read_bytes()
    assert write_back(path, shown, KIND, [wish]) == Written(True)
    assert first.read_bytes() == b"\xef\xbb\xbf" + HEAD.replace("To Do", "Done").encode()
    assert second.read_bytes() == before


def test_a_backlog_task_is_found_under_any_way_to_write_its_id() -> None:
    texts = [
        HEAD,
        HEAD.replace("TASK-1", "task-2").replace("ordinal", "dependencies: [1]\nordinal"),
    ]
    items = KIND.read([Document(str(n), text) for n, text in enumerate(texts)]).items
    assert [(item.key, [need.key for need in item.needs]) for item in items] == [
        ("task-1", []),
        ("task-2", ["task-1"]),
    ]
