"""Every system call of a shim fails, or is its last: the truth is told, or nothing.

`GANGSAW_LONG` sweeps everything, in every Python there is (`GANGSAW_PYTHONS`: more of them); the
short form sweeps our own Python: the kill and an error at every call of a forked shim, and one of
them at every call of the others.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gangsaw.core.launch import Ended
from tests.process.syscalls import (
    ERRORS,
    KILL,
    STRACE,
    Point,
    Rig,
    Scene,
    Target,
    may_attach,
    own_part,
    points_of,
    pythons,
    rig,
    traced,
)
from tests.process.turns import Room

LONG = bool(os.environ.get("GANGSAW_LONG"))
PYTHONS = pythons() if LONG else pythons()[:1]
STARTUP_STEP = 12 if LONG else 60
OF_ONE_NAME_MAX = 12 if LONG else 4
SEED = int(os.environ.get("GANGSAW_SEED", "5"))
Faults = Callable[[int], Sequence[str]]


@pytest.fixture(autouse=True)
def strace_is_there() -> None:
    if STRACE is None and not os.environ.get("CI"):
        pytest.skip("strace is not installed: no system call can be made to fail")
    assert STRACE is not None, "strace is missing, and CI must sweep the system calls"
    if not may_attach():
        pytest.skip("this system lets strace attach to nobody but its own children")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Turn folders; each sweep has a launcher of its own."""
    made = Room(tmp_path / "turns")
    yield made
    made.clean()


def every(index: int) -> Sequence[str]:
    return (KILL, *ERRORS)


def one_error(index: int) -> Sequence[str]:
    """The kill, and another error from call to call."""
    return (KILL, ERRORS[(index + SEED) % len(ERRORS)])


def one_of_all(index: int) -> Sequence[str]:
    return ((KILL, *ERRORS)[(index + SEED) % (1 + len(ERRORS))],)


def sweep(
    made: Rig, scene: Scene, points: Sequence[Point], faults: Faults, record: Callable[..., None]
) -> None:
    for point in points:
        for fault in faults(point.index):
            made.run(scene, point, fault)
    record("figure", f"T5 {made}: {made.tally}")


def name_of(python: str) -> str:
    return Path(python).name if python != PYTHONS[0] else "own"


@pytest.mark.parametrize("python", PYTHONS, ids=name_of)
@pytest.mark.parametrize("target", list(Target))
@pytest.mark.guarantee("G3", "G4")
def test_every_call_of_a_turn(
    room: Room, record_property: Callable[..., None], python: str, target: Target
) -> None:
    """All calls of the shim's own work; those of the interpreter's start here and there."""
    with rig(room, python, target) as made:
        trace = made.run(Scene.PLAIN)
        first, end = own_part(target, trace)
        points = points_of(trace)
        assert end - first > 60
        faults = every if LONG else one_error if target is Target.FORKED else one_of_all
        sweep(made, Scene.PLAIN, points[first:end], faults, record_property)
        if target is Target.SPAWNED:
            start = points[random.Random(SEED).randrange(STARTUP_STEP) : first : STARTUP_STEP]
            sweep(made, Scene.PLAIN, start, every if LONG else one_of_all, record_property)


@pytest.mark.parametrize("python", PYTHONS, ids=name_of)
@pytest.mark.parametrize("scene", [Scene.LEAVING, Scene.STOPPED])
@pytest.mark.guarantee("G4", "G6")
def test_calls_that_end_a_tree(
    room: Room, record_property: Callable[..., None], python: str, scene: Scene
) -> None:
    """How often the shim reads /proc depends on how full the machine is, so of the calls of one
    name some are chosen, the first and the last among them."""
    with rig(room, python, Target.FORKED) as made:
        points = points_of(made.run(scene))
        chosen: list[Point] = []
        for name in sorted({point.name for point in points}):
            same = [point for point in points if point.name == name]
            step = max(1, len(same) // OF_ONE_NAME_MAX)
            chosen += {point.nth: point for point in (*same[::step], same[-1])}.values()
        sweep(made, scene, chosen, every if LONG else one_of_all, record_property)


@pytest.mark.parametrize("python", PYTHONS, ids=name_of)
def test_every_call_of_the_nursery(
    room: Room, record_property: Callable[..., None], python: str
) -> None:
    """During one launch: it is carried out once, by a shim of the nursery or of the launcher."""
    with rig(room, python, Target.FORKED) as made:
        points = points_of(launch_traced(made, None, ""))
    step = 1 if LONG else 4
    ends: list[int] = []
    for point in points[SEED % step :: step]:
        for fault in every(point.index) if LONG else one_of_all(point.index):
            with rig(room, python, Target.FORKED) as made:
                launch_traced(made, point, fault)
                ends.append(point.index)
    record_property("figure", f"T5 nursery, {name_of(python)}: {len(ends)} points, all run once")


def launch_traced(made: Rig, point: Point | None, fault: str) -> str:
    """One launch while strace is at the nursery; what strace saw."""
    name = f"{point.index if point else 'first'}-{fault}"
    trace = made.room.root / "nursery-trace"
    assert made.nursery > 1
    os.kill(made.nursery, signal.SIGSTOP)
    options = ["-e", point.inject(fault)] if point else []
    with traced(made.nursery, trace, *options):
        os.kill(made.nursery, signal.SIGCONT)
        made.order(name, "echo start >> $L; exit 9", "", "")
        assert made.answer()["answer"] == "Started"
        assert made.room.finished(name).outcome == Ended(code=9, signal=None)
    assert made.lines(name) == ["start"]
    assert made.room.leftovers() == []
    return trace.read_text(errors="replace")
