"""`gangsaw sync`, and the hook that calls it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground
from gangsaw.views.schemas import PRINTED
from tests.cli.shapes import misfits

TASKS = "specs/003-reading-goals/tasks.md"
TEXT = (
    "# Tasks: Reading Goals\r\n\r\n## Phase 1: Setup\r\n"
    "- [ ] T001 [IMP-A] Goal model in src/goal.py — Branch: impl-data — Deps: none  \r\n"
    "- [ ] T002 [P] Service in src/service.py\r\n"
    "- [-] T003 Dropped\r\n"
    "- [ ] T004 Page\t\r\n\r\n"
    "### Implementor-A\r\n"
)


@pytest.fixture
def goals(pg: Playground) -> Playground:
    """A feature whose tasks are written down, after commits that spoke of another's."""
    commit(pg, "T002: of an older feature")
    path = pg.repo / TASKS
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT.encode())
    pg.git("add", "-A")
    pg.git("commit", "-q", "-m", "T001-T004: the tasks themselves")
    return pg


def commit(pg: Playground, *message: str) -> str:
    words = [word for each in message for word in ("-m", each)]
    pg.git("commit", "-q", "--allow-empty", *words)
    return pg.git("rev-parse", "HEAD")


def text_of(pg: Playground) -> str:
    return (pg.repo / TASKS).read_bytes().decode()


def test_sync_marks_what_commits_say_and_nothing_else(goals: Playground) -> None:
    done = commit(goals, "T001: goal model")
    commit(goals, "Work on T004")
    goals.git("rm", "-q", "--cached", "README.md")
    head = goals.git("rev-parse", "HEAD")
    rehearsed = goals.call("sync", "--dry-run", "--json")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert text_of(goals) == TEXT
    called = goals.call("sync", "--json")
    assert called.returncode == 0, called.stderr
    told, foreseen = json.loads(called.stdout), json.loads(rehearsed.stdout)
    assert misfits(told, PRINTED["sync"]()) == misfits(foreseen, PRINTED["sync"]()) == []
    assert foreseen | {"dry_run": False} == told
    (source,) = told["sources"]
    assert source["marks"] == [
        {"record": "T001", "standing": "done", "commit": done, "file": TASKS, "line": 4}
    ]
    assert [each["record"] for each in source["begun"]] == ["T004"]
    after = TEXT.replace("[ ] T001", "[x] T001")
    entry = f"- IMP-A → {done[:7]} — T001: Goal model in src/goal.py\r\n"
    assert text_of(goals) == after + entry
    again = goals.call("sync")
    assert "says already" in again.stdout
    assert text_of(goals) == after + entry
    assert goals.git("rev-parse", "HEAD") == head


def test_sync_counts_from_the_commit_that_added_the_file_or_another(goals: Playground) -> None:
    first = commit(goals, "T001: goals")
    commit(goals, "closes T004 and T099, and T003 is done")
    told = goals.call("sync", TASKS, "--since", first)
    assert told.returncode == 0, told.stderr
    assert "T004 done" in told.stdout
    assert "there is no T099" in told.stdout
    assert "T003 is dropped there; left alone" in told.stdout
    assert text_of(goals) == TEXT.replace("[ ] T004", "[x] T004")
    assert goals.call("sync", "--since", "nowhere").returncode == 2
    assert goals.call("sync", "nowhere.md").returncode == 2


def test_what_was_taken_back_is_told_and_its_mark_left(goals: Playground) -> None:
    commit(goals, "T001: goals")
    goals.write("a.txt", "a\n")
    goals.git("add", "a.txt")
    commit(goals, "T002: service")
    goals.git("revert", "--no-edit", "HEAD")
    told = goals.call("sync").stdout
    assert "T001 done" in told
    assert "T002 was taken back" in told
    assert "[ ] T002" in text_of(goals)


def test_of_several_features_the_branch_names_the_one(goals: Playground) -> None:
    other = goals.write("specs/004-notes/tasks.md", "# Notes\n- [ ] T001 Notes\n- [ ] T002 More\n")
    goals.git("add", "-A")
    commit(goals, "notes")
    commit(goals, "T001: which?")
    for call in (goals.call("sync"), goals.call("sync")):
        assert call.returncode == 1
        assert call.stdout.splitlines()[-1] == (
            f"cannot tell which of 2 files T001 is of ({TASKS}, specs/004-notes/tasks.md); "
            "try: gangsaw sync specs/004-notes/tasks.md"
        )
    assert text_of(goals) == TEXT
    assert "[x]" not in other.read_text()
    commit(goals, "T004: only the older feature has it")
    assert "there is no" not in goals.call("sync").stdout
    marked = TEXT.replace("[ ] T004", "[x] T004")
    assert text_of(goals) == marked
    goals.git("checkout", "-q", "-b", "feature/004-notes/impl-api")
    assert goals.call("sync").returncode == 0
    assert other.read_text() == "# Notes\n- [x] T001 Notes\n- [ ] T002 More\n"
    assert text_of(goals) == marked


