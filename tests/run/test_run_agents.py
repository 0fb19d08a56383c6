"""Agents of a live run, with the real program: scaled one by one, added, removed, chosen among,
sharing seats; and the engine killed in between."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from gangsaw.testing.endstate import complaints, folded
from tests.run.test_run_steering import Desk, gated

TWO = """
[agents.one]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]
pass_env = ["LEDGER"]
account = "shared"

[agents.two]
kind = "command"
argv = ["sh", "-eu", "{task_prompt_file}"]
pass_env = ["LEDGER"]
account = "shared"
"""
THREE = TWO.replace("agents.one", "agents.three").partition("[agents.two]")[0]


def desk_of(root: Path, tasks: list[dict[str, Any]], more: str = TWO, **options: Any) -> Desk:
    desk = Desk(root, tasks, **options)
    desk.ground.settings(more)
    return desk


def of(agent: str, *names: str) -> list[dict[str, Any]]:
    return [gated(name, agent=agent) for name in names]


def agents(desk: Desk) -> dict[str, dict[str, Any]]:
    """`gangsaw agents --json`, by name."""
    found = json.loads(desk.ask("agents", "--json"))
    return {one["name"]: one for one in found["agents"]}


def given_to(desk: Desk) -> dict[str, str]:
    """Attempt → its agent."""
    return {name: attempt.agent for name, attempt in folded(desk.ground).attempts.items()}


def kill_engine(desk: Desk) -> None:
    pid = desk.engine_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    desk.wait_engine_ended()


def why(desk: Desk, task: str) -> str:
    found = json.loads(desk.ask("why", task, "--json"))
    return str(found["reason"])


def test_each_agent_is_scaled_for_itself(tmp_path: Path) -> None:
    tasks = [*of("one", "a", "b", "c"), *of("two", "d", "e")]
    desk = desk_of(tmp_path, tasks, max_agents=5)
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1", "b.1", "c.1", "d.1", "e.1")
    said = desk.ask("scale", "one=1", "two=0")
    assert "up to 1 of one; no new task for two; what it has begun goes on" in said
    assert len(desk.alive()) == 5, "who is at work goes on"
    known = agents(desk)
    assert (known["one"]["slots"], known["one"]["at_work"]) == (1, 3)
    assert known["two"]["state"] == "scaled_to_0"
    assert known["two"]["attempts"] == ["d.1", "e.1"]
    desk.let_go(*"abcde")
    desk.wait_engine_ended()
    assert set(desk.ground.statuses().values()) == {"landed"}
    assert complaints(desk.ground, desk.needs) == []


def test_what_waits_for_a_drained_agent_says_so_and_outlives_a_kill(tmp_path: Path) -> None:
    desk = desk_of(
        tmp_path, [gated("a", agent="one", priority=1), *of("two", "b"), gated("c", needs=["b"])]
    )
    desk.ask("scale", "two=0", ok=False)  # nothing has run here
    desk.ask("run", str(desk.plan), "--detach", "--max-agents", "1")
    desk.wait_recorded("a.1")
    desk.ask("scale", "two=0", "--key", "drain")
    kill_engine(desk)
    desk.ask("scale", "two=0", "--key", "drain")  # once more: it is one request
    said = desk.ask("scale", "3", "one=2")
    assert "will be carried out by the next: gangsaw run" in said
    assert "there is no agent 'tow'" in desk.ask("scale", "tow=1", ok=False)
    desk.let_go(*"abc")
    done = desk.ground.call("run", "--plain")
    assert done.returncode == 3, f"{done.stdout}{done.stderr}"
    assert why(desk, "b") == "agent two is scaled to 0: gangsaw scale two=1"
    assert desk.started() == {"a.1"}
    assert desk.count("agent.scaled") == 2
    assert folded(desk.ground).seating.scaled == (("two", 0), ("one", 2))
    desk.ask("scale", "two=settings")
    desk.finish()
    assert complaints(desk.ground, desk.needs) == []


def test_an_agent_is_added_to_a_run(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, [*of("one", "a"), gated("b"), gated("c"), gated("d")])
    desk.ground.settings("[agents.sh.env]\nNOTHING = '1'\n")
    path = desk.ground.repo / "gangsaw.toml"
    path.write_text(path.read_text().replace("[agents.sh]\n", "[agents.sh]\nslots = 1\n"))
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1", "b.1")
    assert why(desk, "c") == "for a free slot of agent sh"
    said = desk.ask("agents", "add", "three", ok=False)
    assert "the settings have no agent 'three'; " in said
    path.write_text(path.read_text() + "[agents.three]\nkind = 'command'\n")
    said = desk.ask("agents", "add", "three", ok=False)
    assert "argv is missing" in said
    assert "gangsaw.toml" in said
    path.write_text(path.read_text().replace("[agents.three]\nkind = 'command'\n", THREE))
    said = desk.ask("agents", "add", "three")
    assert "three takes work of this run" in said
    desk.wait_started("c.1", "d.1")
    assert given_to(desk) == {"a.1": "one", "b.1": "sh", "c.1": "three", "d.1": "three"}
    kill_engine(desk)
    desk.ground.git("commit", "-qam", "a third agent")
    desk.ask("agents", "remove", "three")
    desk.let_go(*"abcd")
    desk.finish()
    assert desk.count("agent.added") == 1
    assert desk.count("agent.removed") == 1
    assert complaints(desk.ground, desk.needs) == []


def test_a_removed_agent_ends_what_it_has_begun(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, [*of("one", "a", "b"), gated("c", agent="one", needs=["a"])])
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1", "b.1")
    said = desk.ask("agents", "remove", "one")
    assert "2 that it has begun go on to the end" in said
    assert "removed already" in desk.ask("agents", "remove", "one", ok=False)
    kill_engine(desk)
    desk.let_go(*"abc")
    assert desk.ground.call("run", "--plain").returncode == 3
    assert desk.ground.statuses() == {"a": "landed", "b": "landed", "c": "held"}
    assert why(desk, "c") == "agent one was removed from this run: gangsaw agents add one"
    assert agents(desk)["one"]["state"] == "removed"
    said = desk.ask("agents", "add", "one")
    assert "one takes work again" in said
    desk.finish()
    assert complaints(desk.ground, desk.needs) == []


def test_seats_are_shared_and_the_first_free_agent_is_chosen(tmp_path: Path) -> None:
    more = TWO.replace('account = "shared"', 'account = "shared"\nseats = 3', 1)
    more = more.replace("[agents.one]\n", "[agents.one]\nslots = 2\n")
    desk = desk_of(tmp_path, [gated(name) for name in "abcde"], more, max_agents=5)
    path = desk.ground.repo / "gangsaw.toml"
    path.write_text(path.read_text().replace('agent = "sh"', 'agents = ["one", "two"]', 1))
    desk.ground.git("commit", "-qam", "two agents")
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("a.1", "b.1", "c.1")
    desk.wait_recorded("a.1", "b.1", "c.1")
    assert given_to(desk) == {"a.1": "one", "b.1": "one", "c.1": "two"}
    assert why(desk, "d") == "for a free seat of account shared (at most 3)"
    known = agents(desk)
    assert (known["two"]["account_at_work"], known["two"]["seats"]) == (3, 3)
    desk.let_go("b")
    desk.wait_started("d.1")
    desk.wait_recorded("d.1")
    assert given_to(desk)["d.1"] == "one"
    desk.let_go(*"acde")
    desk.wait_engine_ended()
    assert set(desk.ground.statuses().values()) == {"landed"}
    assert complaints(desk.ground, desk.needs) == []


PAIR = """
[agents.first]
kind = "scripted"
fallback = "second"
{more}

