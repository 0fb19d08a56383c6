"""What `doctor` says of agents, with small programs in the place of the real ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gangsaw.cli.agent_checkup import Range, check_agents, range_of
from gangsaw.cli.findings import Level
from gangsaw.core.settings import AgentSettings, Settings
from gangsaw.testing.playground import Playground

SECRET = "planted-secret-of-this-test"
WAIT = "n=0; until test -e {file}; do n=$((n + 1)); test $n -lt 300; sleep 0.05; done"

ADAPTER = """
from gangsaw.agents.protocol import Program

class Mine:
    kind = "mine"
    resumes = False
    program = Program(
        "mine", ("version",), tested=("2.0", "3"), install="get mine", sign_in="mine login",
        keys=("MINE_KEY", "MINE_TOKEN"), key_files=(".mine/token",), node_min=22,
        traps=("it is slow", "with Node.js below 22 it is slower"),
    )
    variables = ("MINE_*", "!MINE_TOKEN")
    launch = interactive = reader = print
"""


class Machine:
    """A playground whose PATH has git and what a test puts there, and nothing else."""

    def __init__(self, root: Path) -> None:
        self.bin = root / "bin"
        self.bin.mkdir()
        for name in ("git", "sh", "sleep", "cat"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)
        self.pg = Playground(root / "ground", env={"PATH": str(self.bin), "XDG_CONFIG_HOME": ""})
        self.home = self.pg.root
        config = self.home / ".config/gangsaw/config.toml"
        config.parent.mkdir(parents=True)
        (self.home / "mine.py").write_text(ADAPTER)
        config.write_text('[agents.mine]\nkind = "~/mine.py:Mine"\n')
        for name in ("MINE_KEY", "MINE_TOKEN"):
            self.pg.env[name] = ""

    def program(self, name: str, lines: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return path

    def doctor(self) -> dict[str, Any]:
        done = self.pg.call("doctor", "--json")
        assert SECRET not in done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def said(found: dict[str, Any], about: str = "agent mine") -> tuple[str, str, str | None]:
    """Level, text and mend of one finding."""
    fitting = [one for one in found["findings"] if one["about"] == about]
    assert len(fitting) == 1, found
    return fitting[0]["level"], fitting[0]["text"], fitting[0]["mend"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def agent_of(found: dict[str, Any], name: str = "mine") -> dict[str, Any]:
    return next(dict(agent) for agent in found["agents"] if agent["name"] == name)


def test_one_that_is_there_and_tested(machine: Machine) -> None:
    # It reads its input to the end, as some do that wait for a terminal: there is none.
    path = machine.program("mine", 'cat; test "$1" = version; echo mine 2.7.1, a program')
    found = machine.doctor()
    assert said(found) == ("ok", f"2.7.1 ({path})\nknown: it is slow", None)
    agent = agent_of(found)
    assert (agent["version"], agent["range"], agent["path"]) == ("2.7.1", "tested", str(path))
    assert (agent["tested"], agent["signed_in"], agent["node"]) == (["2.0", "3"], False, None)


def test_one_that_is_not_there(machine: Machine) -> None:
    found = machine.doctor()
    level, text, mend = said(found)
    assert (level, text) == ("odd", "'mine' is not on PATH\nknown: it is slow")
    assert mend == "get mine; or give its path in [agents.mine]"
    assert agent_of(found)["path"] is None
    # Kinds that nobody asked for are one line, with how to get them.
    level, text, mend = said(found, "other agents")
    assert (level, mend) == ("ok", None)
    assert "claude: npm install -g @anthropic-ai/claude-code@latest" in text.splitlines()
    machine.pg.settings('[agents.claude]\nkind = "claude"\nmodel = "m"\n')
    level, text, mend = said(machine.doctor(), "agent claude")
    assert (level, "is not on PATH" in text) == ("odd", True)
    config = machine.home / ".config/gangsaw/config.toml"
    config.write_text(config.read_text() + '[run]\nagent = "claude"\n')
    found = machine.doctor()
    assert said(found, "agent claude")[0] == "wrong"
    assert found["ok"] is False


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        ("1.9.9", "odd", "is older than what gangsaw is tested with (2.0 and newer)"),
        ("3.0", "ok", "is newer than what gangsaw is tested with (below 3); it may well work"),
    ],
)
def test_versions_out_of_range(machine: Machine, version: str, level: str, words: str) -> None:
    path = machine.program("mine", f"echo v{version}")
    found, text, mend = said(machine.doctor())
    assert (found, mend) == (level, "get mine" if level == "odd" else None)
    assert f"{version} ({path}) {words}" in text


def test_an_old_node_is_told_where_it_matters(machine: Machine) -> None:
    path = machine.program("mine", "echo 1.0")
    machine.program("node", "echo v20.20.2")
    found = machine.doctor()
    assert said(found)[1].splitlines() == [
        f"1.0 ({path}) is older than what gangsaw is tested with (2.0 and newer)",
        "known: it is slow",
        "known: with Node.js below 22 it is slower",
        "Node.js is 20.20.2 here, the newest versions of mine ask for 22",
    ]
    assert agent_of(found)["node"] == "20.20.2"
    machine.program("node", "echo v24.1.0")
    assert "Node.js" not in said(machine.doctor())[1]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("echo cannot start >&2; exit 3", "'mine version' does not work: cannot start"),
        ("exit 3", "'mine version' does not work: it said nothing"),
        ("echo 2.2; kill -9 $$", "'mine version' does not work: 2.2"),
    ],
)
def test_one_that_does_not_work(machine: Machine, lines: str, words: str) -> None:
    path = machine.program("mine", lines)
    assert said(machine.doctor()) == ("wrong", f"{words} ({path})", "get mine")


def test_one_that_hangs_is_ended(machine: Machine) -> None:
    pid = machine.home / "pid"
    path = machine.program("mine", f"echo 2.2; echo $$ > {pid}; sleep 300")
    agent = AgentSettings("m", f"{machine.home}/mine.py:Mine")
    environ = {"PATH": str(machine.bin), "HOME": str(machine.home)}
    # So long that it has surely begun: what is shown is that it is ended.
    [report] = check_agents(Settings(agents=(agent,)), environ, timeout_s=3)
    finding = report.findings[0]
    assert finding.level is Level.WRONG
    assert finding.text == f"'mine version' did not end within 3 s ({path})"
    if pid.exists():
        assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_all_are_asked_at_once(machine: Machine) -> None:
    """Each waits for the other to have begun."""
    for name, other in (("mine", "claude"), ("claude", "mine")):
        begun, awaited = machine.home / name, machine.home / f"{other}"
        begun_line = f": > {begun}; {WAIT.format(file=awaited)}"
        machine.program(name, f"set -e; {begun_line}; echo 2.1.5")
    found = machine.doctor()
    assert [agent_of(found, name)["version"] for name in ("mine", "claude")] == ["2.1.5", "2.1.5"]


def _by_key(machine: Machine) -> str:
    machine.pg.env["MINE_KEY"] = SECRET
    return "MINE_KEY is set"


def _by_file(machine: Machine) -> str:
    path = machine.home / ".mine" / "token"
    path.parent.mkdir()
    path.write_text(SECRET)
    return "~/.mine/token is there"


@pytest.mark.parametrize("sign_in", [_by_key, _by_file])
def test_a_sign_in_is_told_and_its_value_is_not(
    machine: Machine, sign_in: Callable[[Machine], str]
) -> None:
    machine.program("mine", "echo 2.2")
    about = "agent mine sign-in"
    found = machine.doctor()
    missing = ("odd", "no sign of being signed in", "mine login, or: set MINE_KEY")
    assert said(found, about) == missing
    assert agent_of(found)["signed_in"] is False
    text = sign_in(machine)
    found = machine.doctor()
    assert said(found, about) == ("ok", text, None)
    agent = agent_of(found)
    assert agent["signed_in"] is True
    assert agent["signed_in_by"] == text.split()[0]
    printed = machine.pg.call("doctor").stdout
    assert text in printed
    assert SECRET not in printed


def test_a_key_that_does_not_reach_the_agent(machine: Machine) -> None:
    machine.program("mine", "echo 2.2")
    machine.pg.env["MINE_TOKEN"] = SECRET
    (machine.home / ".mine").mkdir()
    (machine.home / ".mine/token").touch()  # an empty file is no sign
    level, text, mend = said(machine.doctor(), "agent mine sign-in")
    assert (level, text) == ("odd", "MINE_TOKEN is set, but does not reach the agent")
    assert mend == 'pass_env = ["MINE_TOKEN"] in [agents.mine]'


def test_a_command_is_asked_only_if_it_is_a_known_program(machine: Machine) -> None:
    proof = machine.home / "asked"
    unknown = machine.program("any-cli", f": > {proof}; echo 9.9")
    known = machine.program("claude", "echo 2.1.7")
    for name in ("any-cli", "claude"):
        machine.pg.settings(
            f'[agents.with-{name}]\nkind = "command"\nargv = ["{name}", "{{prompt_file}}"]\n'
        )
    found = machine.doctor()
    assert said(found, "agent with-any-cli") == ("ok", str(unknown), None)
    assert not proof.exists()
    assert said(found, "agent with-claude")[1] == f"2.1.7 ({known})"


def test_a_broken_adapter_is_named_with_its_file(machine: Machine) -> None:
    (machine.home / "mine.py").write_text(ADAPTER.replace("resumes", "resumed"))
    level, text, _ = said(machine.doctor(), "settings")
    assert level == "wrong"
    assert f"cannot use the adapter {machine.home}/mine.py:Mine: it lacks resumes" in text


@pytest.mark.parametrize(
    ("version", "tested", "found"),
    [
        ("2.1.329", ("2.1.0", "2.2"), Range.TESTED),
        ("2.10", ("2.9", "2.11"), Range.TESTED),
        ("2.1", ("2.1.0", "2.2"), Range.OLDER),
        ("2.2.0", ("2.1.0", "2.2"), Range.NEWER),
        ("1.0", ("", "2"), Range.TESTED),
        ("9", ("2", ""), Range.TESTED),
        ("1.0", ("", ""), Range.UNKNOWN),
        ("", ("1", "2"), Range.UNKNOWN),
        ("no version told", ("1", "2"), Range.UNKNOWN),
    ],
)
def test_ranges(version: str, tested: tuple[str, str], found: Range) -> None:
    assert range_of(version, tested) is found


def test_the_machine_has_no_other_programs(machine: Machine) -> None:
    assert set(os.listdir(machine.bin)) == {"git", "sh", "sleep", "cat"}
    assert agent_of(machine.doctor(), "claude")["path"] is None
