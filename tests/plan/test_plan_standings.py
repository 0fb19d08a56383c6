"""Tasks that say where they stand: what of a plan is left to be done."""

from __future__ import annotations

import pytest

from gangsaw.core.standing import Standing
from gangsaw.plan import read_plan, read_whole

PLAN = """
tasks:
- {id: a, prompt: x, status: done, checks: [t], scope: [src/]}
- {id: b, prompt: x, needs: [a, g], checks: [t], scope: [src/]}
- {id: c, prompt: x, status: later, checks: [t]}
- {id: d, prompt: x, needs: [c], checks: [t]}
- {id: e, prompt: x, needs: [d], status: done, checks: [t]}
- {id: f, prompt: x, needs: [e], status: running, checks: [t], scope: [src/], agent: odd}
- {id: g, prompt: x, status: dropped, needs: [c], checks: [t]}
"""


def test_only_what_is_to_be_done_is_in_the_plan() -> None:
    read = read_plan(PLAN, "plan.yaml")
    assert read.errors == ()
    assert read.plan is not None
    assert [(task.id, task.needs) for task in read.plan.tasks] == [("b", ()), ("f", ())]


def test_warnings_about_what_is_left_have_their_own_lines() -> None:
    read = read_plan(PLAN, "plan.yaml", known_agents=["claude"])
    said = [(each.line, each.text) for each in read.warnings]
    assert [line for line, _ in said] == [8, 8]
    assert "'b' and 'f' both claim src/" in said[0][1]
    assert "no agent is called 'odd'" in said[1][1]


def test_the_whole_plan_has_all_tasks_with_their_standings() -> None:
    whole = read_whole(PLAN, "plan.yaml")
    assert whole.read.plan is not None
    assert len(whole.read.plan.tasks) == 7
    assert whole.standings["f"] is Standing.RUNNING
    assert whole.standings["b"] is Standing.OPEN


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("done", "tasks: nothing is left to be done"),
        ("later", "tasks: nothing is left to be done"),
        ("finished", "tasks.0.status: must be one of open, running, done, dropped, later"),
    ],
)
def test_a_plan_without_anything_to_do_says_so(status: str, said: str) -> None:
    read = read_plan(f"tasks:\n- {{id: a, prompt: x, status: {status}}}\n", "plan.yaml")
    assert read.plan is None
    (error,) = read.errors
    assert error.text.startswith(said)
    assert error.line == 2
