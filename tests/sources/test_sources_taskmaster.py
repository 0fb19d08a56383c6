"""Task Master: what no single file of the corpus shows."""

from __future__ import annotations

import json
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

KIND = dialect("taskmaster")
TEXT = (
    '{ "master" : {"tasks":[ \r\n'
    '  {"id":1,"title":"A","status" : "pending","subtasks":[\r\n'
    '\t{"id":1,"status":"pending", "title":"a"} ,{"id":2,"title":"b","status":"pending"}]},  \r\n'
    '  {"id":2,"title":"\\u00e4","dependencies":[1]}\r\n'
    ']} , "x":1.50}'
)


def said(text: str, *reports: Report) -> str:
    return with_edits(text, KIND.edits(Document("tasks.json", text), reports).edits)


def stands(text: str) -> list[str]:
    tasks = json.loads(text)["master"]["tasks"]
    return [tasks[0]["status"], *(each["status"] for each in tasks[0]["subtasks"])]


def test_a_task_goes_with_its_subtasks() -> None:
    begun = said(TEXT, Report("1.1", Standing.RUNNING))
    assert stands(begun) == ["in-progress", "in-progress", "pending"]
    half = said(begun, Report("1.1", Standing.DONE))
    assert stands(half) == ["in-progress", "done", "pending"]
    whole = said(half, Report("1.2", Standing.DONE))
    assert stands(whole) == ["done", "done", "done"]
    assert stands(said(whole, Report("1.1", Standing.OPEN))) == ["in-progress", "pending", "done"]


def test_subtasks_that_were_never_ticked_stay_done() -> None:
    text = TEXT.replace('"status" : "pending"', '"status" : "done"')
    assert said(text, Report("1.1", Standing.OPEN)) == text
    both = [Report(key, Standing.OPEN) for key in ("1.1", "1.2")]
    assert stands(said(text, *both)) == ["in-progress", "pending", "pending"]


def test_all_else_of_tasks_json_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    wishes = [Wish(Report(key, Standing.DONE, "c" * 40)) for key in ("1.1", "1.2", "2")]
    assert write_back(path, "tasks.json", KIND, wishes) == Written(True)
    after = TEXT.replace('"pending"', '"done"').replace('e4",', 'e4","status":"done",')
    assert path.read_bytes() == b"\xef\xbb\xbf" + after.encode()
    back = [Wish(each.report.__class__(each.report.key, Standing.OPEN), Standing.DONE)
            for each in wishes]  # fmt: skip
    assert write_back(path, "tasks.json", KIND, back) == Written(True)
    assert path.read_bytes().count(b'"pending"') == 3


@pytest.mark.parametrize(
    ("state", "is_told"),
    [('{"currentTag":"mail"}', True), ('{"currentTag":"master"}', False), ("{", False),
     ("[1]", False), (None, False)],
)  # fmt: skip
def test_the_current_tag_is_told(tmp_path: Path, state: str | None, is_told: bool) -> None:
    path = tmp_path / ".taskmaster" / "tasks" / "tasks.json"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    if state is not None:
        (path.parent.parent / "state.json").write_text(state)
    read = read_source(find_source("taskmaster", tmp_path))
    assert ["--epic mail" in str(note) for note in read.notes] == [True] * is_told


def test_a_tag_and_a_task_are_what_its_subtasks_are_in() -> None:
    items = {item.key: item for item in KIND.read([Document("x", TEXT)]).items}
    assert items["1.1"].within == ("1", "master")
    assert items["2"].within == ("master",)
