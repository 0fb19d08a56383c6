"""The pinned programs are installed one by one, and what cannot be had is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw.testing.capabilities import pinned
from tests.e2e import install
from tests.e2e.real_agents import AGENTS


def test_every_real_agent_is_pinned_and_every_pinned_one_is_tested() -> None:
    assert set(install.names()) == {agent.program or agent.kind for agent in AGENTS}
    assert {name: install.version_of(name) for name in install.names()} == pinned()


def test_what_is_locked_is_what_is_pinned_without_an_address() -> None:
    for name in install.names():
        folder = install.PINS / name
        if (folder / "package.json").exists():
            (package,) = json.loads((folder / "package.json").read_text())["dependencies"]
            lock = json.loads((folder / "package-lock.json").read_text())["packages"]
            assert lock[f"node_modules/{package}"]["version"] == pinned()[name]
            assert not any("resolved" in entry for entry in lock.values())
        else:
            lines = (folder / "requirements.txt").read_text().splitlines()
            asked = (folder / "requirements.in").read_text().split()[0]
            assert f"{asked} \\" in lines
            assert not any("://" in line for line in lines)


def test_programs_of_task_files_are_pinned_without_an_address() -> None:
    assert install.programs() == ["backlog", "task-master"]
    for name in install.programs():
        folder = install.pins_of(name)
        ((package, version),) = json.loads((folder / "package.json").read_text())[
            "dependencies"
        ].items()
        lock = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert lock[f"node_modules/{package}"]["version"] == version == install.version_of(name)
        assert {entry.get("resolved", "left_out") for entry in lock.values()} == {"left_out"}


def test_what_cannot_be_installed_is_said_and_the_next_one_is_tried(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": str(tmp_path), "GANGSAW_CLIS": str(tmp_path / "clis")}
    done = subprocess.run(
        [sys.executable, install.__file__, "codex", "claude"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["codex", "claude"]
    assert all("NOT AVAILABLE: there is no npm here" in line for line in lines)


def test_nothing_is_installed_where_it_was_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANGSAW_CLIS", str(tmp_path))
    found = install.ensure("codex", install=False)
    assert (found.program, "install.py codex" in found.text) == (None, True)
    assert not (tmp_path / "codex").exists()
