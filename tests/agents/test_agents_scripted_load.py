"""The steps of the scripted agent that press a machine: as much as they say, where they say, and
never longer or more than their bounds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gangsaw.testing import scripted_agent, scripted_load
from gangsaw.testing.scripted_text import BadScript, parse

MARK = "SCRIPTED_LOAD_TEST"
WAIT_S = 60.0
POLL_S = 0.01


def wait_until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not fact():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(POLL_S)


class Stage:
    """One scripted agent in a folder of its own, marked so that the whole family is found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"{MARK}={folder}".encode()
        self.out = folder / "out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, script: str) -> subprocess.Popen[bytes]:
        prompt = self.folder / "task.md"
        prompt.write_text(f"```script\n{script}\n```\n")
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-I", scripted_agent.__file__, str(prompt)],
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], MARK: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def says(self, text: str) -> bool:
        return text in self.out.read_text()

    def wait_for(self, text: str) -> None:
        wait_until(lambda: self.says(text))

    def family(self) -> set[int]:
        """Every process that carries our mark."""
        found = set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if self.mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.add(int(pid))
        return found

    def speaker(self, words: str) -> int:
        line = next(line for line in self.out.read_text().splitlines() if words in line)
        return int(line.split(words)[1].split('"')[0])

    def end_all(self) -> None:
        def ended() -> bool:
            for pid in self.family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.process is not None:
                self.process.poll()
            return not self.family()

        wait_until(ended)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.end_all()


def private_mib(pid: int) -> float:
    """What only this process has in memory."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) / 1024
    return 0.0


@pytest.mark.parametrize("where", ["", "child ", "session ", "daemon "])
def test_it_eats_as_much_as_it_says_and_where(stage: Stage, where: str) -> None:
    process = stage.start(f"eat {where}96 0 until gate\ndone fed")
    stage.wait_for("eating in ")
    eater = stage.speaker("eating in ")
    wait_until(lambda: private_mib(eater) >= 96)
    assert private_mib(eater) < 96 + 24
    assert (eater == process.pid) == (where == "")
    assert (os.getsid(eater) == os.getsid(process.pid)) == (where in ("", "child "))
    assert Path(f"/proc/{eater}/oom_score_adj").read_text() == "1000\n"
    if where == "daemon ":
        stage.wait_for("fed")
        assert process.wait(60) == 0
        assert private_mib(eater) >= 96
    (stage.folder / "gate").touch()
    assert process.wait(60) == 0
    assert stage.says("fed")


def test_it_grows_at_the_given_rate_and_lets_go(stage: Stage) -> None:
    process = stage.start("eat 24 48 0\ndone fed")
    assert process.wait(60) == 0
    assert stage.says("ate 24 MiB")


def test_eating_ends_where_the_machine_has_none_left() -> None:
    # What is to be spared is more than any machine has.
    eating = "Eating('here', 64, 0, 0, spare_mib=1 << 40)"
    program = f"from gangsaw.testing.scripted_load import *\neat({eating}, print)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["ate 0 MiB"]


@pytest.mark.parametrize("where", ["", "child ", "daemon "])
def test_a_bomb_has_as_many_forks_as_it_says(stage: Stage, where: str) -> None:
    # The agent itself, where it does not fork; the one that waits for the child.
    others = {"": 0, "child ": 1, "daemon ": 1}[where]
    stage.start(f"fork-bomb {where}12 60\nhang")
    wait_until(lambda: len(stage.family()) == 13 + others)
    bomb = stage.speaker("forking in ")
    assert os.getsid(bomb) == os.getsid(os.getpid()) or where == "daemon "


def test_a_bomb_forks_again_for_each_that_is_ended(stage: Stage) -> None:
    stage.start("fork-bomb 8 60\nhang")
    wait_until(lambda: len(stage.family()) == 9)
    root = stage.speaker("forking in ")
    children = {int(pid) for pid in Path(f"/proc/{root}/task/{root}/children").read_text().split()}
    before = stage.family()
    os.kill(min(children), signal.SIGKILL)
    wait_until(lambda: bool(stage.family() - before))


def test_a_bomb_is_over_after_its_time_also_without_its_agent(stage: Stage) -> None:
    process = stage.start("fork-bomb daemon 10 2\nhang")
    wait_until(lambda: len(stage.family()) > 5)
    process.kill()
    process.wait(60)
    wait_until(lambda: not stage.family())


def test_the_forks_of_a_bomb_are_counted(stage: Stage) -> None:
    places = scripted_load.Tokens(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    places.give()
    assert [places.take() for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("eat 9000 0 1", "eats from 1 to 8192 MiB"),
        ("eat 0 0 1", "eats from 1 to 8192 MiB"),
        ("eat 10 0", "needs [WHERE] MIB RATE SECONDS"),
        ("eat nowhere 10 0 1", "needs [WHERE] MIB RATE SECONDS"),
        ("eat 10 0 1000", "holds for 180 s at most"),
        ("eat 10 -1 1", "needs a rate from 0 up"),
        ("eat 10 nan 1", "needs a rate from 0 up"),
        ("eat ten 0 1", "invalid literal"),
        ("fork-bomb 201 1", "forks from 1 to 200 processes"),
        ("fork-bomb 2", "needs [WHERE] COUNT SECONDS"),
        ("fork-bomb 2 1e9", "lasts 180 s at most"),
    ],
)
def test_what_would_harm_a_machine_is_refused(line: str, problem: str) -> None:
    with pytest.raises(BadScript, match=r"script line 1: ") as refused:
        parse(line)
    assert problem in str(refused.value)


def test_where_a_path_ends_the_eating() -> None:
    (command,) = parse('eat session 10 5.5 until "a gate"').main.commands
    eating = scripted_load.eating_from(command.arguments)
    assert eating == scripted_load.Eating("session", 10, 5.5, scripted_load.LIFE_MAX_S, "a gate")
