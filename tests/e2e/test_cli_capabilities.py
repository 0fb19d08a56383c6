"""What each real agent program can do, unmodified, through the real `gangsaw run`, against a
scripted model. `docs/reference/agents.md` is generated from what these tests showed.

No account and no network: see `real_agents.py`, where an entry makes a program go through all this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.agents import KINDS
from gangsaw.core.conditions import Condition, sentence
from gangsaw.testing.models import ModelServer
from tests.e2e.conftest import ProgramOf
from tests.e2e.place import WAIT_S, Place
from tests.e2e.real_agents import AGENTS, RealAgent
from tests.e2e.scenarios import scenarios

Figure = Callable[[str, object], None]

pytestmark = pytest.mark.e2e


def entries(capability: str) -> list[Any]:
    """Every program as a parameter, marked with what the test shows of it."""
    return [
        pytest.param(agent, id=agent.name, marks=pytest.mark.capability(agent.name, capability))
        for agent in AGENTS
        if agent.kind in KINDS
    ]


def lacking(agent: RealAgent, capability: str) -> None:
    """Skip what is known not to work, with its reason."""
    if reason := agent.lacks.get(capability):
        pytest.skip(f"LACKING: {reason}")


@pytest.fixture
def place(
    request: pytest.FixtureRequest, agent: RealAgent, program_of: ProgramOf, tmp_path: Path
) -> Iterator[Place]:
    mark = request.node.get_closest_marker("capability")
    lacking(agent, mark.args[1])
    program = program_of(agent.program or agent.kind)
    signed_in = mark.args[1] != "login"
    with ModelServer(scenarios(agent.reset_s, agent.quota_says)) as server:
        yield Place(tmp_path, server, [(agent, program)], signed_in=signed_in)


def task(prompt: str, check: str) -> dict[str, Any]:
    return {"id": "a", "title": "a", "prompt": prompt, "checks": [check]}


@pytest.mark.parametrize("agent", entries("edit"))
def test_it_edits_and_commits_and_tells_what_it_used(
    place: Place, agent: RealAgent, record_property: Figure
) -> None:
    prompt = "Write the file. [[scenario:edit file=a.txt word=ok]]"
    found = place.run([task(prompt, "grep -q ok a.txt")])["a"]
    assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
    assert (place.pg.repo / "a.txt").read_text() == "ok\n"
    assert place.pg.git("status", "--porcelain") == ""
    assert found["tokens"] == agent.tokens
    if agent.cost is not None:
        assert found["cost"] == pytest.approx(agent.cost)
    (ended,) = place.bodies("turn.exited")
    assert (ended["outcome"], ended["condition"]) == ("done", None), place.told()
    record_property(
        "figure",
        f"real {agent.name}: one task landed, {found['tokens']} tokens, {ended['cpu_s']:.1f} s of "
        f"CPU, {ended['memory_max_mb']:.0f} MB",
    )


@pytest.mark.parametrize("agent", entries("repair"))
def test_a_red_check_is_repaired_in_the_resumed_session(place: Place, agent: RealAgent) -> None:
    # What the check prints carries the scenario of the second turn; its command does not.
    place.pg.write("again", "[[scenario:mend file=a.txt]]\n")
    place.pg.git("add", "-A")
    place.pg.git("commit", "-qm", "again")
    prompt = "Write the file. [[scenario:edit file=a.txt word=wrong]]"
    found = place.run([task(prompt, "grep -q ok a.txt || { cat again; false; }")])["a"]
    assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
    assert (place.pg.repo / "a.txt").read_text() == "ok\n"
    mending = place.server.log("mend")
    assert mending, place.told()
    # A session that cannot be loaded is gone on with in a fresh one, which is told the same.
    words = ["Not yet right"] if agent.resumes else ["Not yet right", "still to be put right"]
    assert any(word in mending[0].told for word in words)
    if agent.resumes:
        assert "I will write a.txt." in mending[0].told, "its first turn is not in the session"
        assert len(place.sessions("a.1")) == 1


@pytest.mark.parametrize("agent", entries("continue"))
def test_killed_in_the_middle_it_is_taken_up_again(place: Place, agent: RealAgent) -> None:
    scenario = "stuck_at_once" if agent.untooled else "stuck"
    plan = place.pg.plan([task(f"Begin. [[scenario:{scenario}]]", "grep -q half begun.txt")])
    engine = place.pg.start("run", plan)
    try:
        assert place.server.wait_for_gate("halfway", WAIT_S), place.told()
        if agent.resumes and not agent.untooled:
            place.pg.wait_for(
                lambda: place.is_saved(agent.saved), "the session to be saved", WAIT_S
            )
        place.kill_agent()
        place.server.open_gate("halfway")
        assert engine.wait(WAIT_S) == 0, place.told()
    finally:
        place.server.open_gate("halfway")
        if engine.poll() is None:
            place.pg.call("kill")
            engine.wait(WAIT_S)
    exits = place.bodies("turn.exited")
    if not agent.resumes:
        exits = [one for one in exits if one["condition"] != "session_lost"]
    assert [one["outcome"] for one in exits] == ["crashed", "done"], place.told()
    assert exits[0]["condition"] == "crashed"
    found = place.tasks()["a"]
    assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
    assert (place.pg.repo / "begun.txt").read_text() == "half\n"
    if agent.resumes:
        assert len(place.sessions("a.1")) == 1
        if not agent.untooled:
            assert "I begin." in place.server.log(scenario)[-1].told


@pytest.mark.parametrize("agent", entries("quota"))
def test_a_used_up_allowance_parks_it_until_its_reset(place: Place, agent: RealAgent) -> None:
    scenario = "limit_at_once" if agent.untooled else "limit"
    found = place.run([task(f"Begin. [[scenario:{scenario}]]", "grep -q half begun.txt")])["a"]
    assert (found["status"], found["attempts"]) == ("landed", 1), place.told()
    parked = place.bodies("attempt.parked")
    assert parked, place.told()
    assert {one["condition"] for one in parked} == {"quota"}, place.told()
    assert sentence(Condition.QUOTA, agent.name) in parked[0]["text"]
    assert all(one["until"] is not None for one in parked)
    assert place.bodies("turn.exited")[0]["retry_at"] is not None, place.told()
    if agent.resumes:
        assert len(place.sessions("a.1")) == 1
        if not agent.untooled:
            assert "I begin." in place.server.log(scenario)[-1].told


@pytest.mark.parametrize("agent", entries("login"))
def test_a_missing_login_is_named(place: Place, agent: RealAgent) -> None:
    done = place.pg.call(
        "run", place.pg.plan([task("Begin. [[scenario:edit file=a.txt word=ok]]", "true")])
    )
    assert done.returncode != 0, place.told()
    (ended, *_) = place.bodies("turn.exited")
    assert (ended["outcome"], ended["condition"]) == ("refused", "login_missing"), place.told()
    found = place.tasks()["a"]
    assert found["status"] != "landed"
    assert sentence(Condition.LOGIN_MISSING, agent.name) in str(found), place.told()
    assert place.server.log() == []
