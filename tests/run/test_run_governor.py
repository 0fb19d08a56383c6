"""Agents that eat the machine's memory, with the real program: who gives way, how soon there is
memory again, and that nobody else is harmed. The budget of the settings stands for a small machine.

The usual sizes are small; the long run has those of real trouble.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gangsaw.core.conditions import Condition
from gangsaw.core.machine import Deed
from gangsaw.meters import read_machine
from gangsaw.testing.playground import Playground
from gangsaw.testing.processes import processes_of

Figure = Callable[[str, object], None]
Event = dict[str, Any]
Events = list[Event]

LONG = bool(os.environ.get("GANGSAW_LONG"))
FLOOR_PCT = 20
SOFT_PCT = 12.0
"""Of `core.machine.Bounds`, which this floor keeps: below it somebody gives way."""
RESTORED_S = 30.0
"""The promise: so long after memory was short there is some again."""
RUN_MAX_S = 240.0
SPARE_MB = 2048
"""What the machine must have beside the budget: others use it too."""


@dataclass(frozen=True)
class Sizes:
    """In MiB: all that the run may use, and what each agent takes, at so many MiB a second."""

    budget: int
    eater: int
    rate: int
    own: int
    """What the settings allow each agent, and what is expected of one that is not known."""


GROWER = Sizes(6144, 4096, 512, 900) if LONG else Sizes(480, 300, 150, 100)
TEN = Sizes(3600, 600, 100, 200) if LONG else Sizes(640, 80, 20, 40)
BOMB = Sizes(420, 115, 0, 130)
FORKS = 200
"""They share most of their memory: about 150 MiB for all."""


class Ground(Playground):
    """A playground whose agents share a budget of memory. They wait for files beside it."""

    def limited(self, sizes: Sizes) -> None:
        """Set the limits, and skip the test where the machine is too small for them."""
        if read_machine(self.root).memory_available_mb < SPARE_MB + sizes.budget:
            pytest.skip("the machine has too little memory for this")
        path = self.repo / "gangsaw.toml"
        text = path.read_text()
        for old, new in (
            ("memory_floor_pct = 1\n", f"memory_floor_pct = {FLOOR_PCT}\n"),
            ("[machine]\n", f"[machine]\nmemory_budget_mb = {sizes.budget}\n"),
            ("[agents.scripted]\n", f"[agents.scripted]\nmemory_max_mb = {sizes.own}\n"),
        ):
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        self.git("commit", "-qam", "limits")

    def gate(self, name: str) -> Path:
        """A file that agents wait for."""
        return self.root / name

    def landed(self, tasks: list[dict[str, str]], *steps: tuple[Callable[[], bool], str]) -> Events:
        """The events of a run of these tasks, which lands all of them at the first try. When a fact
        holds, the gate named with it is opened."""
        engine = self.start("run", self.plan(tasks), "--plain")
        try:
            for fact, name in steps:
                self.wait_for(lambda fact=fact: fact() or engine.poll() is not None, name)  # type: ignore[misc]
                self.gate(name).touch()
            assert engine.wait(RUN_MAX_S) == 0, (self.root / "output").read_text()
        finally:
            engine.kill()
            engine.wait()
        events = self.events()
        kinds = [event["kind"] for event in events]
        assert kinds.count("landed") == len(tasks)
        assert kinds.count("attempt.admitted") == len(tasks), "a try was used up"
        assert kinds.count("engine.started") == 1
        assert processes_of(self.root) == []
        return events

    def bodies(self, kind: str) -> Events:
        return [event["body"] for event in self.events() if event["kind"] == kind]

    def has_victim(self) -> bool:
        return any(body["want"] for body in self.bodies("machine.governed"))


def work(name: str, *steps: str, agent: str = "scripted") -> dict[str, str]:
    """A task whose scripted agent does these steps and commits a file."""
    lines = ["#!script", *steps, f"write {name}.txt {name}", f"commit {name}"]
    return {"id": name, "prompt": "\n".join(lines), "agent": agent}


def governed(events: list[Event]) -> Iterator[tuple[float, Event]]:
    for event in events:
        if event["kind"] == "machine.governed":
            yield event["at"], event["body"]


def available_pct(body: Mapping[str, Any]) -> float:
    reading = body["reading"]
    return 100.0 * float(reading["available_mb"]) / float(reading["total_mb"])


def shortages(events: list[Event]) -> list[tuple[float, float]]:
    """From when to when (epoch seconds) the readings on record were below the soft level."""
    found: list[tuple[float, float]] = []
    since: float | None = None
    for at, body in governed(events):
        short = available_pct(body) < SOFT_PCT
        if short and since is None:
            since = at
        elif not short and since is not None:
            found.append((since, at))
            since = None
    assert since is None, "memory was short to the end"
    return found


def victims(events: list[Event]) -> list[str]:
    """Whom the governor chose, in order; fails if one was chosen before the last was gone."""
    chosen: list[str] = []
    alive: str | None = None
    for event in events:
        body = event["body"]
        if event["kind"] == "machine.governed" and body["want"]:
            name = body["want"]["attempt"]
            assert alive in (None, name), f"{name} while {alive} was being stopped"
            if alive is None:
                chosen.append(name)
            alive = name
            assert body["want"]["deed"] in (Deed.STOP, Deed.KILL)
        elif event["kind"] in ("turn.exited", "turn.lost") and event["subject"] == alive:
            alive = None
    return chosen


def told(events: list[Event]) -> str:
    spans = [f"{until - since:.1f}" for since, until in shortages(events)]
    return f"{len(victims(events))} victims, short for {', '.join(spans) or 'no time'} s"


def in_time(events: list[Event]) -> bool:
    return all(until - since <= RESTORED_S for since, until in shortages(events))


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "ground", agent="scripted", max_agents=10)


def test_one_that_grows_gives_way_and_goes_on_when_there_is_room(
    ground: Ground, record_property: Figure
) -> None:
    ground.limited(GROWER)
    small = f"eat {GROWER.eater // 5} 0 until {ground.gate('enough')}"
    tasks = [work("one", small), work("two", small)]
    tasks.append(work("grower", f"eat child {GROWER.eater} {GROWER.rate} 1"))
    events = ground.landed(tasks, (ground.has_victim, "enough"))
    assert set(victims(events)) == {"grower.1"}
    assert in_time(events)
    parked = [event["body"] for event in events if event["kind"] == "attempt.parked"]
    assert {body["condition"] for body in parked} == {Condition.MEMORY}
    record_property("figure", f"one that grows to {GROWER.eater} MiB: {told(events)}")


def test_ten_that_each_take_more_than_expected(ground: Ground, record_property: Figure) -> None:
    ground.limited(TEN)
    eats = f"eat {TEN.eater} {TEN.rate} 3"
    tasks = [work(f"t{n}", f"wait {ground.gate('all')}", eats) for n in range(10)]
    events = ground.landed(tasks, (lambda: len(ground.bodies("turn.started")) >= 10, "all"))
    assert victims(events), "memory was never short"
    assert in_time(events)
    record_property("figure", f"ten that take {TEN.eater} MiB: {told(events)}")


def test_a_fork_bomb_gives_way_whole(ground: Ground, record_property: Figure) -> None:
    ground.limited(BOMB)
    ground.settings('[agents.bomb]\nkind = "scripted"\nmemory_max_mb = 20\n')
    small = f"eat {BOMB.eater} 0 until {ground.gate('enough')}"
    tasks = [work("one", small), work("two", small)]
    tasks.append(work("bomb", f"fork-bomb child {FORKS} 8", agent="bomb"))
    events = ground.landed(tasks, (ground.has_victim, "enough"))
    assert set(victims(events)) == {"bomb.1"}
    assert in_time(events)
    record_property("figure", f"a bomb of {FORKS} processes: {told(events)}")