[agents.second]
kind = "scripted"
account = "another"
"""
LIMITED = """#!script
write {0}.txt first
commit first
mood quota {1}
on continue
write {0}.txt second
commit second
end
"""
PLAIN = "#!script\nwrite {0}.txt text\ncommit {0}\n"


def scripted(name: str, script: str, *needs: str) -> dict[str, Any]:
    text = {"prompt": script, "agent": "first", "attempts": 1}
    return {"id": name, "title": f"Task {name}", "needs": list(needs), **text}


def test_a_fallback_begins_tasks_while_a_limit_has_long_to_go(tmp_path: Path) -> None:
    tasks = [
        scripted("a", LIMITED.format("a", 3600)),
        scripted("b", PLAIN.format("b"), "a"),
        gated("g", needs=["b"], agent="sh"),
        scripted("c", PLAIN.format("c"), "g"),
    ]
    desk = desk_of(tmp_path, tasks, PAIR.format(more=""))
    desk.ask("run", str(desk.plan), "--detach")
    desk.wait_started("g.1")
    known = agents(desk)["first"]
    assert (known["state"], known["fallback"]) == ("limited", "second")
    kill_engine(desk)
    desk.let_go("g")
    desk.finish()
    assert given_to(desk) == {"a.1": "second", "b.1": "second", "g.1": "sh", "c.1": "second"}
    found = folded(desk.ground)
    stands = {name: attempt.stands_for for name, attempt in found.attempts.items()}
    assert stands == {"a.1": "", "b.1": "first", "g.1": "", "c.1": "first"}
    assert {known.tries for known in found.task_states.values()} == {0}
    attempt = json.loads(desk.ask("why", "b", "--json"))["attempts"][0]
    assert (attempt["agent"], attempt["stands_for"]) == ("second", "first")
    assert "started with agent second in the place of first, from " in desk.ask("why", "b")


def test_a_limit_that_soon_ends_is_waited_for(tmp_path: Path) -> None:
    tasks = [scripted("a", LIMITED.format("a", 1)), scripted("b", PLAIN.format("b"), "a")]
    desk = desk_of(tmp_path, tasks, PAIR.format(more="fallback_after_s = 600"))
    desk.ask("run", str(desk.plan), "--plain")
    assert given_to(desk) == {"a.1": "first", "b.1": "first"}
    assert desk.count("attempt.parked") == 1
    assert set(desk.ground.statuses().values()) == {"landed"}
