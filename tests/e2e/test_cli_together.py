"""Four different real agent programs at once, on one plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.testing.models import ModelServer
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import WAIT_S, Place
from tests.e2e.real_agents import AGENTS
from tests.e2e.scenarios import scenarios

Figure = Callable[[str, object], None]

FOUR = ("claude", "codex", "gemini", "qwen")

pytestmark = pytest.mark.e2e


def test_four_different_programs_at_once_land_one_plan(
    tmp_path: Path, program_of: ProgramOf, record_property: Figure
) -> None:
    chosen = [(agent, program_of(agent.kind)) for agent in AGENTS if agent.kind in FOUR]
    tasks = [
        {
            "id": agent.kind,
            "title": f"by {agent.kind}",
            "agent": agent.kind,
            "prompt": f"Write it. [[scenario:together gate={agent.kind} file={agent.kind}.txt]]",
            "checks": [f"grep -q ok {agent.kind}.txt"],
        }
        for agent, _ in chosen
    ]
    tasks.append(
        {
            "id": "last",
            "needs": list(FOUR),
            "agent": FOUR[-1],
            "prompt": "Write it. [[scenario:edit file=last.txt word=ok]]",
            "checks": [f"test -e {name}.txt" for name in FOUR],
        }
    )
    with ModelServer(scenarios()) as server:
        place = Place(tmp_path, server, chosen)
        engine = place.pg.start("run", place.pg.plan(tasks))
        try:
            # Each stands at a gate of its own: so all four are at work at the same time.
            for name in FOUR:
                assert server.wait_for_gate(name, WAIT_S), place.told()
            assert set(FOUR) <= set(server.waiting())
            dialects = {seen.dialect for seen in server.log()}
            for name in FOUR:
                server.open_gate(name)
            assert engine.wait(WAIT_S) == 0, place.told()
        finally:
            for name in FOUR:
                server.open_gate(name)
            if engine.poll() is None:
                place.pg.call("kill")
                engine.wait(WAIT_S)
        found = place.tasks()
    assert {task["status"] for task in found.values()} == {"landed"}, place.told()
    assert {task["attempts"] for task in found.values()} == {1}
    assert dialects == {"anthropic", "responses", "gemini", "chat"}
    for name in (*FOUR, "last"):
        assert (place.pg.repo / f"{name}.txt").read_text() == "ok\n"
    assert place.pg.git("status", "--porcelain") == ""
    tokens = sum(task["tokens"] for task in found.values())
    record_property(
        "figure",
        f"{', '.join(FOUR)} at once on one plan: {len(found)} of {len(found)} landed, "
        f"{len(dialects)} vendors' protocols, {tokens} tokens",
    )
