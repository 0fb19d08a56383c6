"""A spent budget starts no reviewer either: a person is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.testing.playground import Playground


@pytest.mark.parametrize("where", ["run", "task"])
def test_no_review_is_paid_for_once_the_budget_is_spent(tmp_path: Path, where: str) -> None:
    ground = Playground(tmp_path, agent="scripted")
    lines = ("write a.txt a", "commit a", "usage 10 10 1.5", "on review",
             'done {"verdict": "approve"}', "end")  # fmt: skip
    task = {"id": "a", "stages": ["work", "review"], "checks": ["true"],
            "prompt": "\n".join(["```script", *lines, "```"])}  # fmt: skip
    words = ["--budget", "1"] if where == "run" else []
    plan = ground.plan([task | ({"budget": 1} if where == "task" else {})])
    assert ground.call("run", plan, *words).returncode == 3
    kinds = [event["body"]["why"] for event in ground.events() if event["kind"] == "turn.wanted"]
    assert kinds == ["work"]
    found = ground.status()["tasks"][0]
    assert found["reason"] == "review: the budget is spent, so scripted has not judged it"
    assert "gangsaw approve a" in ground.call("status").stdout
    assert ground.call("approve", "a").returncode == 0
    assert ground.run(plan)["tasks"][0]["status"] == "landed"
