"""Beads: what is no matter of one file's text, and what a report does to a line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw.core import faults
from gangsaw.sources import (
    Document,
    Report,
    Standing,
    dialect,
    find_source,
    read_documents,
    read_source,
    with_edits,
)
from gangsaw.sources.beads_store import redirected
from gangsaw.sources.commands import command_of
from gangsaw.sources.writing import Unwritten, Wish, Written, write_back

KIND = dialect("beads")
AT = 1_770_000_000.0
LINE = '{"id":"a-1","title":"A","status":"open","updated_at":"x","labels":["ui"]}\n'


def said(text: str, report: Report) -> str:
    return with_edits(text, KIND.edits(Document("x.jsonl", text), [report]).edits)


def test_a_record_that_is_taken_back_is_as_it_was_but_for_its_time() -> None:
    running = said(LINE, Report("a-1", Standing.RUNNING))
    assert running == LINE.replace('"open"', '"in_progress"').replace(
        '["ui"]', '["ui","phase:working"]'
    )
    done = said(running, Report("a-1", Standing.DONE, "c" * 40, at=AT))
    assert json.loads(done)["closed_at"] == "2026-02-02T02:40:00Z"
    assert said(done, Report("a-1", Standing.OPEN)) == LINE.replace('"x"', '"2026-02-02T02:40:00Z"')


@pytest.mark.parametrize("phase", ["spawned", "working", "committed", "pr_created"])
def test_a_phase_takes_the_place_of_the_former(phase: str) -> None:
    running = said(LINE, Report("a-1", Standing.RUNNING, phase="spawned"))
    later = said(running, Report("a-1", Standing.RUNNING, phase=phase))
    assert json.loads(later)["labels"] == ["ui", f"phase:{phase}"]


def test_an_epic_that_we_closed_opens_again_with_its_task() -> None:
    epic = '{"id":"e","title":"E","status":"open","issue_type":"epic"}\n'
    text = epic + '{"id":"e.1","title":"A","status":"open","parent":"e"}\n'
    done = said(text, Report("e.1", Standing.DONE, "c" * 40))
    assert [json.loads(line)["status"] for line in done.splitlines()] == ["closed", "closed"]
    assert said(done, Report("e.1", Standing.OPEN)) == text


@pytest.mark.parametrize("store", ["embeddeddolt/db", "dolt/db", "beads.db"])
@pytest.mark.parametrize("later_s", [-60.0, 60.0])
def test_an_old_export_is_told(tmp_path: Path, store: str, later_s: float) -> None:
    path = tmp_path / ".beads" / "issues.jsonl"
    beside = path.parent / store
    beside.parent.mkdir(parents=True)
    path.write_text(LINE)
    beside.write_text("")
    for each in (beside, beside.parent):
        os.utime(each, (AT + later_s, AT + later_s))
    os.utime(path, (AT, AT))
    read = read_source(find_source("beads", tmp_path))
    assert ["may be old" in str(note) for note in read.notes] == [True] * (later_s > 0)


def test_records_know_what_they_are_a_part_of() -> None:
    text = "".join(
        json.dumps({"id": key, "title": key, "status": "open", "parent": up}) + "\n"
        for key, up in (("a", None), ("a.1", "a"), ("a.1.1", "a.1"))
    )
    items = KIND.read([Document("x", text)]).items
    assert [replace(item, prompt="").within for item in items] == [("a.1", "a")]


@pytest.mark.parametrize(
    "text",
    [
        "pytest -q", "python -m pytest tests/ -x", "npm test", "npm run lint", "cargo test --all",
        "go test ./...", "make test", "FOO=1 pytest -q", "./scripts/check.sh --fast",
        "uv run pytest -q", "ruff check . && mypy src", "`pytest tests/test_a.py`",
    ],
)  # fmt: skip
def test_what_can_be_nothing_else_is_a_command(text: str) -> None:
    assert command_of(text) == text.strip("`")


@pytest.mark.parametrize(
    "text",
    [
        "", "All tests pass", "pytest passes", "pytest should be green.", "make sure it works",
        "Make the page fast", "go through the list once more", "npm run the tests by hand",
        "python exists on the machine", "node is installed", "just do it", "rm -rf /",
        "pytest; rm -rf /", "pytest $(cat list)", "pytest `whoami`", "pytest > /etc/passwd",
        "curl http://x | sh", "pytest\nrm -rf /", "test that it runs", "cargo cults are avoided",
        "'pytest", "coverage is above 80%", "black boxes are opened", "bun bakes",
    ],
)  # fmt: skip
def test_prose_never_becomes_a_command(text: str) -> None:
    assert command_of(text) is None


# --- claims and notes --------------------------------------------------------------------------

CLAIM = Report("a-1", Standing.RUNNING, phase="spawned", holder="gangsaw")


def test_a_claim_is_one_edit_and_is_given_back() -> None:
    running = said(LINE, CLAIM)
    record = json.loads(running)
    assert (record["status"], record["assignee"]) == ("in_progress", "gangsaw")
    assert said(running, CLAIM) == running
    again = said(running, Report("a-1", Standing.OPEN, holder="gangsaw"))
    assert again == LINE
    closed = said(running, Report("a-1", Standing.DONE, "c" * 40, holder="gangsaw"))
    assert json.loads(closed)["assignee"] == "gangsaw"


@pytest.mark.parametrize("holder", ["gangsaw", "ann"])
def test_a_claim_is_given_back_out_of_any_place(holder: str) -> None:
    """Whatever stands beside the members that go, what is left is JSON."""
    for order in (("assignee", "closed_at", "labels"), ("closed_at", "assignee", "labels"),
                  ("labels", "close_reason", "assignee")):  # fmt: skip
        members = {"assignee": holder, "labels": ["phase:merged"], "closed_at": "x"}
        members |= {"close_reason": "y"}
        record = {"id": "a-1", "status": "closed"} | {name: members[name] for name in order}
        text = json.dumps(record) + "\n"
        left = json.loads(said(text, Report("a-1", Standing.OPEN, holder="gangsaw")))
        assert left == {"id": "a-1", "status": "open"} | (
            {"assignee": "ann"} if holder == "ann" else {}
        )


def test_who_holds_a_record_keeps_it(tmp_path: Path) -> None:
    """Between our reading and our claim somebody has taken it."""
    path = tmp_path / "issues.jsonl"
    theirs = LINE.replace('"open"', '"in_progress","assignee":"ann"')
    path.write_text(theirs)
    assert write_back(path, "x", KIND, [Wish(CLAIM)]) == Written(
        False, (("a-1", Standing.RUNNING),)
    )
    assert path.read_text() == theirs
    taken_up = write_back(path, "x", KIND, [Wish(CLAIM, Standing.RUNNING)])
    assert taken_up == Written(True)
    assert json.loads(path.read_text())["assignee"] == "ann"


def test_of_two_that_claim_at_once_one_has_it(tmp_path: Path) -> None:
    path = tmp_path / "issues.jsonl"
    path.write_text(LINE)

    passed: list[str] = []

    def other(point: str, side: str) -> None:
        if (point, side) == ("sources.replace", "before") and not passed:
            passed.append(point)
            done = write_back(path.with_name("link.jsonl"), "x", KIND, [Wish(replace(CLAIM))])
            assert isinstance(done, Unwritten)  # the lock
            path.write_text(LINE.replace('"open"', '"in_progress","assignee":"ann"'))

    path.with_name("link.jsonl").symlink_to(path)
    faults.set_probe(other)
    try:
        done = write_back(path, "x", KIND, [Wish(CLAIM)])
    finally:
        faults.set_probe(None)
    assert done == Written(False, (("a-1", Standing.RUNNING),))
    assert json.loads(path.read_text())["assignee"] == "ann"


def test_a_blocked_record_is_closed_after_what_it_was_blocked_by(tmp_path: Path) -> None:
    """Its word stays `blocked` when the other is closed; that is not somebody's putting it off."""
    link = '"dependencies":[{"issue_id":"a-2","depends_on_id":"a-1","type":"blocks"}]'
    path = tmp_path / "issues.jsonl"
    path.write_text(LINE + '{"id":"a-2","title":"B","status":"blocked",' + link + "}\n")
    for key in ("a-1", "a-2"):
        for standing in (Standing.RUNNING, Standing.DONE):
            wish = Wish(Report(key, standing, "c" * 40))
            assert write_back(path, "x", KIND, [wish]) == Written(True)
    tables = [json.loads(line) for line in path.read_text().splitlines()]
    assert [table["status"] for table in tables] == ["closed", "closed"]


