"""Fixtures of the process tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.testing.decoys import Decoys
from tests.process.turns import Room, Way


@pytest.fixture(scope="session", autouse=True)
def _beside_bystanders(bystanders: Decoys) -> None:
    """Every test here runs beside them."""


@pytest.fixture(params=list(Way))
def room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Room]:
    """Turn folders, launched in both ways; whatever a failed test leaves running is ended."""
    made = Room(tmp_path / "turns", Way(request.param))
    if made.way is Way.DIRECT:
        yield made
    else:
        with procs.Nursery():
            yield made
    made.clean()
