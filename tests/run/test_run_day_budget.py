"""Budgets by the day over all runs; estimates where agents tell no cost; with the real program."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

from gangsaw.testing.playground import Playground
from tests.run.test_run_limits import Limited

DAY_S = 86_400
SURE_S = 600.0
"""The test's day must not end while it runs."""


def priced(name: str, usage: str) -> dict[str, Any]:
    lines = ("```script", f"usage {usage}", f"write {name}.txt {name}", f"commit {name}", "```")
    return {"id": name, "prompt": "\n".join(lines)}


def day_spent(ground: Limited) -> float:
    last: dict[tuple[str, int], float] = {}
    for event in ground.of_kind("usage.reported"):
        last[event["subject"], event["body"]["launch"]] = event["body"]["cost_usd"]
    return round(sum(last.values()), 6)


def waits_for_tomorrow(ground: Limited) -> bool:
    held = [task for task in ground.status()["tasks"] if task["status"] == "held"]
    return bool(held) and all("today" in task["reason"] for task in held)


def test_a_day_is_of_all_runs_and_the_next_goes_on_by_itself(tmp_path: Path) -> None:
    ground = Limited(tmp_path, agent="scripted", max_agents=1)
    left_s = DAY_S - time.time() % DAY_S
    begin_s = left_s + 10 if left_s < SURE_S else 0.0
    ground.later(begin_s)
    with ground.engine(ground.plan([priced("before", "10 10 0.50")]), "--budget-day", "1") as first:
        assert first.wait(60) == 0
    plan = ground.plan([priced(f"t{n}", "10 10 0.30") for n in range(3)])
    ground.run_id = "r2"
    with ground.engine(plan, "--budget-day", "1") as engine:
        # 0.50 of the run before and 0.30 are spent: another 0.30 does not fit into this day.
        ground.wait_for(lambda: waits_for_tomorrow(ground), "two wait for the next day")
        assert "$0.80 of $1.00 today" in ground.status()["tasks"][1]["reason"]
        engine.kill()
        assert engine.wait(60) == -signal.SIGKILL
    assert day_spent(ground) == 0.3
    with ground.engine(plan) as engine:
        ground.wait_for(lambda: len(ground.of_kind("engine.started")) == 2, "the second engine")
        ground.wait_for(lambda: waits_for_tomorrow(ground), "they still wait")
        assert "$0.80 of $1.00 today" in ground.status()["tasks"][1]["reason"]
        assert day_spent(ground) == 0.3
        assert engine.poll() is None, "the run is still going"
        ground.later(begin_s + DAY_S)
        assert engine.wait(120) == 0
    assert set(ground.statuses().values()) == {"landed"}
    assert day_spent(ground) == 0.9
    elsewhere = [event["body"]["cost_usd"] for event in ground.of_kind("spent.elsewhere")]
    assert elsewhere == [0.5], "the same after the kill: told once"


SETTINGS = """
[agents.known]
kind = "scripted"
model = "gpt-5"

[agents.nobody]
kind = "scripted"
model = "no-such-model-1"
"""


def test_what_agents_do_not_tell_is_estimated_and_marked(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted")
    ground.settings(SETTINGS)
    tasks = [
        {**priced("told", "1000 1000 0.25")},
        {**priced("guessed", "1000000 100000 -"), "agent": "known"},
        {**priced("unknown", "500 500 -"), "agent": "nobody"},
    ]
    found = ground.run(ground.plan(tasks))
    usage = {e["subject"]: e["body"] for e in ground.events() if e["kind"] == "usage.reported"}
    guess = usage["guessed.1"]["estimated_usd"]
    assert usage["guessed.1"]["cost_usd"] is None
    assert usage["guessed.1"]["model"] == "gpt-5"
    assert 0.5 < guess < 50
    assert usage["told.1"]["estimated_usd"] is None
    assert usage["unknown.1"]["estimated_usd"] is None
    assert found["cost"] == round(0.25 + guess, 6)
    assert (found["cost_estimated"], found["unpriced"]) == (round(guess, 6), 1)
    assert found["cost_per_landed"] == round((0.25 + guess) / 3, 6)
    by_task = {task["id"]: task for task in found["tasks"]}
    assert (by_task["told"]["cost"], by_task["told"]["cost_is_estimate"]) == (0.25, False)
    assert by_task["guessed"]["cost_is_estimate"] is True
    assert by_task["unknown"]["cost"] is None
    assert f"(${guess:.2f} of it estimated)" in ground.call("status").stdout
    assert f"${guess:.2f} of it estimated" in ground.call("why", "guessed").stdout
    report = json.loads(ground.call("report", "--json").stdout)["spent"]
    assert report["told"] == "partly"
    money = report["money"]
    assert (money["cost_usd"], money["estimated_usd"]) == (0.25, guess)
    assert (money["priced"], money["estimated"], money["unpriced"]) == (1, 1, 1)
    assert "of it estimated" in ground.call("report").stdout
