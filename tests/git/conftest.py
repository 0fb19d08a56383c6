"""Fixtures for the tests of the git room."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.git import open_repository
from tests.git.git_yard import Yard, plain_env


@pytest.fixture
def make_yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Yard]:
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    for key, value in plain_env().items():
        if key.startswith("GIT_CONFIG_"):
            monkeypatch.setenv(key, value)

    def make(name: str = "repo") -> Yard:
        yard = Yard(tmp_path / name, tmp_path / f"{name}-worktrees")
        yard.root.mkdir()
        yard.git("init", "-q", "-b", "main")
        yard.write("a.txt", "one\ntwo\nthree\n")
        yard.write("b.txt", "b\n")
        yard.write(".gitignore", "*.log\n")
        yard.commit(message="first")
        yard.repo = open_repository(yard.root)
        return yard

    return make


@pytest.fixture
def yard(make_yard: Callable[..., Yard]) -> Yard:
    return make_yard()
