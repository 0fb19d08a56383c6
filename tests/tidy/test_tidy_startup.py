"""Starting gangsaw stays cheap: what it imports, and its processor time beside an empty Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.sources import Figures

HEAVY = frozenset(
    "pydantic pydantic_core textual fastapi starlette uvicorn mcp httpx httpx2 rich".split()
)
VERSION_RATIO_MAX = 6.0
STATUS_RATIO_MAX = 14.0
ROUNDS = 5
PATIENCE_S = 120

GANGSAW = (sys.executable, "-m", "gangsaw")

PLAN = """\
version: 1
goal: start-up
tasks:
  - id: first
    title: nothing
    prompt: "true"
    workspace: none
"""
CONFIG = """\
[agents.shell]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]

[run]
agent = "shell"
"""


def environment() -> dict[str, str]:
    """Ours, free to write byte code, so that only the first start has to compile."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def imported(report: str) -> set[str]:
    """Top-level names of the modules in the output of `python -X importtime`."""
    return {name.partition(".")[0] for name in re.findall(r"\| +([\w.]+)$", report, re.MULTILINE)}


def cpu_s(*arguments: str, cwd: Path) -> float:
    """Least processor time, in seconds, of a few runs of a command."""
    spent = []
    for _ in range(ROUNDS + 1):
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        spent.append(usage.ru_utime + usage.ru_stime)
    return min(spent[1:])


def figure(command: str, ours_s: float, empty_s: float) -> str:
    """The figure that is printed for one command."""
    ratio = ours_s / empty_s
    return f"start-up, {command}: {ours_s * 1000:.0f} ms of CPU, {ratio:.1f} times an empty Python"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which a small run has ended."""
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Tester"),
        ("config", "user.email", "tester@example.invalid"),
        ("commit", "-q", "--allow-empty", "-m", "first"),
    ):
        assert run("git", *arguments, cwd=tmp_path).returncode == 0
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "gangsaw.toml").write_text(CONFIG)
    ended = run(*GANGSAW, "run", "plan.yaml", cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return tmp_path


def test_the_entry_point_imports_nothing_heavy(tmp_path: Path) -> None:
    ended = run(sys.executable, "-X", "importtime", "-c", "import gangsaw.__main__", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "gangsaw" in imported(ended.stderr)
    assert not imported(ended.stderr) & HEAVY


def test_version_is_light_and_quick(tmp_path: Path, record_property: Figures) -> None:
    ended = run(sys.executable, "-X", "importtime", "-m", "gangsaw", "--version", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert not imported(ended.stderr) & HEAVY

    empty = cpu_s(sys.executable, "-c", "pass", cwd=tmp_path)
    ours = cpu_s(*GANGSAW, "--version", cwd=tmp_path)
    record_property("figure", figure("--version", ours, empty))
    assert ours / empty <= VERSION_RATIO_MAX


def test_status_is_light_and_quick(repository: Path, record_property: Figures) -> None:
    ended = run(sys.executable, "-X", "importtime", "-m", "gangsaw", "status", cwd=repository)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "first" in ended.stdout
    assert not imported(ended.stderr) & HEAVY

    empty = cpu_s(sys.executable, "-c", "pass", cwd=repository)
    ours = cpu_s(*GANGSAW, "status", cwd=repository)
    record_property("figure", figure("status", ours, empty))
    assert ours / empty <= STATUS_RATIO_MAX


def test_the_guard_reads_the_import_report() -> None:
    report = "import time:       123 |        456 |     rich.console\n"
    assert imported(report) == {"rich"}


def test_starting_and_watching_a_process_needs_the_standard_library_only(tmp_path: Path) -> None:
    """A shim of one Python may be watched by another, which has nothing of ours installed."""
    done = run(sys.executable, "-X", "importtime", "-c", "import gangsaw.procs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "psutil" not in imported(done.stderr)
