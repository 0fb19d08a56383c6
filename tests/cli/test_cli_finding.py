"""What commands say of names and files that are not where, or not what, users thought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.sources import Home, find_source
from gangsaw.testing.playground import Playground


@pytest.mark.parametrize("command", ["why", "diff", "logs"])
def test_a_task_of_an_earlier_run_is_found_there(pg: Playground, command: str) -> None:
    for name in ("g-a1", "g-a3"):
        pg.run(pg.plan([{"id": name, "prompt": f"echo a > {name}.txt", "checks": ["true"]}]))
    done = pg.call(command, "g-a1")
    assert done.returncode == 2
    assert done.stderr == (
        "gangsaw: cannot find task 'g-a1' in r2: r1 has it; try: gangsaw why g-a1 --run r1\n"
    )
    assert pg.call(command, "g-a1", "--run", "r1").returncode == 0
    assert "in r2; did you mean 'g-a3'?" in pg.call(command, "g-a2").stderr


FEATURE = "# Tasks\n\n## Phase 1: Setup\n- [ ] T001 [OVR] Folders — Deps: none\n"


@pytest.fixture
def features(tmp_path: Path) -> Playground:
    """A repository with three features and a task file, seen from a folder in it."""
    ground = Playground(tmp_path / "ground")
    for name in ("001-a", "002-b", "group/003-c"):
        ground.write(f"specs/{name}/tasks.md", FEATURE.replace("Folders", f"Folders of {name}"))
    ground.write("TODO.md", "# Things\n\n- [x] A-1 first\n- [>] A-2 second\n- [>] A-3 third\n")
    ground.write("src/deep/x.py", "")
    ground.git("add", "-A")
    ground.git("commit", "-q", "-m", "task files")
    return ground


def titles(ground: Playground, *words: str) -> tuple[list[str], str]:
    done = ground.call("plan", "show", "--json", *words, cwd=ground.repo / "src" / "deep")
    assert done.returncode == 0, done.stderr
    return [each["title"] for each in json.loads(done.stdout)["tasks"]], done.stderr


def test_usual_places_are_those_of_the_repository(features: Playground) -> None:
    for name in ("002-b", "group/003-c"):
        assert titles(features, "--from", name.rpartition("/")[2])[0] == [f"Folders of {name}"]
    several = features.call("plan", "check", "--from", "speckit", cwd=features.repo / "src")
    assert several.returncode == 2
    assert "cannot choose between specs/001-a/tasks.md, specs/002-b/tasks.md; try: --from " \
        "speckit:../specs/002-b/tasks.md" in several.stderr  # fmt: skip
    features.git("switch", "-q", "-c", "002-b")
    assert titles(features, "--from", "speckit")[0] == ["Folders of 002-b"]
    done = features.call("plan", "check", "--from", "speckit", cwd=features.repo / "src")
    assert done.returncode == 0
    assert "../specs/002-b/tasks.md: it is one of 2; the branch is 002-b\n" in done.stderr


def test_where_a_found_file_lies_does_not_depend_on_the_folder(features: Playground) -> None:
    home = Home(features.repo, lambda: "")
    deep = features.repo / "src" / "deep"
    found = find_source("checklist", deep, home)
    assert found.paths == find_source("checklist", features.repo, home).paths
    assert found.shown == ("../../TODO.md",)
    whole = find_source("002-b", deep, home)
    assert (whole.folder, whole.folder_path) == ("../../specs/002-b", features.repo / "specs/002-b")
    features.write("specs/other/003-c/tasks.md", FEATURE)
    with pytest.raises(UserError, match="cannot choose between specs/group/003-c, specs/oth"):
        find_source("003-c", deep, home)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("issues.txt", "12::Fix the login\n13::And: this\n", "it may be issuelist; try: --from"),
        ("notes/any.md", "# Notes\n\nNothing: here\n- a\n", "it is no task file that gangsaw"),
        ("todo x.md", "# Notes\n\n- [ ] one\n  two: three\n", "--from 'checklist:todo x.md'"),
        ("backlog.yaml", "tasks:\n- name: One\n  after: x\n", "it may be table"),
        ("issues.json", '[{"title": "One"}, {"title": "Two"}]', "it may be table"),
        ("p.yaml", "goal: none\n", "p.yaml: 1 fault"),
        ("q.yaml", "version: 1\ntasks:\n- name: One\n", "cannot use q.yaml"),
        ("r.yaml", "tasks:\n- title: One\n  prompt: x\n  need: y\n", "cannot use r.yaml"),
    ],
)
def test_a_path_of_unsure_kind_is_not_blamed_for_being_no_plan(
    pg: Playground, name: str, text: str, words: str
) -> None:
    pg.write(name, text)
    done = pg.call("plan", "check", name)
    assert done.returncode == 2
    assert words in done.stderr


def test_what_is_on_hold_is_not_called_done(features: Playground) -> None:
    done = features.call("run", "TODO.md")
    assert done.returncode == 0
    assert "nothing to do: of TODO.md 1 done, 2 on hold (A-2, A-3)\n" in done.stdout + done.stderr
    features.write("TODO.md", "# Things\n\n- [x] A-1 first\n")
    done = features.call("run", "TODO.md")
    assert "nothing to do: all of TODO.md is done\n" in done.stdout + done.stderr


def test_what_lies_in_the_file_beside_is_said_to(pg: Playground) -> None:
    for name, needs in (("ws-01-core", []), ("ws-02", ["ws-01-core"])):
        stream = {"id": name, "files_scope": [f"{name}/"], "dependencies": needs}
        pg.write(f"workstreams/{name}.json", json.dumps(stream))
    done = pg.call("plan", "check", "workstreams/ws-02.json")
    assert "(it lies beside this file; try: gangsaw plan check workstreams)" in done.stderr
    assert pg.call("plan", "check", "workstreams").returncode == 0


def test_small_words(pg: Playground) -> None:
    pg.write("my files/TODO.md", "# Things\n\n- [ ] A-1 first\n- [ ] A-2 second\n- [x] A-3 third\n")
    checked = pg.call("plan", "check", "--from", "checklist:my files/TODO.md")
    assert "--from 'checklist:my files/TODO.md'" in checked.stdout
    checked = pg.call("plan", "check", "my files/TODO.md")
    assert checked.stdout.endswith("try: gangsaw run --dry-run 'my files/TODO.md'\n")
    only = pg.call("run", "my files/TODO.md", "--only", "T009")
    assert "there is no such task; try: gangsaw plan show 'my files/TODO.md'\n" in only.stderr
    near = pg.call("plan", "check", "--from", "spekit")
    assert near.stderr.endswith("cannot find spekit; did you mean 'speckit'?\n")
    address = pg.call("plan", "check", "https://example.org/plan.yaml")
    assert "cannot read https://example.org/plan.yaml: task files are read from the disk" in (
        address.stderr
    )
    for count, words in ((0, "0 commits say"), (1, "1 commit says")):
        pg.git("add", "-A")
        pg.git("commit", "-q", "--allow-empty", "-m", f"number {count}")
        said = pg.call("sync", "my files/TODO.md")
        assert said.stdout == f"my files/TODO.md: says already what {words}\n", said.stderr
