"""`kill -9` of the scheduler before and after every durable step of it: one run by each tick, and
every tick in the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangsaw.store.lock import WriterLock
from gangsaw.testing.moments import points_in
from tests.run.schedule_stage import ScheduleStage, task

KINDS = (
    "schedule.begun", "scheduler.started", "tick.begun", "tick.ended", "closing.asked",
    "schedule.ended",
)  # fmt: skip
MOMENTS = [
    *(f"store.schedule.append[{kind}]" for kind in KINDS), "procs.detach", "store.schedule.answer",
]  # fmt: skip
SOURCE = Path(__file__).parents[2] / "src" / "gangsaw"


def is_settled(site: ScheduleStage) -> bool:
    """Whether the first tick has been dealt with to its end."""
    return site.state.ticks == 1 and site.state.current is None


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_scheduler_killed_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, moment: str, side: str
) -> None:
    site = ScheduleStage(tmp_path, [task("a")])
    try:
        # The second answer to a request for the end is the one that somebody waits for.
        number = 2 if moment == "store.schedule.answer" else 1
        life = site.keep_until(f"{moment}:{side}:{number}", "--for", "1h")
        site.ground.wait_for(lambda: is_settled(site) or life.poll() is not None, "tick or death")
        if life.poll() is not None:
            assert life.returncode == -9, site.said()
            life = site.keep("--for", "1h")
            site.ground.wait_for(lambda: is_settled(site), f"the tick\n{site.said()}")
        down = site.ground.call("schedule", "down", "--wait")
        assert down.returncode == 0, down.stdout + down.stderr
        life.wait(60)
        assert site.state.ended.startswith("ended by ")
        assert site.starts() == ["a"]
        assert site.runs() == ["r1"]
        assert [body["tick"] for body in site.bodies("tick.begun")] == [1]
        assert [body["run"] for body in site.bodies("tick.ended")] == ["r1"]
        assert len(site.bodies("schedule.begun")) == 1
        assert not site.place.closing.exists()
        assert WriterLock.holder(site.place.lock) is None
    finally:
        site.sweep()


def test_every_step_of_a_scheduler_is_among_them() -> None:
    """Those of `gangsaw schedule down`, and of a log that is put aside between two schedules, are
    the only others."""
    points = {point for point in points_in(SOURCE / "store") if point.startswith("store.schedule")}
    known = {moment.partition("[")[0] for moment in MOMENTS}
    assert points - known == {"store.schedule.ask", "store.schedule.rotate"}


def test_two_engines_of_one_tick_begin_one_run(tmp_path: Path) -> None:
    """What a tick starts may be started twice, after a crash at the worst moment: the second finds
    the run of the first, also when that is over already."""
    site = ScheduleStage(tmp_path, [task("a"), task("bad", fails=True)])
    words = ("run", site.plan, "--plain", "--tick", '{"after": "", "since": 0.0}')
    first = site.ground.call(*words)
    assert first.returncode == 1, first.stdout + first.stderr
    second = site.ground.call(*words)
    assert second.stdout == "r1 was begun meanwhile\n"
    assert site.runs() == ["r1"]
    assert sorted(site.starts()) == ["a", "bad"]
