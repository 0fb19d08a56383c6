"""`gangsaw init --just`: recipes that call what there is, and are taken away byte for byte."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw.cli.just_file import BESIDE_NAME, IMPORT_LINE
from gangsaw.cli.just_text import JUST_TEXT
from gangsaw.testing.playground import Playground
from tests.cli.test_cli_files import everything
from tests.docs.gangsaw_calls import fault

RECIPES = {
    "orchestrate": "run", "orchestrate-epic": "run", "orchestrate-preview": "run",
    "orchestrate-status": "status", "orchestrate-help": "run", "worker": "run",
    "merger": "queue", "worktree-clean": "clean", "worktree-remove": "cancel",
    "test-crash-recovery": "demo",
}  # fmt: skip
EPIC = """\
{"id":"app-1","title":"Epic","status":"open","priority":0,"issue_type":"epic"}
{"id":"app-1.1","title":"A","status":"open","priority":1,"issue_type":"task",\
"dependencies":[{"issue_id":"app-1.1","depends_on_id":"app-1","type":"parent-child"}]}
{"id":"app-2","title":"B","status":"open","priority":1,"issue_type":"task"}
"""
WORKER = """
[agents.w]
kind = "command"
stdin = "none"
argv = ["sh", "-c", "echo x > $GANGSAW_TASK; git add -A; git commit -qm $GANGSAW_TASK"]
"""
TOOK_MAX_S = 120


def recipes() -> dict[str, list[str]]:
    """The lines of each recipe of the text."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in JUST_TEXT.splitlines():
        if head := re.match(r"([a-z][a-z-]*)((?: \*?[a-z]+)*):$", line):
            found[head[1]] = lines = []
        elif line.startswith("    "):
            lines.append(line.strip())
    return found


def called(lines: list[str]) -> Iterator[str]:
    """Each call of gangsaw in these lines, with words for what just and the shell put in."""
    for line in lines:
        for call in re.findall(r"(?<![\w.])gangsaw [^;]*", line):
            yield re.sub(r'"\$@"', "…", re.sub(r"\{\{.*?\}\}", "ID", call)).strip()


def test_each_recipe_calls_a_command_that_there_is_with_options_that_it_has() -> None:
    assert recipes().keys() == RECIPES.keys()
    for name, lines in recipes().items():
        calls = list(called(lines))
        assert RECIPES[name] in [call.split()[1] for call in calls], name
        assert [fault(call) for call in calls] == [""] * len(calls), name


def test_a_justfile_is_written_and_taken_away(pg: Playground) -> None:
    before = everything(pg.repo)
    first = pg.call("init", "--just")
    assert first.returncode == 0, first.stderr
    assert everything(pg.repo) == {**before, "justfile": JUST_TEXT.encode()}
    assert "nothing changed" in pg.call("init", "--just").stdout
    assert pg.call("init", "--just", "--undo").returncode == 0
    assert everything(pg.repo) == before
    assert pg.call("init", "--just", "--undo").returncode == 2


@pytest.mark.parametrize("name", ["justfile", "Justfile", ".justfile", "JUSTFILE"])
def test_a_justfile_of_the_user_is_left_alone(pg: Playground, name: str) -> None:
    pg.write(name, "mine:\n    true\n")
    before = everything(pg.repo)
    done = pg.call("init", "--just")
    assert IMPORT_LINE in done.stdout
    assert everything(pg.repo) == {**before, BESIDE_NAME: JUST_TEXT.encode()}
    assert pg.call("init", "--undo").returncode == 0
    assert everything(pg.repo) == before


def test_a_justfile_that_took_the_place_of_ours_gets_no_second_beside_it(pg: Playground) -> None:
    pg.call("init", "--just")
    (pg.repo / "justfile").unlink()
    pg.write("Justfile", "mine:\n    true\n")
    before = everything(pg.repo)
    done = pg.call("init", "--just")
    assert IMPORT_LINE in done.stdout
    assert everything(pg.repo) == {**before, BESIDE_NAME: JUST_TEXT.encode()}
    assert pg.call("init", "--undo").returncode == 0
    assert everything(pg.repo) == before


