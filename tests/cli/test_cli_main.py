"""The group: help without imports, start-up, errors and exit codes, finding the repository."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.cli.main import COMMANDS
from gangsaw.cli.place import common_dir_of
from gangsaw.git import open_repository
from gangsaw.testing.playground import Playground

HEAVY = ("pydantic", "ruamel", "rich", "asyncio", "psutil", "gangsaw.git", "gangsaw.engine")


def imported(pg: Playground, *words: str) -> str:
    """The report of what was imported for a command line."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gangsaw", *words], cwd=pg.repo,
        env=pg.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


def test_help_lists_every_command_and_imports_none(pg: Playground) -> None:
    text = pg.call("--help").stdout
    assert all(re.search(rf"^  {name} +\S", text, re.MULTILINE) for name in COMMANDS)
    assert "gangsaw.cli.commands." not in imported(pg, "--help")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(pg: Playground, name: str) -> None:
    done = pg.call(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: gangsaw {name}")
    if name not in ("run", "demo", "plan"):
        assert f"gangsaw {name}" in done.stdout.partition("Examples:")[2]


def test_version_imports_nothing_of_the_command_line(pg: Playground) -> None:
    report = imported(pg, "--version")
    assert "click" not in report
    assert "gangsaw.cli" not in report
    assert pg.call("--version").stdout.startswith("gangsaw ")


def test_status_imports_nothing_heavy(mixed: Playground) -> None:
    report = imported(mixed, "status")
    assert "gangsaw.views.status" in report
    assert [name for name in HEAVY if re.search(rf"\| +{re.escape(name)}", report)] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("staus",), "did you mean 'status'?"),
        (("status", "--jsn"), "--json"),
        (("-C", "nowhere", "status"), "cannot work in nowhere"),
        (("scale", "0"), "gangsaw pause"),
        (("scale", "2", "3"), "one number"),
        (("scale", "a=1", "a=2"), "two numbers for 'a'"),
        (("scale",), "Missing argument"),
        (("schema", "nonsense"), "try one of"),
        (("plan", "check", "nothing.yaml"), "nothing.yaml"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_remedy(
    pg: Playground, words: tuple[str, ...], said: str
) -> None:
    done = pg.call(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_repository(pg: Playground, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = pg.call("status", cwd=tmp_path_factory.mktemp("empty"))
    assert done.returncode == 2
    assert "cannot find a git repository" in done.stderr


def test_a_bug_ends_with_70_and_keeps_its_trace(mixed: Playground, tmp_path: Path) -> None:
    """A journal whose events mean nothing to us is not something a user can mend."""
    control = tmp_path / ".git" / "gangsaw"
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    control.mkdir(mode=0o700)
    source = sqlite3.connect(mixed.repo / ".git" / "gangsaw" / "journal.db")
    copy = sqlite3.connect(control / "journal.db")
    source.backup(copy)
    copy.execute("UPDATE run SET summary = 'not json'")
    copy.commit()
    copy.close()
    source.close()
    done = mixed.call("status", cwd=tmp_path)
    assert done.returncode == 70
    assert "this is a bug in gangsaw" in done.stderr
    traces = list((control / "crashes").iterdir())
    assert [str(traces[0])] == re.findall(r"The trace is in (.*)", done.stderr)
    assert "Traceback" in traces[0].read_text()


def test_a_reader_that_leaves_is_no_trouble(mixed: Playground) -> None:
    shell = f"{sys.executable} -m gangsaw events --json | head -n 1"
    done = subprocess.run(
        ["sh", "-c", shell], cwd=mixed.repo, env=mixed.environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_an_ascii_terminal_does_not_stop_a_print(mixed: Playground) -> None:
    env = {**mixed.environment(), "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        mixed.argv("status"), cwd=mixed.repo, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("r1 \\xb7 1 landed")


def test_the_common_folder_is_found_as_git_finds_it(pg: Playground, tmp_path: Path) -> None:
    below = pg.repo / "x" / "y"
    below.mkdir(parents=True)
    tree = tmp_path / "tree"
    pg.git("worktree", "add", "-q", "--detach", str(tree))
    (tree / "z").mkdir()
    linked = tmp_path / "linked"
    linked.symlink_to(pg.repo)
    outside = tmp_path / "separate"
    pg.git("clone", "-q", "--separate-git-dir", str(tmp_path / "apart"), str(pg.repo), str(outside))
    module = pg.repo / "module"
    pg.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(outside), "module"
    )
    for place in (pg.repo, below, tree, tree / "z", linked, outside, module):
        assert common_dir_of(place) == open_repository(place).common_dir, place
    bare = tmp_path / "bare.git"
    pg.git("clone", "-q", "--bare", str(pg.repo), str(bare))
    assert common_dir_of(bare) is None  # only git says
    assert pg.call("status", cwd=bare).returncode == 2