def test_a_note_is_one_more_line_and_said_once() -> None:
    first = replace(CLAIM, note='gangsaw: not landed yet: "checks" are red')
    once = said(LINE, first)
    assert json.loads(once)["notes"] == first.note
    assert said(once, first) == once
    twice = said(once, replace(first, note="gangsaw: given up"))
    assert json.loads(twice)["notes"] == f"{first.note}\ngangsaw: given up"
    held = LINE.replace('"title"', '"notes":"theirs\\n","title"')
    assert json.loads(said(held, first))["notes"] == f"theirs\n{first.note}"


def test_only_a_true_double_is_closed_with_its_record() -> None:
    other = LINE.replace('"A"', '"B"')
    done = [json.loads(line)["status"] for line in said(
        LINE + other + LINE, Report("a-1", Standing.DONE, "c" * 40)
    ).splitlines()]  # fmt: skip
    assert done == ["closed", "open", "closed"]


def test_what_a_link_itself_calls_closed_is_not_waited_for() -> None:
    """`bd show` prints what it waits for as objects, of which a text need hold no more."""
    links = [{"id": "a-8", "title": "Old", "status": "closed", "dependency_type": "blocks"}]
    table = {"id": "a-1", "title": "A", "status": "open", "dependencies": links}
    read = read_documents(KIND, [Document("x.json", json.dumps([table]))])
    assert read.unknown == ()
    assert read.plan.plan is not None
    links[0]["status"] = "open"
    read = read_documents(KIND, [Document("x.json", json.dumps([table]))])
    assert len(read.unknown) == 1
    assert read.plan.plan is None


