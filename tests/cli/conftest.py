"""Playgrounds for the tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground


@pytest.fixture
def pg(tmp_path: Path) -> Iterator[Playground]:
    """An empty playground; whatever a test leaves running is ended."""
    made = Playground(tmp_path)
    yield made
    made.call("kill")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    """A playground in which a run has ended: one task landed, one failed, one waits for it."""
    made = Playground(tmp_path_factory.mktemp("mixed"))
    plan = made.plan(
        [
            {
                "id": "schema",
                "title": "the schema",
                "prompt": "echo 'create table t' > schema.sql\n"
                "printf 'made \\033[31mred\\033[0m\\n'",
                "checks": ["test -f schema.sql"],
            },
            {
                "id": "api",
                "prompt": "echo api > api.py; echo trying >&2",
                "needs": ["schema"],
                "checks": ["echo the api is not there; test -f server.py"],
                "attempts": 1,
            },
            {"id": "e2e", "prompt": "true", "needs": ["api"], "checks": ["true"]},
        ]
    )
    assert made.run(plan, expect=1)["state"] == "failed"
    return made
