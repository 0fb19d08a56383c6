"""`gangsaw plan convert`: what it writes, refuses and tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits

TASKS_MD = """# Tasks: Goals

- [x] T001 Lay the ground
- [ ] T002 Build on it (depends on T001)
- [ ] T003 [P] Look at it
"""


@pytest.fixture
def convert_pg(pg: Playground) -> Playground:
    pg.write("specs/tasks.md", TASKS_MD)
    pg.write(
        "plan.yaml",
        "goal: g\ntasks:\n- {id: a, prompt: p, priority: 3, track: t}\n"
        "- {id: b, prompt: q, needs: [a], budget: 2}\n",
    )
    return pg


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_task_file_becomes_a_plan_and_a_table(convert_pg: Playground) -> None:
    pg = convert_pg
    done = pg.call("plan", "convert", "--from", "specs/tasks.md", "--to", "plan", "-o", "new.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "new.yaml: 3 tasks; try: gangsaw plan check new.yaml\n"
    assert "2 tasks, no faults" in pg.call("plan", "check", "new.yaml").stdout
    table = pg.call("plan", "convert", "--from", "new.yaml", "--to", "csv")
    assert table.stdout == (
        "# goal: Goals\nid,title,status,needs\nT001,Lay the ground,done,\n"
        "T002,Build on it (depends on T001),open,\nT003,Look at it,open,T002\n"
    )


def test_what_would_be_lost_is_listed_and_nothing_is_written(convert_pg: Playground) -> None:
    pg = convert_pg
    asked = ("plan", "convert", "--to", "roadmap", "-o", "ROADMAP.md")
    done = pg.call(*asked)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "lost: a: id: a becomes A-1",
        "lost: a: track: t",
        "lost: a: priority: 3",
        "lost: b: id: b becomes B-1",
        "lost: b: budget: 2",
        "gangsaw: cannot write plan.yaml as roadmap: 5 things would be lost, listed above; try "
        "--to plan, or --lossy to write it all the same",
    ]
    assert not (pg.repo / "ROADMAP.md").exists()
    lossy = pg.call(*asked, "--lossy")
    assert lossy.returncode == 0
    assert lossy.stderr.splitlines() == done.stderr.splitlines()[:-1]
    text = (pg.repo / "ROADMAP.md").read_text("utf-8")
    assert "1. **Track 1: b**\n   q\n" in text


def test_a_file_that_exists_is_not_written_over(convert_pg: Playground) -> None:
    pg = convert_pg
    pg.write("out.json", "mine")
    asked = ("plan", "convert", "--from", "specs/tasks.md", "--to", "prd", "-o", "out.json")
    refused = pg.call(*asked)
    assert refused.returncode == 2
    assert "cannot write out.json: it exists; try another name, or --force" in refused.stderr
    assert (pg.repo / "out.json").read_text() == "mine"
    assert pg.call(*asked, "--force").returncode == 0
    assert "userStories" in (pg.repo / "out.json").read_text()


def test_a_link_is_written_through(convert_pg: Playground) -> None:
    pg = convert_pg
    pg.write("kept/real.json", "mine")
    link, loop = pg.repo / "out.json", pg.repo / "loop.json"
    link.symlink_to("kept/real.json")
    loop.symlink_to("loop.json")
    asked = ("plan", "convert", "--from", "specs/tasks.md", "--to", "prd", "--force", "-o")
    assert pg.call(*asked, "out.json").returncode == 0
    assert link.is_symlink()
    assert "userStories" in (pg.repo / "kept" / "real.json").read_text()
    refused = pg.call(*asked, "loop.json")
    assert refused.returncode == 2
    assert "cannot write loop.json: it links to itself" in refused.stderr
    assert loop.is_symlink()


@pytest.mark.parametrize("words", [("plan", "check"), ("plan", "convert", "--to", "plan")])
def test_a_source_without_a_name_is_told(convert_pg: Playground, words: tuple[str, ...]) -> None:
    done = convert_pg.call(*words, "--from", "")
    assert done.returncode == 2
    assert "cannot find a task file: its name is empty; try a path, or one of" in done.stderr
    done = convert_pg.call(*words, "--from", "speckit:")
    assert "a path is missing behind the colon; try: speckit\n" in done.stderr


def test_a_folder_is_written_where_there_is_none(convert_pg: Playground) -> None:
    pg = convert_pg
    asked = ("plan", "convert", "--from", "specs/tasks.md", "--to", "backlog", "--lossy")
    assert "cannot print backlog: it is a folder; try: -o backlog" in pg.call(*asked).stderr
    assert pg.call(*asked, "-o", "backlog").returncode == 0
    assert files_below(pg.repo / "backlog") == [
        "tasks/task-1 - Lay-the-ground.md",
        "tasks/task-2 - Build-on-it-depends-on-T001.md",
        "tasks/task-3 - Look-at-it.md",
    ]
    assert "2 tasks of 3 records (backlog)" in pg.call("plan", "check", "--from", "backlog").stdout
    again = pg.call(*asked, "-o", "backlog", "--force")
    assert "cannot write backlog: it is not empty; try another name" in again.stderr


def test_losses_are_an_object_too(convert_pg: Playground) -> None:
    pg = convert_pg
    schema = json.loads(pg.call("schema", "plan-convert").stdout)
    refused = pg.call("plan", "convert", "--to", "taskmaster", "--json")
    said = json.loads(refused.stdout)
    assert (refused.returncode, said["ok"], said["files"], said["written"]) == (2, False, [], None)
    lost = {(each["task"], each["key"]) for each in said["lost"]}
    assert lost >= {("", "goal"), ("a", "track"), ("b", "budget")}
    assert misfits(said, schema) == []
    lossy = json.loads(pg.call("plan", "convert", "--to", "backlog", "--json", "--lossy").stdout)
    assert [each["name"] for each in lossy["files"]] == [
        "tasks/task-1 - a.md",
        "tasks/task-2 - b.md",
    ]
    assert misfits(lossy, schema) == []


def test_a_record_that_cannot_be_read_is_lost(convert_pg: Playground) -> None:
    convert_pg.write("specs/tasks.md", f"{TASKS_MD}- [ ] without an id\n")
    done = convert_pg.call("plan", "convert", "--from", "specs/tasks.md", "--to", "plan")
    assert done.returncode == 2
    assert "lost: specs/tasks.md:6: a box without an id" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "speckitt"), "cannot write 'speckitt': it is no kind of task file; did you mean"),
        (("--from", "nothing.md", "--to", "csv"), "cannot find nothing.md"),
        (("--from", "plan:nothing.yaml", "--to", "csv"), "cannot read nothing.yaml"),
        (
            ("--from", "https://example.org/tasks.md", "--to", "csv"),
            "task files are read from the disk; try: curl -fsSLO https://example.org/tasks.md",
        ),
        (("--from", "bad.yaml", "--to", "csv"), "bad.yaml"),
        (("--from", "speckit:circle.md", "--to", "csv"), "circle.md:1:"),
        (("--from", "speckit:empty.md", "--to", "csv"), "there is no task in it"),
        (
            ("--to", "plan", "-o", "no/such/folder.yaml"),
            "cannot write no/such/folder.yaml: No such",
        ),
    ],
)
def test_what_cannot_be_converted_says_why(
    convert_pg: Playground, arguments: tuple[str, ...], said: str
) -> None:
    convert_pg.write("bad.yaml", "tasks:\n- {id: a, promt: x}\n")
    convert_pg.write("empty.md", "# nothing\n")
    convert_pg.write("circle.md", "- [ ] T001 a — Deps: T002\n- [ ] T002 b — Deps: T001\n")
    before = files_below(convert_pg.repo)
    done = convert_pg.call("plan", "convert", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert files_below(convert_pg.repo) == before


def test_without_a_plan_there_is_nothing_to_convert(pg: Playground) -> None:
    done = pg.call("plan", "convert", "--to", "csv")
    assert "cannot find a plan: there is no plan.yaml here; try: --from SOURCE" in done.stderr
