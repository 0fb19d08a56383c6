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
