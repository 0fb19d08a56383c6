"""How long a task or check is expected to take, by the plan's own word."""

from __future__ import annotations

import json

import pytest

from gangsaw.plan import plan_json, plan_schema, read_plan

PLAN = """\
version: 1
defaults:
  estimate_s: 600
tasks:
  - {id: a, prompt: x, checks: [{run: make, estimate_s: 45.5}]}
  - {id: b, prompt: x, estimate_s: 90, checks: [make test]}
"""


def test_estimates_of_tasks_and_checks() -> None:
    plan = read_plan(PLAN, "plan.yaml").plan
    assert plan is not None
    assert [task.estimate_s for task in plan.tasks] == [600.0, 90.0]
    assert [task.checks[0].estimate_s for task in plan.tasks] == [45.5, None]
    shown = plan_json(plan)["tasks"]
    assert (shown[0]["estimate_s"], shown[0]["checks"][0]["estimate_s"]) == (600.0, 45.5)
    without = read_plan(PLAN.replace(", estimate_s: 45.5", ""), "plan.yaml").plan
    assert without is not None
    assert without.tasks[0].checks[0].key == plan.tasks[0].checks[0].key
    assert "estimate_s" in json.dumps(plan_schema())


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("estimate_s: 0", "must be more than 0"),
        ("estimate_s: '90'", "write it without quotes: 90"),
        ("estimate_min: 15", "did you mean 'estimate_s'?"),
        ("duration: 15", "did you mean 'estimate_s'?"),
    ],
)
def test_estimates_at_fault(written: str, complaint: str) -> None:
    read = read_plan(PLAN.replace("estimate_s: 90", written), "plan.yaml")
    assert read.plan is None
    (error,) = read.errors
    assert complaint in str(error)
    assert error.line == 6
