"""Where is my work: stranded, rescue, clean and its undoing, with the real program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits

IDLE = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def asked(pg: Playground, schema: str, *words: str, expect: int = 0) -> dict[str, Any]:
    """What a command prints with `--json`, which has its documented shape."""
    done = pg.call(*words, "--json")
    assert done.returncode == expect, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    assert misfits(printed, json.loads(pg.call("schema", schema).stdout)) == []
    return printed


def tree_state(pg: Playground, tree: Path) -> list[object]:
    """What git and the disk say of a worktree; what is ignored aside."""
    files = {
        str(path.relative_to(tree)): path.read_bytes()
        for path in sorted(tree.rglob("*"))
        if path.is_file() and path.suffix != ".log" and path.name != ".git"
    }
    return [
        files, pg.git("status", "--porcelain=v2", "--branch", cwd=tree),
        pg.git("ls-files", "--stage", cwd=tree), pg.git("reflog", "--format=%H %gs", cwd=tree),
    ]  # fmt: skip


@pytest.fixture
def left(pg: Playground) -> Path:
    """The worktree of an attempt that waited for a person, who started another run instead."""
    pg.write(".gitignore", "*.log\n")
    pg.git("add", "-A")
    pg.git("commit", "-qm", "ignore")
    task = {"id": "ui", "prompt": "echo a > a; git add a; git commit -qm a", "checks": ["true"]}
    pg.run(pg.plan([{**task, "review": "person"}]), expect=3)
    tree = pg.root / "repo-worktrees" / "r1" / "ui.1"
    (tree / "a").write_text("staged\n")
    pg.git("add", "a", cwd=tree)
    (tree / "a").write_bytes(b"on disk\r\n")
    (tree / "new").write_text("untracked\n")
    (tree / "big.log").write_bytes(b"x" * 1000)
    pg.git("commit", "-q", "--allow-empty", "--only", "-m", "left behind", cwd=tree)
    pg.git("reset", "-q", "--soft", "HEAD~1", cwd=tree)
    pg.run(pg.plan([{"id": "b", "prompt": "echo b > b", "checks": ["true"]}]), "--new")
    return tree


def test_a_clean_and_its_undo(pg: Playground, left: Path) -> None:
    before = tree_state(pg, left)
    shown = asked(pg, "clean", "clean", "--dry-run")
    assert shown["clean"] is None
    found = {each["path"]: each for each in shown["leftovers"]}
    assert found[str(left)]["ignored_bytes"] == 1000
    assert {each["sort"] for each in shown["leftovers"]} >= {"worktree", "branch", "records"}
    text = pg.call("clean", "--dry-run").stdout
    assert "gangsaw clean --undo brings back worktrees, branches and refs, but not:" in text
    assert tree_state(pg, left) == before
    done = asked(pg, "clean", "clean", "--yes")
    assert (done["clean"], done["refused"]) == ("c1", [])
    assert not left.parent.exists()
    assert pg.git("for-each-ref", "refs/heads/gangsaw/r1") == ""
    names = {each["call"] for each in asked(pg, "stranded", "stranded")["stranded"]}
    assert "r1/ui.1/dirty" in names
    pg.git("gc", "--quiet", "--prune=now")
    back = asked(pg, "clean-undo", "clean", "--undo")
    assert [each["why"] for each in back["restored"]] == [None, None]
    assert tree_state(pg, left) == before
    assert not (left / "big.log").exists()
    again = pg.call("clean", "--undo")
    assert again.returncode == 1
    assert "no clean has left anything in the trash" in again.stderr


@pytest.mark.guarantee("G9")
def test_a_clean_and_an_undo_that_were_killed_are_finished(pg: Playground, left: Path) -> None:
    before = tree_state(pg, left)
    for verb, point in (
        ("--yes", "git.folder_aside:after:1"),
        ("--undo", "git.state_records:after:1"),
        ("--yes", "git.folder_delete:before:1"),
    ):
        killed = subprocess.run(
            [sys.executable, "-m", "gangsaw.testing.faulty", point, "--", "clean", verb],
            cwd=pg.repo, env=pg.environment(), capture_output=True, check=False,
        )  # fmt: skip
        assert killed.returncode == -9, killed.stderr
        pg.git("gc", "--quiet", "--prune=now")
        assert pg.call("clean", verb).returncode == 0
    while "also in the trash" in (told := pg.call("clean", "--undo")).stdout:
        assert told.returncode == 0
    assert tree_state(pg, left) == before


def test_nobody_s_ground_is_taken_away(pg: Playground, left: Path) -> None:
    sitter = subprocess.Popen(IDLE, cwd=left, stdin=subprocess.PIPE)
    spared = asked(pg, "clean", "clean", "--yes")["spared"]
    sitter.communicate()
    assert [each["why"] for each in spared] == [f"process {sitter.pid} works in it"]
    assert left.exists()


def test_what_no_ref_can_hold_is_named_and_stays(pg: Playground, left: Path) -> None:
    pg.git("init", "-q", str(left / "nested"))
    spared = asked(pg, "clean", "clean", "--yes")["spared"]
    assert [each["why"] for each in spared] == ["no ref can hold nested/ in it"]
    assert left.exists()


def test_kept_refs_go_when_asked_and_for_ever_only_when_asked_again(
    pg: Playground, left: Path
) -> None:
    asked(pg, "clean", "clean", "--yes")
    kept = pg.git("for-each-ref", "refs/gangsaw/attempts/r1")
    assert kept
    pg.call("clean", "--yes")
    old = asked(pg, "clean", "clean", "--kept", "--older-than", "30d", "--yes")
    assert old["leftovers"] == []
    assert pg.git("for-each-ref", "refs/gangsaw/attempts/r1") == kept
    gone = asked(pg, "clean", "clean", "--kept", "--yes")
    assert {each["sort"] for each in gone["leftovers"]} == {"kept"}
    assert pg.git("for-each-ref", "refs/gangsaw/attempts") == ""
    kinds = {each["kind"] for each in asked(pg, "stranded", "stranded")["stranded"]}
    assert kinds == {"trash"}
    assert pg.call("clean", "--undo", gone["clean"]).returncode == 0
    assert pg.git("for-each-ref", "refs/gangsaw/attempts/r1") == kept
    pg.call("clean", "--kept", "--yes")
    burden = asked(pg, "clean-trash", "clean", "--trash", "--dry-run")
    assert burden["commits"] >= 3
    assert burden["bytes"] >= len("staged\non disk\r\nuntracked\n")
    refused = pg.call("clean", "--trash")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert len(asked(pg, "clean-trash", "clean", "--trash", "--yes")["dropped"]) >= 5
    assert pg.git("for-each-ref", "refs/gangsaw/trash") == ""
    pg.git("gc", "--quiet", "--prune=now")
    assert asked(pg, "stranded", "stranded")["stranded"] == []


def test_logs_by_age(pg: Playground) -> None:
    pg.run(pg.plan([{"id": "a", "prompt": "echo a > a", "checks": ["true"]}]))
    records = pg.repo / ".git" / "gangsaw" / "attempts" / "r1"
    assert pg.call("clean", "--yes", "--logs", "--older-than", "1d").returncode == 0
    assert records.exists()
    assert "cannot read the age" in pg.call("clean", "--older-than", "soon").stderr
    assert pg.call("clean", "--yes").returncode == 0
    assert records.exists()
    assert pg.call("clean", "--yes", "--logs").returncode == 0
    assert not records.exists()


def test_files_of_an_agent_without_a_worktree_outlive_its_records(pg: Playground) -> None:
    task = {"id": "p", "workspace": "none", "prompt": "echo found > report.txt", "checks": ["true"]}
    pg.run(pg.plan([task]))
    assert pg.call("clean", "--yes", "--logs").returncode == 0
    assert not (pg.repo / ".git" / "gangsaw" / "attempts" / "r1").exists()
    assert pg.git("show", "refs/gangsaw/attempts/r1/p.1/folder:report.txt") == "found"


def test_a_task_is_rescued_as_its_last_attempt_left_it(pg: Playground) -> None:
    work = "echo $GANGSAW_ATTEMPT > which.txt; git add -A; git commit -qm $GANGSAW_ATTEMPT; exit 4"
    plan = pg.plan([{"id": "api", "prompt": work, "attempts": 2, "checks": ["true"]}])
    pg.run(plan, expect=1)
    made = asked(pg, "rescue", "rescue", "api")["rescued"]
    assert [each["branch"] for each in made] == ["rescue/api.2"]
    assert pg.git("show", "rescue/api.2:which.txt") == "api.2"


def test_rescue(pg: Playground) -> None:
    commit = "git add -A; git commit -qm {0}; git rev-parse HEAD"
    tasks = [
        {"id": "api", "checks": ["false"], "attempts": 1,
         "prompt": f"echo api > api.py; {commit.format('api')}; echo more > more.py"},
        {"id": "hides", "checks": ["true"], "attempts": 1,
         "prompt": "echo s > s.txt; echo u > u.txt; git add s.txt; git stash -q -u"},
        {"id": "loses", "checks": ["true"], "attempts": 1,
         "prompt": f"echo l > l.txt; {commit.format('l')}; git reset -q --hard HEAD~1"},
    ]  # fmt: skip
    settings = (pg.repo / "gangsaw.toml").read_text()
    pg.write("gangsaw.toml", settings.replace("[run]\n", "[run]\nturns = 1\n"))
    pg.run(pg.plan(tasks), expect=1)
    pg.git("stash", "clear")
    pg.write("README.md", "the user is at work\n")
    before = (pg.git("status", "--porcelain"), pg.git("rev-parse", "HEAD"))
    done = pg.call("rescue", "api")
    assert done.returncode == 0, done.stderr
    assert "git switch rescue/api.1" in done.stdout
    assert pg.git("show", "rescue/api.1:more.py") == "more"
    assert "there already" in pg.call("rescue", "api.1").stdout
    taken = pg.call("rescue", "api", "--to", "main")
    assert taken.returncode == 1
    assert "branch 'main'" in taken.stderr
    assert pg.call("rescue", "api", "--to", "-x").returncode == 2
    assert pg.call("rescue", "api", "--to", "mine").returncode == 0
    assert pg.git("rev-parse", "mine") == pg.git("rev-parse", "rescue/api.1")
    near = pg.call("rescue", "r1/api.1/wrok")
    assert near.returncode == 2
    assert "did you mean" in near.stderr
    branches = asked(pg, "rescue", "rescue", "--all")["rescued"]
    assert sum(each["made"] for each in branches) == 2
    assert not any(each["made"] for each in asked(pg, "rescue", "rescue", "--all")["rescued"])
    files = {name for each in branches for name in pg.git(
        "ls-tree", "-r", "--name-only", each["branch"]).split()}  # fmt: skip
    assert files >= {"api.py", "more.py", "s.txt", "u.txt", "l.txt"}
    assert (pg.git("status", "--porcelain"), pg.git("rev-parse", "HEAD")) == before
    assert pg.call("rescue").returncode == 2


def test_stranded_lists_what_git_alone_has_lost(pg: Playground, left: Path) -> None:
    """Commits that an agent made and no log names, and commits that only a worktree's log names."""
    tree = pg.git("write-tree", cwd=left)
    lost = pg.git("commit-tree", "-m", "made by hand", tree, cwd=left)
    found = asked(pg, "stranded", "stranded")["stranded"]
    kinds = {each["kind"]: each for each in found}
    assert lost in {each["commit"] for each in found if each["kind"] == "dangling"}
    assert set(kinds["worktree"]["files"]) == {"a", "new"}
    assert kinds["worktree"]["bytes"] == len("on disk\r\nuntracked\n")
    subjects = {pg.git("log", "-1", "--format=%s", each["commit"]) for each in found}
    assert "left behind" in subjects
    assert [each["at"] for each in found] == sorted((each["at"] for each in found), reverse=True)
    only = asked(pg, "stranded", "stranded", "--run", "r1")["stranded"]
    assert {each["run"] for each in only} == {"r1"}
    assert asked(pg, "stranded", "stranded", "--run", "r2")["stranded"] == []
    assert pg.call("rescue", lost[:12]).returncode == 0
    assert pg.git("rev-parse", f"rescue/{lost[:12]}") == lost
