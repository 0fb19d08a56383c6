"""The pinned programs, installed when a test asks for one, and an environment that is our own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.install import TIER_ONE, Found, ensure, version_of
from tests.e2e.place import clean_environment

ProgramOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def program_of() -> ProgramOf:
    """Where a pinned program is. The test is skipped, loudly, where it is not to be had.

    `claude` and `codex` are installed now if need be. The others are used where they are there, or
    installed, too, if `GANGSAW_E2E` is `all`.
    """
    known: dict[str, Found] = {}

    def program(name: str) -> Path:
        if name not in known:
            wanted = name in TIER_ONE or os.environ.get("GANGSAW_E2E") == "all"
            known[name] = ensure(name, install=wanted)
        found = known[name]
        if found.program is None:
            pytest.skip(f"THE REAL {name} {version_of(name)} IS NOT TESTED: {found.text}")
        return found.program

    return program


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in clean_environment(os.environ):
        monkeypatch.delenv(name)
