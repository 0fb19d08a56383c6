"""`kill -9` before and after every durable step of a run, and again while it recovers.

The run is small and passes every kind of step. A life is a fork of a process that has imported the
program and started nothing; the first test proves that such a life is the real program's.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import gangsaw
from gangsaw.testing.endstate import EndState, end_state
from gangsaw.testing.moments import points_in
from gangsaw.testing.playground import Playground
from gangsaw.testing.warm import Warm
from tests.run.crash_ground import live, small_ground, wrong_after
from tests.run.crash_moments import EXCUSED, KINDS, MOMENTS, OCCASIONAL, SIDES

LONG = bool(os.environ.get("GANGSAW_LONG"))
PAIRS = int(os.environ.get("GANGSAW_PAIRS", "300" if LONG else "6"))
LATER = 100 if LONG else 4
LATER_MAX = 6
"""Kills at the second to the sixth passing of a moment."""
ROOMS = ("engine", "git", "procs", "sources", "store", "verify")
LIFE_MAX_S = 240.0
Figure = Callable[[str, object], None]


@dataclass
class Yard:
    """What the lives of one process of tests have in common."""

    warm: Warm
    template: Playground
    expected: EndState


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """A template of the ground, and the end state of the run that nobody disturbed."""
    root = tmp_path_factory.mktemp("crashes")
    template = small_ground(root / "template")
    with Warm() as warm:
        calm = Playground(root / "calm", like=template)
        assert live(warm, calm, "--calm") == 0, (calm.root / "output").read_text()
        assert wrong_after(calm, None) == []
        yield Yard(warm, template, end_state(calm))


def passings(file: Path) -> Counter[str]:
    return Counter(file.read_text().splitlines())


@pytest.mark.guarantee("G1", "G3", "G4", "G7", "G9")
def test_a_warm_life_is_that_of_the_program(
    tmp_path: Path, yard: Yard, record_property: Figure
) -> None:
    real = Playground(tmp_path / "real", like=yard.template)
    done = subprocess.run(
        [sys.executable, "-m", "gangsaw.testing.faulty", "--list", str(real.root / "points"),
         "--", "run", str(real.root / "plan.json"), "--plain"],
        cwd=real.repo, env=real.environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIFE_MAX_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert wrong_after(real, yard.expected) == []
    warm = Playground(tmp_path / "warm", like=yard.template)
    assert live(yard.warm, warm, "--list", str(warm.root / "points")) == 0

    found = [passings(ground.root / "points") for ground in (real, warm)]
    usual = [{side for side in each if moment_of(side) not in OCCASIONAL} for each in found]
    assert usual[0] == usual[1] == set(SIDES)
    assert len(MOMENTS) >= 60
    record_property(
        "figure",
        f"crash points: {len(MOMENTS)} moments of {len(KINDS)} durable steps, {len(SIDES)} sides, "
        f"{found[0].total()} passings in one small run; kill -9 at every side, at {LATER} later "
        f"passings and at {PAIRS} pairs (one during recovery): the end state always the same",
    )
    record_property("figure", f"crash points, all of them: {'; '.join(MOMENTS)}")


def moment_of(side: str) -> str:
    return side.rpartition(":")[0]


def test_no_durable_step_is_forgotten() -> None:
    package = Path(gangsaw.__file__).parent
    in_source = {name for room in ROOMS for name in points_in(package / room)}
    assert in_source == set(KINDS) | set(EXCUSED)


def kills_and_end(yard: Yard, root: Path, kills: list[str]) -> int:
    """Kill a run at each of the places in turn, let it go to its end, and judge it; how many of
    the kills were reached."""
    ground = Playground(root, like=yard.template)
    reached = sum(live(yard.warm, ground, kill) == -signal.SIGKILL for kill in kills)
    code = live(yard.warm, ground, "--calm")
    said = (ground.root / "output").read_text()
    assert code == 0, said
    assert wrong_after(ground, yard.expected) == [], said
    shutil.rmtree(root)  # hundreds of them would fill a disk
    return reached


@pytest.mark.parametrize("side", SIDES)
def test_killed_at(side: str, yard: Yard, tmp_path: Path) -> None:
    assert kills_and_end(yard, tmp_path / "ground", [f"{side}:1"]) == 1, "it was not reached"


def later_kills() -> list[str]:
    rng = random.Random(11)
    return [f"{rng.choice(SIDES)}:{rng.randint(2, LATER_MAX)}" for _ in range(LATER)]


@pytest.mark.parametrize("kill", later_kills())
def test_killed_at_a_later_passing(kill: str, yard: Yard, tmp_path: Path) -> None:
    """Reached or not: not every moment comes that often."""
    kills_and_end(yard, tmp_path / "ground", [kill])


def pairs() -> list[str]:
    rng = random.Random(7)
    return [" ".join(f"{side}:1" for side in rng.choices(SIDES, k=2)) for _ in range(PAIRS)]


@pytest.mark.parametrize("pair", [pytest.param(pair.split(":1 "), id=pair) for pair in pairs()])
def test_killed_while_it_recovers(pair: list[str], yard: Yard, tmp_path: Path) -> None:
    """The second may lie in what is not done again."""
    kills = [f"{pair[0]}:1", pair[1]]
    assert kills_and_end(yard, tmp_path / "ground", kills) >= 1
