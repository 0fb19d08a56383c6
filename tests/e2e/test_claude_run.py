"""Several tasks at once with the real Claude Code CLI, unmodified, through the real `gangsaw run`,
against a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.testing.models import ModelServer
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import Place
from tests.e2e.real_agents import AGENTS, EDIT_TOKENS
from tests.e2e.scenarios import scenarios

CLAUDE = next(agent for agent in AGENTS if agent.kind == "claude")

Figure = Callable[[str, object], None]

pytestmark = pytest.mark.e2e


@pytest.fixture
def place(tmp_path: Path, program_of: ProgramOf) -> Iterator[Place]:
    program = program_of("claude")
    with ModelServer(scenarios()) as server:
        yield Place(tmp_path, server, [(CLAUDE, program)])


def edits(name: str, **fields: Any) -> dict[str, Any]:
    prompt = f"Write the file. [[scenario:edit file={name}.txt word=ok]]"
    return {"id": name, "title": f"add {name}", "prompt": prompt,
            "checks": [f"grep -q ok {name}.txt"], **fields}  # fmt: skip


def test_two_dependent_and_two_independent_tasks_land(
    place: Place, record_property: Figure
) -> None:
    tasks = [edits("a"), edits("b", needs=["a"], checks=["test -e a.txt", "grep -q ok b.txt"]),
             edits("c"), edits("d")]  # fmt: skip
    found = place.run(tasks)
    for name in "abcd":
        task = found[name]
        assert (task["status"], task["attempts"]) == ("landed", 1)
        assert task["tokens"] == EDIT_TOKENS
        assert task["cost"] == pytest.approx(CLAUDE.cost)
        assert (place.pg.repo / f"{name}.txt").read_text() == "ok\n"
    status = place.pg.status()
    assert status["tokens"] == 4 * EDIT_TOKENS
    assert status["cost"] == pytest.approx(4 * (CLAUDE.cost or 0))
    landed = [place.pg.trailer(commit, "Gangsaw-Task") for commit in place.pg.landings()]
    order = [name for name in landed if name]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("a") < order.index("b")
    subjects = place.pg.git("log", "--format=%s", "main").splitlines()
    assert {f"add-{name}.txt" for name in "abcd"} <= set(subjects)
    assert place.pg.git("status", "--porcelain") == ""
    record_property(
        "figure",
        f"real Claude CLI: 4 of 4 landed, {status['tokens']} tokens, ${status['cost']:.6f}",
    )
