"""A dry run tells what the real run then does first, and starts nothing itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gangsaw.testing.playground import Playground
from tests.cli.shapes import misfits

EXAMPLES = 4


@st.composite
def bodies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to seven tasks as a plan file has them."""
    count = draw(st.integers(1, 7))
    tasks = []
    for n in range(count):
        needs = draw(st.sets(st.integers(0, n - 1), max_size=2)) if n else set[int]()
        body: dict[str, Any] = {"id": f"t{n}", "needs": [f"t{each}" for each in sorted(needs)]}
        if draw(st.booleans()):
            body["track"] = "one"
        body["scope"] = draw(st.sampled_from([["all"], ["src/"], ["src/a.txt"], [f"f{n}"]]))
        body["priority"] = draw(st.sampled_from([0, 5]))
        body["agent"] = draw(st.sampled_from(["sh", "second"]))
        body["workspace"] = draw(st.sampled_from(["none", "worktree"]))
        tasks.append(body)
    return tasks


def admitted(ground: Playground) -> list[dict[str, Any]]:
    """The admissions of the last run so far, in order."""
    lines = ground.call("events", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    return [event["body"] for event in events if event["kind"] == "attempt.admitted"]


@given(body=bodies(), agents=st.integers(1, 3))
@settings(
    max_examples=EXAMPLES, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_the_real_run_begins_as_the_dry_run_says(
    tmp_path: Path, body: list[dict[str, Any]], agents: int
) -> None:
    ground = Playground(tmp_path / str(len(list(tmp_path.iterdir()))))
    ground.settings(
        '[agents.second]\nkind = "command"\nargv = ["sh", "-eu", "{task_prompt_file}"]\n'
        'slots = 1\n[honesty]\noutside_scope = "off"\n'
    )
    go = str(ground.root / "go")
    prompt = f"while [ ! -e {go} ]; do sleep 0.05; done; date > $GANGSAW_TASK.txt"
    plan = ground.plan([{**each, "prompt": prompt} for each in body])
    words = ("--max-agents", str(agents))
    told = json.loads(ground.call("run", plan, "--dry-run", "--json", *words).stdout)
    assert not (ground.repo / ".git" / "gangsaw" / "journal.db").exists()
    first = told["steps"][0]["start"]
    tasks = {each["task"]: each for each in told["tasks"]}
    engine = ground.start("run", plan, "--plain", *words)
    try:
        ground.wait_for(
            lambda: "turn.started" in ground.call("events").stdout
            and len(admitted(ground)) >= len(first), "the first tasks started",
        )  # fmt: skip
        really = admitted(ground)
        assert [each["task"] for each in really] == first
        assert [each["agent"] for each in really] == [tasks[name]["agent"] for name in first]
        assert {each["base"] for each in really} == {told["base"]}
        Path(go).touch()
        engine.wait(120)
        assert sorted(each["task"] for each in admitted(ground)) == sorted(
            {name for step in told["steps"] for name in step["start"]}
        )
    finally:
        ground.call("kill")
        engine.wait(60)


def test_a_dry_run_tells_everything(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=2)
    ground.settings('[checks]\nrun = ["true"]\n')
    plan = ground.plan(
        [
            {"id": "api", "prompt": "Write the API.", "track": "server", "model": "large",
             "checks": ["test -f api.py"], "stages": ["work", "approve"]},
            {"id": "ui", "prompt": "Draw it.", "needs": ["api"], "agent": "sh"},
        ]
    )  # fmt: skip
    said = ground.call("run", plan, "--dry-run").stdout
    for part in ("Onto main, from ", "Checks of every task: true", "  api  agent scripted (large)",
                 "track server", "checks: test -f api.py", "after api", "agent sh"):  # fmt: skip
        assert part in said, said
    assert "Write the API." not in said
    verbose = ground.call("run", plan, "--dry-run", "--verbose").stdout
    assert "    | Write the API." in verbose
    told = json.loads(ground.call("run", plan, "--dry-run", "--json", "--verbose").stdout)
    schema = json.loads(ground.call("schema", "dry-run").stdout)
    assert misfits(told, schema) == []
    assert told["tasks"][0]["prompt"] == ground.call("prompt", "api", "--plan", str(plan)).stdout
    assert ground.call("run", plan, "--verbose").returncode == 2


def test_simulate_learns_from_runs(tmp_path: Path) -> None:
    ground = Playground(tmp_path, agent="scripted", max_agents=2)
    script = "#!script\nusage 100 20 0.25\nsleep 0.3\nwrite {n}.txt x\ncommit {n}\n"
    tasks = [{"id": f"t{n}", "prompt": script.format(n=n), "checks": ["true"]} for n in range(3)]
    plan = ground.plan(tasks)
    before = ground.call("simulate", plan, "--agents", "1..3").stdout
    assert "3 guessed as 10 min 00 s" in before
    assert "Cost: unknown" in before
    ground.run(plan)
    words = ("simulate", plan, "--agents", "1,3", "--json")
    after = json.loads(ground.call(*words).stdout)
    assert misfits(after, json.loads(ground.call("schema", "simulate").stdout)) == []
    assert [each["agents"] for each in after["outcomes"]] == [1, 3]
    assert after["guessed"] is False
    assert after["cost_usd"] == 0.75
    assert all(each["seconds"]["value"] >= 0.3 for each in after["tasks"])
    assert after["outcomes"][0]["makespan_s"] > after["outcomes"][1]["makespan_s"] > 0.3
    assert after == json.loads(ground.call(*words).stdout)


def test_numbers_of_agents_that_make_no_sense(tmp_path: Path) -> None:
    ground = Playground(tmp_path)
    plan = ground.plan([{"id": "a", "prompt": "true"}])
    for wrong in ("0", "4..2", "x", "1..100000", "1..100", ""):
        done = ground.call("simulate", plan, "--agents", wrong)
        assert done.returncode == 2
        assert "try: --agents" in done.stderr
