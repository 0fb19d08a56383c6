"""`gangsaw config`: the settings in force, and `--config` for every command that reads any."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gangsaw.testing.playground import Playground
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits

SECRET = "sk-ant-" + "a1B2c3D4e5F6g7H8i9J0" * 2


def found(pg: Playground, *arguments: str) -> dict[str, tuple[Any, str]]:
    done = pg.call("config", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert misfits(told, printed_schema("settings")) == []
    return {
        each["key"]: (each["value"], f"{each['origin']['name']}:{each['origin']['line']}")
        for each in told["settings"]
    }


def test_every_layer_has_its_say(pg: Playground) -> None:
    pg.write("m.env", "# machine\nMAX_CONCURRENT_AGENTS=7\nMEMORY_THRESHOLD=66\nCPU_THRESHOLD=50\n")
    own = pg.root / ".config" / "gangsaw"
    own.mkdir(parents=True)
    (own / "config.toml").write_text("[run]\nturns = 9\nmax_agents = 11\n")
    told = found(pg)
    assert told["run.max_agents"] == (11, f"{own / 'config.toml'}:3")
    assert told["run.grace_s"] == (2.0, "gangsaw.toml:10")
    assert told["run.turns"] == (9, f"{own / 'config.toml'}:2")
    assert told["machine.cpu_warn_pct"] == (90.0, "None:None")

    pg.env = {"CPU_THRESHOLD": "40", "CONFIG_FILE": "m.env"}
    told = found(pg)
    assert told["run.max_agents"] == (7, "m.env:2")
    assert told["machine.memory_max_pct"] == (66.0, "m.env:3")
    assert told["machine.cpu_warn_pct"] == (40.0, "CPU_THRESHOLD:None")
    assert found(pg, "-n", "2")["run.max_agents"] == (2, "--max-agents:None")
    pg.write("n.toml", "[run]\nmax_agents = 5\n")
    assert found(pg, "--config", "n.toml")["run.max_agents"] == (5, "n.toml:2")


def test_the_text_is_settings_again_and_says_where_from(pg: Playground) -> None:
    plain = pg.call("config").stdout
    assert "\nmax_agents = 4\n" in plain
    assert "[agents.sh]" in plain
    pg.write("again.toml", plain)
    assert pg.call("config", "--config", "again.toml").stdout == plain
    lines = pg.call("config", "--origin").stdout.splitlines()
    assert [line.split() for line in lines if line.startswith(("max_agents", "turns"))] == [
        ["max_agents", "=", "4", "#", "gangsaw.toml:8"],
        ["turns", "=", "3", "#", "default"],
    ]


def test_no_secret_is_printed(pg: Playground) -> None:
    pg.settings(f'[agents.x]\nkind = "claude"\nenv = {{ ANTHROPIC_API_KEY = "{SECRET}" }}\n')
    for arguments in (("config",), ("config", "--json"), ("config", "--origin")):
        done = pg.call(*arguments)
        assert "ANTHROPIC_API_KEY" in done.stdout
        assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("env", "arguments", "said"),
    [
        (
            {"MEMORY_THRESHOLD": "much"},
            (),
            "environment variable MEMORY_THRESHOLD: must be a number",
        ),
        ({"CONFIG_FILE": "none.env"}, (), "cannot read none.env, named by CONFIG_FILE"),
        ({}, ("--config", "none.env"), "cannot read none.env, named by --config"),
        ({"GANGSAW_CONFIG_FILE": "bad.env"}, (), "bad.env:2:1: MAX_AGENT: unknown key"),
    ],
)
def test_faults_name_what_said_it(
    pg: Playground, env: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    pg.write("bad.env", "\nMAX_AGENT=3\n")
    pg.env = env
    done = pg.call("config", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_other_commands_take_the_file_too(pg: Playground) -> None:
    pg.write("bad.env", "MAX_AGENT=3\n")
    pg.plan([{"id": "a", "prompt": "true"}])
    plan = str(pg.root / "plan.json")
    for arguments in (
        ("run", plan), ("plan", "check", plan), ("prompt", "a", "--plan", plan), ("trust",),
        ("machine",), ("bench", "--no-probe"),
    ):  # fmt: skip
        done = pg.call(*arguments, "--config", "bad.env")
        assert (done.returncode, "bad.env:1:1" in done.stderr) == (2, True), arguments
    wrong = json.loads(pg.call("doctor", "--json", "--config", "bad.env").stdout)
    assert [one["level"] for one in wrong["findings"] if one["about"] == "settings"] == ["wrong"]


def test_a_run_is_only_shown_where_a_variable_says_so_and_no_flag_against_it(
    pg: Playground,
) -> None:
    pg.env = {"DRY_RUN": "true", "MAX_AGENTS": "1"}
    plan = pg.plan([{"id": "a", "prompt": "true", "workspace": "none"}])
    shown = pg.call("run", plan)
    assert shown.returncode == 0
    assert "at most 1 agent at once. Nothing is started." in shown.stdout
    assert pg.call("status").returncode == 2
    assert pg.run(plan, "--no-dry-run")["counts"]["done"] == 1
    started = pg.events()[0]
    assert started["kind"] == "run.started"
    assert started["body"]["limits"]["max_agents"] == 1


def test_the_file_of_a_run_is_over_the_settings_of_the_repository(pg: Playground) -> None:
    pg.write("m.env", "MAX_AGENTS=2\nMEMORY_THRESHOLD=98\nAGENT_LAUNCH_DELAY=0\n")
    plan = pg.plan([{"id": "a", "prompt": "true", "workspace": "none"}])
    pg.run(plan, "--config", "m.env")
    limits = pg.events()[0]["body"]["limits"]
    # The agent is still the one of gangsaw.toml.
    assert (limits["max_agents"], limits["memory_floor_pct"]) == (2, 2.0)
    assert limits["default_agent"] == "sh"
