"""The developer's script explains itself, and refuses what it cannot work with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.sources import ROOT

COMMANDS = ("setup", "demo", "test", "check", "sim", "fix", "bench", "docs")


def dev(*arguments: str, script: Path = ROOT / "dev", path: str | None = None) -> tuple[int, str]:
    """Exit code and all output of the developer's script."""
    ended = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, "PATH": path or os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_help_lists_every_command() -> None:
    code, output = dev("--help")
    assert code == 0
    assert all(f"\n    {command} " in output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    code, output = dev(command, "--help")
    assert code == 0
    assert f"dev {command}" in output


def test_unknown_arguments_are_refused() -> None:
    code, output = dev("check", "--what")
    assert code == 2
    assert "--what" in output


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The script in a folder without a virtual environment."""
    (tmp_path / "dev").write_bytes((ROOT / "dev").read_bytes())
    return tmp_path / "dev"


def test_a_missing_git_is_said_with_its_remedy(copy: Path, tmp_path: Path) -> None:
    code, output = dev("setup", script=copy, path=str(tmp_path))
    assert code == 2
    assert output.startswith("dev: cannot find git; try ")
    assert not (tmp_path / ".venv").exists()


def test_an_old_git_is_said_with_its_remedy(copy: Path, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 2.30.2\n")
    program.chmod(0o755)
    code, output = dev("setup", script=copy, path=str(tmp_path))
    assert code == 2
    assert "cannot use git version 2.30.2: gangsaw needs 2.38" in output


AGAIN = """
import importlib.machinery, importlib.util, sys
from pathlib import Path
loader = importlib.machinery.SourceFileLoader("dev", sys.argv[1])
dev = importlib.util.module_from_spec(importlib.util.spec_from_loader("dev", loader))
loader.exec_module(dev)
dev.ROOT, dev.PYTHON = Path.cwd(), sys.executable
dev.LAST_FAILED = dev.ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
code = dev.again(dev.pytest("first", "-q", "test_flaky.py"), ["-q"], {})
sys.exit(dev.conclude([] if code == 0 else ["tests"]))
"""
SOON = """
import pathlib
import pytest
@pytest.mark.parametrize("number", range({count}))
def test_soon(number):
    seen = pathlib.Path(f"seen{{number}}")
    before = seen.exists()
    seen.touch()
    assert before and {good}
"""


@pytest.mark.parametrize(
    ("count", "good", "code", "told"),
    [
        (3, True, 0, "dev: flaky: test_flaky.py::test_soon[2] passed only when it ran once more"),
        (3, False, 1, "dev: failed: tests"),
        (4, True, 1, "dev: failed: tests"),
    ],
)
def test_the_few_that_failed_run_once_more_and_that_is_told(
    tmp_path: Path, count: int, good: bool, code: int, told: str
) -> None:
    (tmp_path / "test_flaky.py").write_text(SOON.format(count=count, good=good))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    ended = subprocess.run(
        [sys.executable, "-c", AGAIN, str(ROOT / "dev")],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert told in ended.stderr
    assert ("flaky" in ended.stderr) == (code == 0)