def test_a_justfile_of_another_worktree_is_not_ours(pg: Playground) -> None:
    tree = pg.root / "tree"
    pg.git("worktree", "add", "-q", str(tree))
    assert pg.call("init", "--just").returncode == 0
    (tree / "justfile").write_text("mine:\n    true\n")
    assert IMPORT_LINE in pg.call("init", "--just", cwd=tree).stdout
    assert (tree / "justfile").read_text() == "mine:\n    true\n"


def test_recipes_that_were_changed_are_replaced_by_force_only(pg: Playground) -> None:
    pg.call("init", "--just")
    pg.write("justfile", "mine:\n    true\n")
    refused = pg.call("init", "--just")
    assert refused.returncode == 2
    assert "--just --force" in refused.stderr
    assert pg.call("init", "--just", "--undo").returncode == 1
    assert (pg.repo / "justfile").read_text() == "mine:\n    true\n"
    assert pg.call("init", "--just", "--force").returncode == 0
    assert pg.call("init", "--undo").returncode == 0
    assert (pg.repo / "justfile").read_text() == "mine:\n    true\n"


def test_one_undo_takes_back_settings_and_recipes(pg: Playground) -> None:
    pg.git("rm", "-q", "gangsaw.toml")
    pg.git("commit", "-q", "-m", "no settings")
    before = everything(pg.repo)
    for words in (["init"], ["init", "--just"]):
        assert pg.call(*words).returncode == 0
    settings = (pg.repo / "gangsaw.toml").read_text()
    pg.write("gangsaw.toml", settings + "# more\n")
    some = pg.call("init", "--undo")
    assert some.returncode == 1
    assert "gangsaw.toml was changed" in some.stderr
    assert (pg.repo / "justfile").exists()
    pg.write("gangsaw.toml", settings)
    pg.write("justfile", JUST_TEXT + "# more\n")
    some = pg.call("init", "--undo")
    assert some.returncode == 1
    assert "justfile was changed" in some.stderr
    assert "removed gangsaw.toml" in some.stderr
    pg.write("justfile", JUST_TEXT)
    assert pg.call("init", "--undo").returncode == 0
    assert everything(pg.repo) == before


def just_program() -> str:
    found = os.environ.get("GANGSAW_JUST") or shutil.which("just")
    if not found:
        pytest.skip("just is not installed, and GANGSAW_JUST does not say where it is")
    return found


@pytest.mark.e2e
def test_the_real_just_runs_the_recipes(tmp_path: Path) -> None:
    program = just_program()
    pg = Playground(tmp_path, agent="w")
    pg.settings(WORKER)
    (pg.root / "bin").mkdir()
    call = pg.write("../bin/gangsaw", f'#!/bin/sh\nexec {shlex.join(pg.argv("demo")[:-1])} "$@"\n')
    call.chmod(0o755)
    pg.env["PATH"] = f"{pg.root / 'bin'}:{os.environ['PATH']}"
    pg.write(".beads/issues.jsonl", EPIC)
    pg.write("justfile", f"{IMPORT_LINE}\n\nmine:\n    true\n")
    assert pg.call("init", "--just").returncode == 0
    pg.git("add", "-A")
    pg.git("commit", "-q", "-m", "a backlog")

    def just(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [program, *words], cwd=pg.repo, env=pg.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TOOK_MAX_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    assert set(just("--summary").split()) == {*RECIPES, "mine"}
    assert "worktree-remove" in just("orchestrate-help")
    assert "start app-1-1 · app-2\n" in just("orchestrate-preview")
    assert "start app-1-1\n" in just("orchestrate-epic", "app-1", "--dry-run")
    assert "start app-1-1\n" in just("worker", "app-1.1", "--dry-run")
    assert "Landed 1 of 1" in just("orchestrate", "--epic", "app-1", "--max-agents", "2")
    assert "app-1-1" in just("orchestrate-status")
    assert "nothing waits" in just("merger", "--dry-run")
    just("merger", "--now", code=2)
    pg.git("commit", "-q", "-am", "what became of it")
    assert "Landed 1 of 1" in just("worker", "app-2")
    assert "records" in just("worktree-clean", "--yes")
    just("worktree-remove", "app-2", code=1)  # it has landed: there is nothing to give up
    assert "Landed 6 of 6" in just("test-crash-recovery")
    pg.write("justfile", f"{IMPORT_LINE}\n\nmerger:\n    true\n")
    just("merger", code=1)  # two of one name: the page says to take the old one out
