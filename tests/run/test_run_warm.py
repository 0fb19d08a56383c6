"""A command in a fork of a process that has imported the program is that of a process of its own.

Most tests give their commands so (see `gangsaw.testing.warm`); here they are given both ways.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gangsaw.testing.endstate import end_state
from gangsaw.testing.playground import COMMAND_MAX_S, Playground
from gangsaw.testing.warm import Commands
from tests.run.crash_ground import small_ground, wrong_after

WORDS = [
    ["status"], ["status", "--json"], ["why", "second"], ["events", "--json"], ["report"],
    ["diff", "first"], ["logs", "second"], ["queue"], ["machine", "--help"], ["run", "--nothing"],
    ["statsu"], ["status", "--run", "r9"], ["plan", "check", "../nowhere.yaml"],
]  # fmt: skip
OF_THE_MOMENT = re.compile(r"\d+(\.\d+)?(?= s\b)|\b\d+:\d\d\b|\"now\": ?[\d.]+")


@pytest.fixture
def commands() -> Iterator[Commands]:
    with Commands() as made:
        yield made


def cold(ground: Playground, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ground.argv(*words), cwd=ground.repo, env=ground.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=COMMAND_MAX_S, check=False,
    )  # fmt: skip


def warm(
    commands: Commands, ground: Playground, words: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    done = commands.call(words, cwd=ground.repo, env=ground.environment(), timeout_s=COMMAND_MAX_S)
    assert done is not None
    return done


def told(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """All of it, but for what depends on when it was asked."""
    said = (OF_THE_MOMENT.sub("…", text) for text in (done.stdout, done.stderr))
    return done.returncode, *said  # type: ignore[return-value]


def test_commands_say_and_leave_the_same_both_ways(tmp_path: Path, commands: Commands) -> None:
    template = small_ground(tmp_path / "template")
    grounds = [Playground(tmp_path / name, like=template) for name in ("cold", "warm")]
    words = ["run", str(grounds[0].root / "plan.json"), "--json"]
    one = cold(grounds[0], words)
    other = warm(commands, grounds[1], ["run", str(grounds[1].root / "plan.json"), "--json"])
    assert (one.returncode, other.returncode) == (0, 0), one.stderr + other.stderr
    expected = end_state(grounds[0])
    assert [wrong_after(ground, expected) for ground in grounds] == [[], []]

    ground = grounds[0]
    for words in WORDS:
        assert told(cold(ground, words)) == told(warm(commands, ground, words)), words


def test_what_it_leaves_in_the_background_outlives_it(tmp_path: Path, commands: Commands) -> None:
    ground = Playground(tmp_path / "ground")
    task = {"id": "a", "prompt": "echo a > a; git add a; git commit -qm a", "checks": ["test -f a"]}
    words = ["run", str(ground.plan([task])), "--detach"]
    assert warm(commands, ground, words).returncode == 0
    ground.wait_for(lambda: "a" in ground.git("ls-tree", "--name-only", "main").split(), "a landed")


def test_a_start_of_its_own_where_an_interpreter_would_notice(
    tmp_path: Path, commands: Commands
) -> None:
    ground = Playground(tmp_path / "ground", env={"PYTHONPATH": os.devnull})
    asked = commands.call(
        ["status"], cwd=ground.repo, env=ground.environment(), timeout_s=COMMAND_MAX_S
    )
    assert asked is None


def test_one_that_takes_too_long_is_ended(tmp_path: Path, commands: Commands) -> None:
    ground = Playground(tmp_path / "ground")
    plan = ground.plan([{"id": "a", "prompt": "sleep 600", "checks": ["true"]}])
    with pytest.raises(subprocess.TimeoutExpired):
        commands.call(
            ["run", str(plan), "--plain"], cwd=ground.repo, env=ground.environment(), timeout_s=0
        )
    assert warm(commands, ground, ["kill"]).returncode == 0
    assert warm(commands, ground, ["kill"]).stdout.count("nothing") == 1
