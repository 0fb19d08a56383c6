"""A budget with the real program: agents that tell late what they cost, a killed engine, a
restart, and the sum stays the same. A usage limit of an account that several agents share."""

from __future__ import annotations

import signal
from pathlib import Path

from gangsaw.testing.playground import Playground

BUDGET = 1.0


def script(name: str, *more: str) -> str:
    lines = (f"write {name}.txt {name}", f"commit {name}", *more)
    return "\n".join(["```script", *lines, "```"])


def reported(ground: Playground) -> float:
    """What the launches have told, from the events alone."""
    last: dict[tuple[str, int], float] = {}
    for event in ground.events():
        if event["kind"] == "usage.reported":
            body = event["body"]
            last[event["subject"], body["launch"]] = body["cost_usd"] or 0.0
    return round(sum(last.values()), 6)


def started(ground: Playground) -> list[str]:
    return [event["subject"] for event in ground.events() if event["kind"] == "turn.wanted"]


def test_a_budget_is_kept_although_agents_tell_late_what_they_cost(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=8)
    # Nobody says what a launch costs before its end: the first four are as much as may be reserved.
    tasks = [{"id": f"t{n}", "prompt": script(f"t{n}", "usage 10 10 0.30")} for n in range(8)]
    plan = ground.plan(tasks)
    done = ground.call("run", plan, "--budget", str(BUDGET), "--plain")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "held: the budget is spent: $1.20 of $1.00" in done.stderr
    assert len(started(ground)) == 4
    assert reported(ground) == 1.2
    found = ground.status()
    waiting = [task for task in found["tasks"] if task["status"] not in ("landed",)]
    assert {task["status"] for task in waiting} == {"held"}
    assert all("$1.20 of $1.00" in task["reason"] for task in waiting), waiting
    assert "$1.20" in ground.call("status").stdout
    # The same budget begins nothing more; a larger one does, and knows what a launch costs.
    assert ground.call("run", plan, "--plain").returncode == 4
    assert len(started(ground)) == 4
    assert ground.call("run", plan, "--budget", "1.9", "--plain").returncode == 4
    assert len(started(ground)) == 6
    assert ground.call("run", plan, "--budget", "10", "--plain").returncode == 0
    assert reported(ground) == 2.4


def test_what_overshoots_is_stopped_and_the_sum_survives_a_kill(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=2)
    deaf, gate = tmp_path / "deaf", tmp_path / "gate"
    # Nothing is spent before the other one is at work, and that one is not stopped before the kill.
    spend = (f"wait {deaf}", "usage 10 10 0.75", "usage 10 10 0.75", f"wait {gate}")
    stays = ("ignore-term", f"run touch {deaf}", f"wait {gate}", "usage 10 10 0.01")
    plan = ground.plan(
        [
            {"id": "dear", "prompt": script("dear", *spend)},
            {"id": "late", "prompt": script("late", *stays)},
            {"id": "after", "needs": ["late"], "prompt": script("after", "usage 10 10 0.01")},
        ]
    )
    engine = ground.start("run", plan, "--budget", str(BUDGET), "--plain")
    ground.wait_for(lambda: reported(ground) >= 1.5, "the overshoot is told")
    engine.kill()
    assert engine.wait(timeout=60) == -signal.SIGKILL
    again = ground.call("run", plan, "--plain")
    gate.touch()
    assert again.returncode == 4, again.stdout + again.stderr
    spent = reported(ground)
    assert spent == 1.5
    task = next(task for task in ground.status()["tasks"] if task["id"] == "dear")
    assert f"${spent:.2f} of $1.00 spent, ${spent - 1:.2f} too much" in task["reason"]
    stops = [event["body"]["cause"] for event in ground.events() if event["kind"] == "stop.wanted"]
    assert stops == ["budget", "budget"]
    assert "after.1" not in started(ground)
    # No try is used up, and its work is where it was.
    ended = [event for event in ground.events() if event["kind"] == "attempt.failed"]
    assert not ended
    more = ground.call("run", plan, "--budget", "20", "--plain")
    assert more.returncode == 0, more.stdout + more.stderr
    assert set(ground.statuses().values()) == {"landed"}


SETTINGS = """
[agents.one]
kind = "scripted"
account = "team"

[agents.two]
kind = "scripted"
account = "team"

[agents.other]
kind = "scripted"
"""


def test_one_usage_limit_holds_back_all_agents_of_its_account(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=1)
    settings = ground.repo / "gangsaw.toml"
    settings.write_text(settings.read_text() + SETTINGS)
    ground.git("commit", "-qam", "agents")
    limited = "```script\nmood quota 3\non continue\nwrite a.txt a\ncommit a\nend\n```"
    plan = ground.plan(
        [
            {"id": "a", "agent": "one", "prompt": limited, "priority": 9},
            {"id": "b", "agent": "two", "prompt": script("b"), "priority": 5},
            {"id": "c", "agent": "other", "prompt": script("c")},
        ]
    )
    found = ground.run(plan)
    assert {task["status"] for task in found["tasks"]} == {"landed"}
    events = ground.events()

    def moment(kind: str, subject: str) -> float:
        at: float = next(e["at"] for e in events if (e["kind"], e["subject"]) == (kind, subject))
        return at

    exited = next(e for e in events if e["kind"] == "turn.exited" and e["subject"] == "a.1")
    reset = exited["body"]["retry_at"]
    # The agent of another account starts before the reset, that of the same account does not.
    assert moment("attempt.admitted", "c.1") < reset <= moment("attempt.admitted", "b.1")
    assert not [e for e in events if e["kind"] == "attempt.failed"]
    parked = [e["body"]["condition"] for e in events if e["kind"] == "attempt.parked"]
    assert parked == ["quota"]