def test_of_files_of_different_kinds_nobody_can_tell(goals: Playground) -> None:
    todo = goals.write("TODO.md", "# To do\n\n- [ ] FIX-001 thing\n- [ ] A-1 thing\n")
    fixes = goals.write("FIXES.md", "# Fixes\n\n### FIX-001: Crash\n\n**Status:** Open\n")
    before = fixes.read_text()
    goals.git("add", "-A")
    commit(goals, "more to do")
    commit(goals, "closes FIX-001 and A-1")
    done = goals.call("sync", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert misfits(told, PRINTED["sync"]()) == []
    assert len(told["unclear"]) == 1
    assert fixes.read_text() == before
    assert todo.read_text() == "# To do\n\n- [ ] FIX-001 thing\n- [x] A-1 thing\n"
    assert goals.call("sync", "FIXES.md").returncode == 0
    assert "**Status:** FIXED" in fixes.read_text()


def test_a_file_that_cannot_be_read_keeps_none_of_the_others(goals: Playground) -> None:
    (goals.repo / "TODO.md").write_bytes(b"- [ ] A-1 \xff\n")
    commit(goals, "T001: goals")
    done = goals.call("sync")
    assert done.returncode == 0
    assert "TODO.md:1: the byte 0xff is not UTF-8" in done.stdout
    assert "[x] T001" in text_of(goals)
    assert goals.call("sync", "TODO.md").returncode == 2


def test_sync_of_other_dialects(pg: Playground) -> None:
    (pg.repo / ".beads").mkdir()
    bead = '{"id":"app-a1","title":"A","status":"open","issue_type":"task"}\n'
    pg.write(".beads/issues.jsonl", bead)
    pg.write("FIXES.md", "# Fixes\n\n### FIX-001: Crash\n\n**Status:** Open\n")
    pg.git("add", "-A")
    commit(pg, "task files")
    done = commit(pg, "fix: no more crash (FIX-001)", "Closes: app-a1")
    called = pg.call("sync")
    assert called.returncode == 0, called.stderr
    assert "**Status:** FIXED" in (pg.repo / "FIXES.md").read_text()
    record = json.loads((pg.repo / ".beads/issues.jsonl").read_text())
    assert (record["status"], record["close_reason"]) == ("closed", f"landed as {done[:12]}")


def test_without_a_task_file_that_is_told(pg: Playground) -> None:
    done = pg.call("sync")
    assert done.returncode == 2
    assert "gangsaw sync PATH" in done.stderr
    assert pg.call("sync", "--hook").returncode == 0


# --- the hook ----------------------------------------------------------------------------------


def hooked(pg: Playground, *more: str) -> str:
    done = pg.call("init", "--hooks", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def everything_below(folder: Path) -> dict[str, tuple[int, str, bytes]]:
    """Every file with its mode, where it links to, and its bytes."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            os.readlink(path) if path.is_symlink() else "",
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_the_hook_marks_after_every_commit(goals: Playground) -> None:
    folder = goals.repo / ".git" / "hooks"
    before = everything_below(folder)
    assert "post-commit" in hooked(goals)
    assert "nothing changed" in hooked(goals)
    goals.write("README.md", "changed\n")
    goals.git("commit", "-q", "-am", "T002: service")
    assert text_of(goals) == TEXT.replace("[ ] T002", "[x] T002")
    undone = goals.call("init", "--undo", "--json")
    assert undone.returncode == 0, undone.stderr
    assert misfits(json.loads(undone.stdout), PRINTED["init"]()) == []
    assert everything_below(folder) == before
    commit(goals, "T004: page")
    assert "[ ] T004" in text_of(goals)
    assert goals.call("init", "--undo", "--hooks").returncode == 2


HOOKS: dict[str, bytes] = {
    "sh": b"#!/bin/sh\necho theirs >> mark\nexit 3\n",
    "set-e": b"#! /usr/bin/env sh\r\n"[:-2] + b"\nset -eu\necho theirs >> mark",
    "python": b"#!/usr/bin/env python3\nopen('mark', 'a').write('theirs\\n')\n",
}


@pytest.mark.parametrize("theirs", HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize("mode", [0o755, 0o744])
@pytest.mark.parametrize("how", ["file", "link"])
def test_a_hook_that_is_there_goes_on(
    goals: Playground, theirs: bytes, mode: int, how: str
) -> None:
    folder = goals.repo / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    file = folder / ("post-commit" if how == "file" else "mine")
    file.write_bytes(theirs)
    file.chmod(mode)
    if how == "link":
        (folder / "post-commit").symlink_to("mine")
    before = everything_below(folder)
    hooked(goals)
    commit(goals, "T002: service")
    assert (goals.repo / "mark").read_text() == "theirs\n"
    assert "[x] T002" in text_of(goals)
    assert goals.call("init", "--undo").returncode == 0
    assert everything_below(folder) == before


def test_a_hook_that_cannot_be_executed_stays_silent(goals: Playground) -> None:
    folder = goals.repo / ".git" / "hooks"
    file = goals.write(".git/hooks/post-commit", "#!/bin/sh\necho theirs >> mark\n")
    file.chmod(0o644)
    before = everything_below(folder)
    assert "is not called" in hooked(goals)
    commit(goals, "T002: service")
    assert not (goals.repo / "mark").exists()
    assert "[x] T002" in text_of(goals)
    assert goals.call("init", "--undo").returncode == 0
    assert everything_below(folder) == before


@pytest.mark.parametrize(
    ("path", "file"),
    [(".githooks", ".githooks/post-commit"), (".husky/_", ".husky/post-commit")],
)
def test_hooks_path_is_respected(goals: Playground, path: str, file: str) -> None:
    goals.git("config", "core.hooksPath", path)
    said = hooked(goals)
    assert "may be tracked" in said
    text = (goals.repo / file).read_text()
    assert str(goals.root) not in text
    assert "PATH=" not in text
    assert not (goals.repo / ".git" / "hooks" / "post-commit").exists()
    assert goals.call("init", "--undo").returncode == 0
    assert not (goals.repo / path.partition("/")[0]).exists()


def test_each_worktree_has_its_own_hook_where_hooks_are_tracked(goals: Playground) -> None:
    goals.git("config", "core.hooksPath", ".githooks")
    beside = goals.root / "beside"
    goals.git("worktree", "add", "-q", "-b", "beside", str(beside))
    hooked(goals)
    first = (goals.repo / ".githooks" / "post-commit").read_bytes()
    nothing = goals.call("init", "--undo", "--hooks", cwd=beside)
    assert nothing.returncode == 2
    second = goals.call("init", "--hooks", cwd=beside)
    assert second.returncode == 0, second.stderr
    assert (goals.repo / ".githooks" / "post-commit").read_bytes() == first
    assert (beside / ".githooks" / "post-commit").read_bytes() == first
    assert goals.call("init", "--undo", "--hooks", cwd=beside).returncode == 0
    assert not (beside / ".githooks").exists()
    assert (goals.repo / ".githooks" / "post-commit").read_bytes() == first
    # Another folder for the hooks: what lay in the former one is taken back.
    goals.git("config", "core.hooksPath", ".others")
    hooked(goals)
    assert not (goals.repo / ".githooks").exists()
    assert goals.call("init", "--undo").returncode == 0
    assert not (goals.repo / ".others").exists()


@pytest.mark.parametrize("how", ["file", "link"])
@pytest.mark.parametrize("first", ["", "#!/bin/sh\n", "#!/usr/bin/env sh"])
def test_a_hook_that_husky_runs_needs_no_mode_and_goes_on(
    goals: Playground, how: str, first: str
) -> None:
    goals.git("config", "core.hooksPath", ".husky/_")
    calling = '#!/bin/sh\nexec sh -e "$(dirname "$(dirname "$0")")/post-commit" "$@"\n'
    goals.write(".husky/_/post-commit", calling).chmod(0o755)
    theirs = "" if first.endswith("sh") else "echo theirs >> mark\nfalse\n"
    file = goals.write(f".husky/{'post-commit' if how == 'file' else 'mine'}", first + theirs)
    file.chmod(0o644)
    if how == "link":
        (goals.repo / ".husky/post-commit").symlink_to("mine")
    before = everything_below(goals.repo / ".husky")
    program_on_path(goals, f'exec {shlex.join(goals.argv("sync")[:-1])} "$@"')
    hooked(goals)
    commit(goals, "T002: service")
    assert (goals.repo / "mark").exists() == bool(theirs)
    assert "[x] T002" in text_of(goals)
    assert goals.call("init", "--undo").returncode == 0
    assert everything_below(goals.repo / ".husky") == before


def test_hooks_of_all_repositories_are_not_ours(goals: Playground) -> None:
    goals.git("config", "--global", "core.hooksPath", str(goals.root / "all"))
    done = goals.call("init", "--hooks")
    assert done.returncode == 2
    assert "all your repositories" in done.stderr
    assert not (goals.root / "all").exists()


def test_a_change_to_the_hook_stays_when_ours_is_taken_out(goals: Playground) -> None:
    file = goals.repo / ".git" / "hooks" / "post-commit"
    hooked(goals)
    file.write_text(file.read_text() + "echo more\n")
    assert goals.call("init", "--undo").returncode == 0
    assert file.read_text() == "#!/bin/sh\necho more\n"


@pytest.mark.parametrize("lost", ["aside", "both", "folder"])
def test_a_hook_whose_set_aside_file_was_lost_comes_back_from_the_record(
    goals: Playground, lost: str
) -> None:
    goals.git("config", "core.hooksPath", ".githooks")
    file = goals.write(".githooks/post-commit", "echo theirs >> mark\n")
    file.chmod(0o750)
    before = everything_below(file.parent)
    if lost == "aside":
        goals.git("add", "-A")
        goals.git("commit", "-q", "--no-verify", "-m", "a hook without a first line")
    hooked(goals)
    goals.git("clean", "-qfd", *([] if lost == "folder" else [".githooks"]))
    assert file.exists() == (lost == "aside")
    if lost == "both":
        file.parent.mkdir(exist_ok=True)
    done = goals.call("init", "--undo", "--hooks")
    assert done.returncode == 0, done.stderr
    assert everything_below(file.parent) == before


def test_the_record_of_a_lost_hook_stays_until_it_is_back(goals: Playground) -> None:
    file = goals.write(".git/hooks/post-commit", "echo theirs\n")
    file.chmod(0o755)
    before = everything_below(file.parent)
    hooked(goals)
    (file.parent / "post-commit.before-gangsaw").unlink()
    file.write_text(file.read_text() + "echo more\n")
    refused = goals.call("init", "--undo", "--hooks")
    assert refused.returncode == 1
    assert "try moving it away" in refused.stderr
    assert file.read_text().endswith("echo more\n")
    file.unlink()
    assert goals.call("init", "--undo", "--hooks").returncode == 0
    assert everything_below(file.parent) == before


def test_undo_takes_back_settings_and_hook(goals: Playground) -> None:
    goals.git("rm", "-q", "gangsaw.toml")
    commit(goals, "no settings")
    before = everything_below(goals.repo / ".git" / "hooks")
    assert goals.call("init").returncode == 0
    hooked(goals)
    done = goals.call("init", "--undo")
    assert done.returncode == 0, done.stderr
    assert not (goals.repo / "gangsaw.toml").exists()
    assert everything_below(goals.repo / ".git" / "hooks") == before


def program_on_path(pg: Playground, text: str) -> None:
    folder = pg.root / "first"
    folder.mkdir()
    (folder / "gangsaw").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "gangsaw").chmod(0o755)
    pg.env["PATH"] = f"{folder}:{os.environ['PATH']}"


def broken_program(pg: Playground) -> None:
    program_on_path(pg, "echo broken >&2\nexit 70")


def no_text_file(pg: Playground) -> None:
    (pg.repo / TASKS).write_bytes(b"\xff\xfe not text")


@pytest.mark.parametrize("spoil", [broken_program, no_text_file])
def test_the_hook_never_fails_a_commit(
    goals: Playground, spoil: Callable[[Playground], None]
) -> None:
    hooked(goals)
    spoil(goals)
    said = goals.git("commit", "--allow-empty", "-q", "-m", "T002: service", ok=True)
    assert said == ""


def test_the_hook_leaves_files_alone_while_git_is_at_work(goals: Playground) -> None:
    """A rebase that finds a file changed under it stops."""
    goals.git("checkout", "-q", "-b", "side")
    for n in (1, 2):
        goals.write(f"{n}.txt", "x\n")
        goals.git("add", f"{n}.txt")
        commit(goals, f"T00{n * 2}: piece {n}")
    goals.git("checkout", "-q", "main")
    changed = TEXT.replace("Page", "The page").encode()
    (goals.repo / TASKS).write_bytes(changed)
    goals.git("commit", "-q", "-am", "words")
    hooked(goals)
    goals.git("rebase", "-q", "main", "side")
    assert goals.git("status", "--porcelain") == ""
    assert (goals.repo / TASKS).read_bytes() == changed


def test_an_agents_worktree_is_left_alone(goals: Playground) -> None:
    hooked(goals)
    tree = goals.root / "tree"
    goals.git("worktree", "add", "-q", str(tree))
    admin = goals.repo / ".git" / "worktrees" / "tree"
    (admin / "gangsaw-kind").write_text("attempt")
    goals.git("commit", "-q", "--allow-empty", "-m", "T002: service", cwd=tree)
    assert goals.git("status", "--porcelain", cwd=tree) == ""
    assert goals.call("sync", "--hook", cwd=tree).returncode == 0
    assert goals.git("status", "--porcelain", cwd=tree) == ""
