"""`gangsaw bench`: what is measured and what is written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gangsaw.cli.config_value import MEASURED, with_max_agents
from gangsaw.core.errors import UserError
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import processes_of
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits

KEYS = (
    "CPU_CORES TOTAL_RAM_MB AVAILABLE_RAM_MB MAX_CONCURRENT_AGENTS CONSERVATIVE_MAX_AGENTS "
    "RISK_LEVEL MEMORY_THRESHOLD CPU_THRESHOLD DISK_THRESHOLD AGENT_LAUNCH_DELAY"
).split()
HELD_MB = 90
# Waits for a prompt like the real one, with a daemon of its own, and notes what it was given.
FAKE = f"""#!{sys.executable}
import os, subprocess, sys
held = b"x" * ({HELD_MB} << 20)
subprocess.Popen(["sleep", "86391"], start_new_session=True)
open(os.environ["NOTES"], "a").write(" ".join(sys.argv[1:]) + "\\n")
got = sys.stdin.read()
open(os.environ["NOTES"], "a").write("was told " + repr(got) + "\\n")
"""


def bench(pg: Playground, *arguments: str) -> dict[str, Any]:
    done = pg.call("bench", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert misfits(told, printed_schema("bench")) == []
    return told


def fake(pg: Playground, name: str = "claude") -> None:
    program = pg.root / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(FAKE)
    program.chmod(0o755)
    notes = pg.root / "notes"
    pg.settings(
        f'[agents.{name}]\nkind = "{name}"\nbinary = "{program}"\nenv = {{ NOTES = "{notes}" }}\n'
    )


def test_an_agent_is_started_without_a_prompt_measured_whole_and_gone(pg: Playground) -> None:
    fake(pg)
    told = bench(pg, "--no-write")
    by_name = {each["agent"]: each for each in told["agents"]}
    claude = by_name["claude"]
    assert (claude["how"], claude["kind"]) == ("idle", "claude")
    assert HELD_MB <= claude["peak_mb"] < HELD_MB + 60
    assert claude["processes"] >= 2
    assert claude["expected_mb"] == claude["peak_mb"] + 768
    # Of a program that only its settings know, nobody can say what it does.
    assert (by_name["sh"]["how"], by_name["sh"]["peak_mb"]) == ("assumed", None)
    notes = (pg.root / "notes").read_text().splitlines()
    assert notes == ["-p --input-format stream-json --output-format stream-json --verbose"]
    assert processes_of(pg.root) == []


def test_a_program_that_does_not_wait_is_measured_as_far_as_it_goes(pg: Playground) -> None:
    fake(pg)
    program = pg.root / "bin" / "claude"
    program.write_text(f"#!{sys.executable}\nheld = b'x' * ({HELD_MB} << 20)\n")
    claude = next(each for each in bench(pg, "--no-write")["agents"] if each["agent"] == "claude")
    assert claude["peak_mb"] >= HELD_MB
    assert claude["expected_mb"] == 512 + 768
    assert "until it ended" in claude["text"]


def test_no_agent_is_started_where_nobody_wants_that(pg: Playground) -> None:
    fake(pg)
    assert bench(pg, "--no-write", "--no-probe")["agents"] == []
    assert not (pg.root / "notes").exists()


def test_figures_and_reasons(pg: Playground) -> None:
    told = bench(pg, "--no-probe", "--no-write")
    assert 1 <= told["conservative"] <= told["recommended"]
    assert told["disk_write_mb_s"] > 0 < told["disk_files_s"]
    assert [reason.split(":")[0] for reason in told["reasons"][:3]] == [
        "processors", "memory", "disk",
    ]  # fmt: skip
    text = pg.call("bench", "--no-probe", "--no-write").stdout
    assert f"Recommended: {told['recommended']} concurrent" in text
    assert f"Risk: {told['risk']}" in text
    left = [path.name for path in (pg.repo / ".git" / "gangsaw").iterdir()]
    assert not [name for name in left if "bench" in name]


def test_a_budget_of_memory_is_the_machine_that_is_counted_with(pg: Playground) -> None:
    more = pg.root / "more.toml"
    more.write_text("[machine]\nmemory_budget_mb = 1600\n")
    told = bench(pg, "--no-probe", "--no-write", "--config", str(more))
    assert told["recommended"] == 1
    assert any("of 1600 MB stay free" in reason for reason in told["reasons"])
    assert "counted with memory_budget_mb = 1600 of the settings" in told["notes"]


def test_the_number_is_written_and_taken_back(pg: Playground) -> None:
    file = pg.repo / "gangsaw.toml"
    before = file.read_bytes()
    # A person has chosen: that stays.
    told = bench(pg, "--no-probe")
    number = told["recommended"]
    assert told["written"] == []
    assert "a max_agents of your own" in " ".join(told["notes"])
    assert file.read_bytes() == before

    assert bench(pg, "--no-probe", "--force")["written"] == ["gangsaw.toml"]
    changed = before.decode().replace("max_agents = 4", f"max_agents = {number}  {MEASURED}")
    assert file.read_text() == changed
    # What is written is the program's own, so it may be measured anew.
    file.write_text(changed.replace(f"max_agents = {number}", "max_agents = 999"))
    assert bench(pg, "--no-probe")["written"] == ["gangsaw.toml"]
    assert file.read_text() == changed
    assert bench(pg, "--no-probe")["written"] == []


def test_without_a_file_it_is_written_as_init_would_and_init_takes_it_back(pg: Playground) -> None:
    file = pg.repo / "gangsaw.toml"
    file.unlink()
    number = bench(pg, "--no-probe")["recommended"]
    assert f"\nmax_agents = {number}  {MEASURED}\n" in file.read_text()
    assert "# deliver = " in file.read_text()
    assert pg.call("config", "--origin").returncode == 0
    assert pg.call("init", "--undo").returncode == 0
    assert not file.exists()


def test_settings_within_pyproject_are_left_to_their_author(pg: Playground) -> None:
    (pg.repo / "gangsaw.toml").unlink()
    pg.write("pyproject.toml", "[tool.gangsaw.run]\nturns = 2\n")
    told = bench(pg, "--no-probe")
    assert told["written"] == []
    assert "below [tool.gangsaw.run]" in " ".join(told["notes"])
    assert not (pg.repo / "gangsaw.toml").exists()


def test_the_variable_with_the_last_word_is_named(pg: Playground) -> None:
    pg.env = {"MAX_AGENTS": "3"}
    assert "the variable MAX_AGENTS has the last word" in " ".join(bench(pg, "--no-probe")["notes"])


def test_the_file_of_lines(pg: Playground) -> None:
    pg.env = {"MEMORY_THRESHOLD": "71.5"}
    path = pg.root / "machine.env"
    told = bench(pg, "--no-probe", "--no-write", "--env", str(path))
    assert told["written"] == [str(path)]
    lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    pairs = dict(line.split("=") for line in lines)
    assert list(pairs) == KEYS
    assert pairs["MAX_CONCURRENT_AGENTS"] == str(told["recommended"])
    assert (pairs["MEMORY_THRESHOLD"], pairs["DISK_THRESHOLD"]) == ("71.5", "100")
    pg.env = {}
    shown = json.loads(pg.call("config", "--json", "--config", str(path)).stdout)["settings"]
    values = {each["key"]: each["value"] for each in shown}
    assert values["run.max_agents"] == told["recommended"]
    assert values["machine.memory_max_pct"] == 71.5

    # Its own file it writes again; another it leaves alone.
    bench(pg, "--no-probe", "--no-write", "--env", str(path))
    path.write_text("MAX_AGENTS=3\n")
    refused = pg.call("bench", "--no-probe", "--no-write", "--env", str(path))
    assert (refused.returncode, "try: --force" in refused.stderr) == (2, True)
    assert path.read_text() == "MAX_AGENTS=3\n"
    bench(pg, "--no-probe", "--no-write", "--env", str(path), "--force")
    assert "CPU_CORES=" in path.read_text()


def test_bench_outside_of_any_repository(pg: Playground, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = pg.call("bench", "--env", "x.env", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["x.env"]


@pytest.mark.parametrize(
    ("text", "force", "changed"),
    [
        ("", False, "[run]\nmax_agents = 6  #"),
        ("[checks]\nrun = []\n", False, "[checks]\nrun = []\n\n[run]\nmax_agents = 6  #"),
        ("[run]\nturns = 2\n", False, "[run]\nmax_agents = 6  #\nturns = 2\n"),
        ("[run] # x\r\nturns = 2\r\n", False, "[run] # x\r\nmax_agents = 6  #\r\nturns = 2\r\n"),
        ("[run]\nmax_agents = 6\n", False, "[run]\nmax_agents = 6\n"),
        ("[run]\nmax_agents = 5\n", False, None),
        ("[run]\nmax_agents = 5\n", True, "[run]\nmax_agents = 6  #\n"),
        ("[run]\nmax_agents = 5 # five\n", True, "[run]\nmax_agents = 6 # five\n"),
    ],
)
def test_one_value_is_changed_and_nothing_else(text: str, force: bool, changed: str | None) -> None:
    found = with_max_agents(text, 6, force=force)
    if changed is None:
        assert found is None
    else:
        assert found is not None
        wanted = changed.replace("#\n", f"{MEASURED}\n").replace("#\r", f"{MEASURED}\r")
        assert found == (f"{wanted[:-1]}{MEASURED}\n" if wanted.endswith("#") else wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("run.max_agents = 5\n", "the way it is written; try writing max_agents = 6 below [run]"),
        ("run = {turns = 2}\n", "the way it is written"),
        ("[run\n", "it has faults"),
    ],
)
def test_what_only_its_author_should_change(text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        with_max_agents(text, 6, force=True)
    assert said in raised.value.text