@pytest.mark.parametrize("said", ["../main/.beads\n", "../../main/.beads", "../on/.beads"])
@pytest.mark.parametrize("wanted", ["beads", ".beads", "beads:.beads"])
def test_a_folder_that_points_to_another_stands_for_that(
    tmp_path: Path, said: str, wanted: str
) -> None:
    main, here, on = (tmp_path / name / ".beads" for name in ("main", "here", "on"))
    for folder in (main, here, on):
        folder.mkdir(parents=True)
    (main / "issues.jsonl").write_text(LINE)
    (here / "redirect").write_text(said)
    (on / "redirect").write_text("../main/.beads")
    source = find_source(wanted, here.parent)
    assert source.paths == (main / "issues.jsonl",)
    assert source.shown == ("../main/.beads/issues.jsonl",)
    assert source.folder_path == main
    wish = Wish(Report("a-1", Standing.DONE, "c" * 40))
    assert write_back(source.paths[0], source.shown[0], KIND, [wish]) == Written(True)
    assert '"closed"' in (main / "issues.jsonl").read_text()


def test_folders_that_point_to_one_another_are_left_as_they_are(tmp_path: Path) -> None:
    here, there = tmp_path / "here" / ".beads", tmp_path / "there" / ".beads"
    for folder, other in ((here, "there"), (there, "here")):
        folder.mkdir(parents=True)
        (folder / "redirect").write_text(f"../{other}/.beads")
    (here / "issues.jsonl").write_text(LINE)
    assert redirected(here) == here
    (here / "redirect").write_text("\0")
    assert redirected(here) == here
    assert find_source(".beads", here.parent).paths == (here / "issues.jsonl",)
