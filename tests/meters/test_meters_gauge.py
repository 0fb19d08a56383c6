"""The engine's look at the machine: what it reads, how often, and what it says of live agents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.events import Pressure
from gangsaw.core.governing import bounds_of, reading_of
from gangsaw.core.model import Limits
from gangsaw.core.observations import MachineRead, MachineSeen
from gangsaw.core.policy.pressure import shortages
from gangsaw.engine.gauge import Gauge
from gangsaw.engine.machine import MachineWatch
from gangsaw.engine.room import Room as Disks
from gangsaw.meters import Survey, read_disk, read_machine
from gangsaw.meters.trees import read_processes
from tests.core.core_stage import state_after, working
from tests.process.turns import Room, python, until

HELD_MB = 40
WIDE = Limits(memory_floor_pct=0.0, disk_floor_mb=0, disk_max_pct=100.0, check_every_s=5.0)
HOLDS = f"""
import os, time
held = b"x" * ({HELD_MB} << 20)
print("held", flush=True)
while not os.path.exists(os.environ["GO"]): time.sleep(0.01)
del held
print("let go", flush=True)
time.sleep(1000)
"""


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path / "attempts")
    yield made
    made.clean()


def test_the_peak_of_a_live_agent_stays_until_it_has_ended(turns: Room, tmp_path: Path) -> None:
    state = state_after("task a\ntask b\nlimits max_agents=3\n" + working("a", "b"))
    name, go = "a.1/turn-1", tmp_path / "go"
    (turns.root / "a.1").mkdir(parents=True)
    turns.launch(python(HOLDS, GO=str(go)), name)
    turns.started(name)
    output = turns.folder(name) / "out"
    until(lambda: output.exists() and "held" in output.read_text(), "the memory")
    gauge, disk = Gauge(turns.root, state), read_disk(tmp_path)

    (first,) = gauge.measure(read_machine(tmp_path), disk).agents
    assert (first.attempt, HELD_MB <= first.peak_mb < HELD_MB + 40) == ("a.1", True)
    assert first.memory_mb == first.peak_mb
    go.touch()
    until(lambda: "let go" in output.read_text(), "less memory")
    (later,) = gauge.measure(read_machine(tmp_path), disk).agents
    assert (later.peak_mb, later.memory_mb < HELD_MB) == (first.peak_mb, True)
    assert procs.kill(turns.folder(name))
    turns.finished(name)
    after = gauge.measure(read_machine(tmp_path), disk)
    assert after.agents == ()
    assert after.cpu_used_pct is None or 0 <= after.cpu_used_pct <= 100


def test_the_machine_is_read_as_often_as_the_settings_say(tmp_path: Path) -> None:
    state = state_after("task a\n")
    state.limits = WIDE
    room = Disks((tmp_path,), lambda: 0)
    watch = MachineWatch(room, tmp_path / "reserve", Gauge(tmp_path, state, 7))
    level, seen = watch.read(100.0, state)
    assert level == MachineRead(Pressure.NONE, "")
    assert isinstance(seen, MachineSeen)
    assert (seen.measure.agents, seen.measure.worktree_mb) == ((), 7)
    assert watch.read(104.9, state) == []
    assert watch.look_again_s(104.9, state) == pytest.approx(0.1)
    assert len(watch.read(105.0, state)) == 2
    watch.look_anew()
    assert len(watch.read(105.1, state)) == 2


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(memory_floor_pct=100.0), "under 100 %"),
        (Limits(disk_max_pct=0.001), "of disk used, over 0.001 %"),
        (Limits(disk_floor_mb=10**9), "of disk free, under 1e+09 MB"),
    ],
)
def test_what_is_short_is_said(tmp_path: Path, limits: Limits, words: str) -> None:
    state = state_after("task a\n")
    disks, gauge = Disks((tmp_path,), lambda: 0), Gauge(tmp_path, state)
    _, seen = MachineWatch(disks, tmp_path / "reserve", gauge).read(0.0, state)
    assert isinstance(seen, MachineSeen)
    found = shortages(reading_of(seen.measure, limits), bounds_of(limits))
    assert any(words in text for text in found)


def test_an_agent_whose_processes_are_just_ending_takes_nothing(
    turns: Room, tmp_path: Path
) -> None:
    """The system shows a process that has given its memory back and is not yet gone."""
    state = state_after("task a\ntask b\nlimits max_agents=3\n" + working("a", "b"))
    (turns.root / "a.1").mkdir(parents=True)
    turns.launch(python("import time; time.sleep(1000)"), "a.1/turn-1")
    turns.started("a.1/turn-1")

    def ending() -> Survey:
        return Survey({pid: replace(one, rss_kb=0) for pid, one in read_processes().items()})

    gauge = Gauge(turns.root, state, look=ending)
    (seen,) = gauge.measure(read_machine(tmp_path), read_disk(tmp_path)).agents
    assert seen.attempt == "a.1"
