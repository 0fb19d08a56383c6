"""A plan on a schedule, with the real program: ticks, crashes, missed ticks, clocks, people.

Nothing waits for a tick by the clock: the scheduler's own clock is moved by the test.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gangsaw.store.lock import WriterLock
from gangsaw.views.schemas import printed_schema
from tests.cli.shapes import misfits
from tests.run.schedule_stage import TICK_S, ScheduleStage, task

Stage = Callable[..., ScheduleStage]
YEAR_S = 365 * 24 * 3600.0


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made: list[ScheduleStage] = []

    def make(*tasks: dict[str, Any]) -> ScheduleStage:
        made.append(ScheduleStage(tmp_path, list(tasks)))
        return made[0]

    yield make
    for each in made:
        each.sweep()


def test_three_ticks_with_crashes_between(stage: Stage) -> None:
    """The scheduler is killed during a tick, between two ticks, and together with the engine. Each
    task runs once, each tick begins at most one run, and the log tells every tick."""
    site = stage(task("a", gated=True))
    words = ("--for", "30m")
    life = site.keep(*words)
    site.wait_started("a")
    life.kill()
    life.wait(60)
    assert WriterLock.holder(site.control.lock) is not None, "the engine ended with its scheduler"

    life = site.keep(*words)
    site.ground.wait_for(lambda: len(site.bodies("scheduler.started")) == 2, "the second scheduler")
    site.let_go("a")
    assert site.wait_fact("tick.ended", tick=1)["run"] == "r1"
    life.kill()
    life.wait(60)

    site.add(task("b", gated=True))
    site.sleep(TICK_S)
    life = site.keep(*words)
    site.wait_started("b")
    life.kill()
    life.wait(60)
    site.kill_engine()

    life = site.keep(*words)
    assert site.wait_fact("tick.resumed", tick=2)["text"] == "r2 was cut short and goes on"
    site.let_go("b")
    assert site.wait_fact("tick.ended", tick=2)["code"] == 0
    site.sleep(TICK_S)
    assert life.wait(120) == 0, site.said()

    assert site.starts() == ["a", "b"]
    assert site.runs() == ["r1", "r2"]
    assert [body["tick"] for body in site.bodies("tick.begun")] == [1, 2]
    skipped = site.bodies("tick.skipped")
    assert [body["tick"] for body in skipped] == [3]
    assert skipped[0]["text"] == "nothing new to do: 2 tasks have landed"
    assert len(site.bodies("schedule.begun")) == 1
    told = site.ground.call("schedule", "logs").stdout
    for words_of_tick in (
        "tick 1 begins a run", "tick 1 ended: r1 landed 1 of 1 · exit 0",
        "tick 2 begins a run", "tick 2 resumed: r2 was cut short and goes on",
        "tick 2 ended: r2 landed 1 of 1 · exit 0",
        "tick 3 skipped", "over: its last tick is done",
    ):  # fmt: skip
        assert told.count(words_of_tick) == 1, told
    found = site.status()
    assert (found["state"], found["ran"], found["skipped"]) == ("ended", 2, 1)
    assert misfits(found, printed_schema("schedule")) == []
    for line in site.ground.call("schedule", "logs", "--json").stdout.splitlines():
        assert misfits(json.loads(line), printed_schema("schedule-logs")) == []


def test_an_unfinished_run_is_gone_on_with_by_the_next_tick(stage: Stage) -> None:
    """Ticks that come while a run goes on are skipped and said; a run that somebody left unfinished
    before is gone on with, not begun anew."""
    site = stage(task("a", gated=True))
    before = site.ground.start("run", site.plan)
    site.wait_started("a")
    site.kill_engine()
    before.wait(60)
    life = site.keep("--for", "40m")
    assert site.wait_fact("tick.begun", tick=1)["goes_on"] == "r1"
    site.ground.wait_for(lambda: WriterLock.holder(site.control.lock) is not None, "an engine")
    site.sleep(TICK_S)
    assert site.wait_fact("tick.skipped", tick=2)["text"] == "tick 1 still goes on"
    site.sleep(TICK_S)
    site.wait_fact("tick.skipped", tick=3)
    site.let_go("a")
    assert site.wait_fact("tick.ended", tick=1)["run"] == "r1"
    site.sleep(TICK_S)
    assert life.wait(120) == 0, site.said()
    assert site.starts() == ["a"]
    assert site.runs() == ["r1"]


def test_missed_ticks_are_told_once_with_their_cause(stage: Stage) -> None:
    site = stage(task("a"))
    life = site.keep("--for", "3h")
    site.wait_fact("tick.ended", tick=1)
    site.sleep(3 * TICK_S)
    missed = site.wait_fact("ticks.missed")
    assert (missed["first"], missed["last"]) == (2, 3)
    assert missed["text"] == "the machine was suspended for 30 min"
    site.wait_fact("tick.skipped", tick=4)
    life.kill()
    life.wait(60)
    site.sleep(2 * TICK_S)
    life = site.keep("--for", "3h")
    missed = site.wait_fact("ticks.missed", first=5)
    assert (missed["last"], missed["text"]) == (5, "no scheduler was running")
    site.wait_fact("tick.skipped", tick=6)
    # Its time has passed while nobody was there: it ends, and a new one begins.
    life.kill()
    life.wait(60)
    site.sleep(1000 * TICK_S)
    site.keep("--for", "3h")
    missed = site.wait_fact("ticks.missed", first=7)
    assert missed["last"] == 18
    site.wait_fact("schedule.begun", schedule="s2")
    site.ground.wait_for(lambda: site.state.ticks == 1, "its first tick")
    assert site.starts() == ["a"]


@pytest.mark.parametrize("seconds", [3 * YEAR_S, -3 * YEAR_S], ids=["forward", "back"])
def test_a_clock_that_somebody_sets_moves_no_tick(stage: Stage, seconds: float) -> None:
    site = stage(task("a"))
    site.keep("--for", "20m")
    site.wait_fact("tick.ended", tick=1)
    site.set_clock(seconds)
    assert abs(site.wait_fact("clock.set")["seconds"] - seconds) < 60
    # Its next look finds nothing due.
    assert "the clock was set" in site.ground.call("schedule", "logs").stdout
    assert site.state.missed == 0
    assert site.state.ticks == 1
    site.sleep(TICK_S)
    site.wait_fact("tick.skipped", tick=2)
    site.ground.wait_for(lambda: bool(site.state.ended), "its end")


def test_a_failing_task_is_left_alone_and_what_is_new_runs(stage: Stage) -> None:
    site = stage(task("bad", fails=True), task("needy", needs=["bad"]))
    life = site.keep("--for", "50m", "--tries", "2")
    assert site.wait_fact("tick.ended", tick=1)["code"] == 1
    site.sleep(TICK_S)
    site.wait_fact("tick.ended", tick=2)
    site.sleep(TICK_S)
    skipped = site.wait_fact("tick.skipped", tick=3)
    assert "bad failed in 2 runs and is left alone" in skipped["text"]
    assert skipped["code"] == 1
    site.add(task("fresh"))
    site.sleep(TICK_S)
    ended = site.wait_fact("tick.ended", tick=4)
    assert (ended["run"], ended["code"], ended["text"]) == ("r3", 0, "landed 1 of 1")
    site.sleep(TICK_S)
    assert life.wait(120) == 1, site.said()
    assert site.starts() == ["bad", "bad", "fresh"]


def test_repeat_runs_everything_at_each_tick(stage: Stage) -> None:
    site = stage(task("a", checks=["true"]))
    prompt = site.tasks[0]["prompt"] + "\ndate +%s%N > a.txt"
    site.tasks[0] = {**site.tasks[0], "prompt": prompt}
    site.ground.plan(site.tasks)
    life = site.keep("--for", "20m", "--repeat")
    site.wait_fact("tick.ended", tick=1)
    site.sleep(TICK_S)
    assert life.wait(120) == 0, site.said()
    assert site.starts() == ["a", "a"]
    assert site.runs() == ["r1", "r2"]


def test_a_plan_that_cannot_be_read_is_told_and_the_next_tick_tries_again(stage: Stage) -> None:
    site = stage(task("a"))
    good, bad = site.plan.read_text(), '{"version": 1, "tasks": [{"id": "a", "promt": "x"}]}'
    site.plan.write_text(bad)
    refused = site.keep("--for", "30m")
    assert refused.wait(60) == 2
    assert not site.rows, "a schedule was begun that cannot run"
    site.plan.write_text(good)
    life = site.keep("--for", "30m")
    site.wait_fact("tick.ended", tick=1)
    site.plan.write_text(bad)
    site.sleep(TICK_S)
    skipped = site.wait_fact("tick.skipped", tick=2)
    assert skipped["code"] == 2
    assert "promt" in skipped["text"]
    site.plan.write_text(good)
    site.add(task("b"))
    site.sleep(TICK_S)
    assert life.wait(120) == 0, site.said()
    assert site.starts() == ["a", "b"]


def test_what_a_person_stops_stays_stopped(stage: Stage) -> None:
    """A schedule does not go on with what somebody has stopped meanwhile, until it is begun
    again."""
    site = stage(task("a", gated=True))
    life = site.keep("--for", "1h")
    site.wait_started("a")
    site.ground.call("stop")
    assert site.wait_fact("tick.ended", tick=1)["code"] == 130
    site.sleep(TICK_S)
    skipped = site.wait_fact("tick.skipped", tick=2)
    assert skipped["text"] == "r1 was stopped by a person; to go on with it: gangsaw run"
    assert skipped["code"] == 130
    life.send_signal(signal.SIGTERM)
    assert life.wait(60) == 130
    assert site.bodies("scheduler.ended") == [{"reason": "SIGTERM"}]
    assert site.status()["state"] == "unkept"
    site.let_go("a")
    site.keep("--for", "1h")
    site.sleep(TICK_S)
    assert site.wait_fact("tick.begun", tick=3)["goes_on"] == "r1"
    assert site.wait_fact("tick.ended", tick=3)["code"] == 0


def test_a_run_of_a_person_is_not_disturbed(stage: Stage) -> None:
    site = stage(task("a", gated=True))
    engine = site.ground.start("run", site.plan)
    site.wait_started("a")
    site.keep("--for", "1h")
    skipped = site.wait_fact("tick.skipped", tick=1)
    assert skipped["text"].startswith("a run goes on already (gangsaw, pid ")
    assert site.ground.call("schedule", "down").returncode == 0
    assert engine.poll() is None, "the schedule's end has ended somebody else's run"
    site.let_go("a")
    assert engine.wait(120) == 0


def test_an_interrupt_ends_the_run_and_not_the_schedule(stage: Stage) -> None:
    site = stage(task("a", gated=True))
    life = site.keep("--for", "1h", "--on-interrupt", "stop")
    site.wait_started("a")
    life.send_signal(signal.SIGINT)
    assert life.wait(120) == 130
    ended = site.bodies("tick.ended")
    assert [body["code"] for body in ended] == [130]
    assert "to go on with it: gangsaw schedule up" in site.said()
    assert site.state.is_open
    life = site.keep("--for", "1h", "--on-interrupt", "stop")
    site.sleep(TICK_S)
    assert site.wait_fact("tick.begun", tick=2)["goes_on"] == "r1"
