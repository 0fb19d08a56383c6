"""A schedule from its log: which ticks are dealt with, and what becomes of one that was begun."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core import schedule as sc
from gangsaw.core.rhythm import Rhythm
from gangsaw.core.schedule import (
    ClockSet,
    ClosingAsked,
    Schedule,
    ScheduleBegun,
    ScheduleEnded,
    SchedulerEnded,
    SchedulerStarted,
    Seen,
    TickBegun,
    TickEnded,
    TickResumed,
    TickSkipped,
    TicksMissed,
    evolve,
    over,
    settle,
    take_due,
)
from gangsaw.core.wire import decoder_of, encode

BEGUN = ScheduleBegun("s1", "plan.yaml", "/repo", Rhythm(600.0), 3600.0)


def told(*facts: tuple[float, sc.Fact]) -> Schedule:
    state = Schedule()
    for at, fact in facts:
        state = evolve(state, fact, at)
    return state


def begun(*facts: tuple[float, sc.Fact]) -> Schedule:
    return told((1000.0, BEGUN), (1000.0, SchedulerStarted(7)), *facts)


RUNNING = (1000.0, TickBegun(1, 1000.0, "r4", "", 50))


def test_the_first_tick_is_due_at_once_and_the_sixth_is_the_last() -> None:
    state = begun()
    assert take_due(state, 1000.0, UTC, "") == (None, sc.Due(1, 1000.0, 0.0))
    for tick in range(1, 7):
        now = 1000.0 + (tick - 1) * 600
        missed, due = take_due(state, now, UTC, "")
        assert missed is None
        assert due is not None
        assert due.tick == tick
        state = evolve(state, TickSkipped(tick, due.due, "nothing new to do"), now)
        assert take_due(state, now, UTC, "") == (None, None)
    assert over(state, 4000.0, UTC) == "its last tick is done"


def test_missed_ticks_are_told_once_and_only_the_latest_is_dealt_with() -> None:
    state = begun((1000.0, TickSkipped(1, 1000.0, "")))
    missed, due = take_due(state, 2900.0, UTC, "the machine was suspended for 31 min")
    assert missed == TicksMissed(2, 3, 1600.0, 2200.0, "the machine was suspended for 31 min")
    assert due == sc.Due(4, 2800.0, 100.0)
    state = evolve(state, missed, 2900.0)
    # Cut short between the two facts, the same tick is still to be dealt with, and nothing else.
    assert take_due(state, 2900.0, UTC, "no scheduler was running") == (None, due)
    assert state.missed == 2


def test_after_the_end_nothing_is_begun_any_more() -> None:
    state = begun((1000.0, TickSkipped(1, 1000.0, "")))
    missed, due = take_due(state, 90_000.0, UTC, "no scheduler was running")
    assert missed == TicksMissed(2, 6, 1600.0, 4000.0, "no scheduler was running")
    assert due is None
    assert over(evolve(state, missed, 90_000.0), 90_000.0, UTC)


def test_closing_lets_the_current_tick_end_first() -> None:
    state = begun(RUNNING, (1100.0, ClosingAsked("ann")))
    assert take_due(state, 1700.0, UTC, "") == (None, None)
    assert over(state, 1700.0, UTC) == ""
    state = evolve(state, TickEnded(1, "r5", 0, ""), 1800.0)
    assert over(state, 1800.0, UTC) == "ended by ann"


R5 = Seen(run="r5", seq=9, code=1, words="landed 1 of 2")
R4 = Seen(run="r4", seq=50, code=0, words="landed 3 of 3")
ERROR = TickEnded(1, "", 2, "cannot read the plan")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # it goes on
        (Seen(child=True), None),
        (Seen(engine=True), None),
        (Seen(engine=True, child_code=2), None),  # of two engines one had to leave
        # it came to a run
        (replace(R5, child_code=1), TickEnded(1, "r5", 1, "landed 1 of 2")),
        (R5, TickEnded(1, "r5", 1, "landed 1 of 2")),
        (replace(R5, child_code=2, said="another"), TickEnded(1, "r5", 1, "landed 1 of 2")),
        (replace(R5, code=None), TickEnded(1, "r5", 130, "landed 1 of 2")),
        # it came to none, and said why
        (replace(R4, child_code=2, said=ERROR.text), ERROR),
        (Seen(child_code=2, said=ERROR.text), ERROR),
        (replace(R4, child_code=0, said="nothing"), TickEnded(1, "", 0, "nothing")),
        (replace(R5, cut=True, child_code=70, said="a bug"), TickEnded(1, "r5", 70, "a bug")),
        # its engine was killed, or nobody saw it begin
        (replace(R5, cut=True), TickResumed(1, "r5 was cut short and goes on")),
        (replace(R5, cut=True, child_code=-9), TickResumed(1, "r5 was cut short and goes on")),
        (R4, TickResumed(1, "its engine was cut short and starts anew")),
        (replace(R4, child_code=-9), TickResumed(1, "its engine was cut short and starts anew")),
        (Seen(), TickResumed(1, "its engine was cut short and starts anew")),
    ],
)  # fmt: skip
def test_what_became_of_a_tick_that_was_to_begin_a_run(
    seen: Seen, expected: TickEnded | TickResumed | None
) -> None:
    assert settle(begun(RUNNING), seen, 1100.0) == expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(run="r4", seq=80, code=0, words="w"), TickEnded(1, "r4", 0, "w")),
        (Seen(run="r4", seq=80, cut=True), TickResumed(1, "r4 was cut short and goes on")),
        # nothing has happened in it since the tick began
        (Seen(run="r4", seq=50, child_code=2, said="e"), TickEnded(1, "", 2, "e")),
        (Seen(run="r4", seq=50), TickResumed(1, "its engine was cut short and starts anew")),
        (Seen(run="r4", seq=50, cut=True),
         TickResumed(1, "its engine was cut short and starts anew")),
    ],
)  # fmt: skip
def test_what_became_of_a_tick_that_goes_on_with_a_run(
    seen: Seen, expected: TickEnded | TickResumed
) -> None:
    state = begun((1000.0, TickBegun(1, 1000.0, "r4", "r4", 50)))
    assert settle(state, seen, 1100.0) == expected


def test_a_killed_engine_is_resumed_a_few_times_with_growing_pauses() -> None:
    state, cut = begun(RUNNING), replace(R5, cut=True)
    pauses = []
    for _ in range(sc.RESUMES_MAX):
        pauses.append(sc.resume_pause_s(state))
        found = settle(state, cut, 1100.0)
        assert isinstance(found, TickResumed)
        state = evolve(state, found, 1100.0)
    assert pauses == [0.0, 2.0, 4.0, 8.0, 16.0]
    found = settle(state, cut, 1100.0)
    assert isinstance(found, TickEnded)
    assert (found.run, found.code) == ("r5", 1)
    assert "killed 6 times" in found.text


@pytest.mark.parametrize("ending", ["closing", "time"])
def test_nothing_is_resumed_after_the_end(ending: str) -> None:
    state = begun(RUNNING)
    if ending == "closing":
        state = evolve(state, ClosingAsked("ann"), 1100.0)
    found = settle(state, replace(R5, cut=True), 1100.0 if ending == "closing" else 4600.0)
    assert found == TickEnded(1, "r5", 130, "was cut short; to go on with it: gangsaw run")


@pytest.mark.parametrize("seconds", [-3e8, -3600.0, 3600.0, 3e8])
def test_a_clock_that_is_set_changes_no_waiting(seconds: float) -> None:
    state = begun((1000.0, TickSkipped(1, 1000.0, "")))
    assert sc.look(state, 1200.0, UTC).next == 1600.0
    state = evolve(state, ClockSet(seconds), 1200.0 + seconds)
    assert sc.look(state, 1200.0 + seconds, UTC).next == 1600.0 + seconds
    assert state.end_at == 4600.0 + seconds


def test_cron_text_goes_by_what_the_clock_shows_now() -> None:
    rhythm = replace(BEGUN, rhythm=Rhythm(cron="*/10 * * * *"), for_s=None)
    state = told((600_000.0, rhythm), (600_600.0, TickSkipped(1, 600_600.0, "")))
    state = evolve(state, ClockSet(-3600.0), 597_100.0)
    assert sc.look(state, 597_100.0, UTC).next == 597_600.0


def test_a_clock_set_back_while_nobody_looked_shows_in_the_log() -> None:
    state = begun((1000.0, TickSkipped(1, 1000.0, "")))
    assert sc.set_back(state, 990.0) is None  # time servers do that
    found = sc.set_back(state, -8000.0)
    assert found == ClockSet(-9000.0)
    state = evolve(state, found, -8000.0)
    assert sc.look(state, -8000.0, UTC).next == 1600.0 - 9000.0


FACTS = [
    BEGUN,
    replace(BEGUN, rhythm=Rhythm(cron="0 3 * * *", zone="UTC"), words=("--budget", "5"), by="ann"),
    SchedulerStarted(7), SchedulerEnded("SIGTERM"), TickBegun(1, 2.5, "r4", "r4", 50),
    TickResumed(1, "cut"), TickEnded(1, "r5", 3, "words"), TickSkipped(2, 2.5, "why", 1),
    TicksMissed(3, 5, 1.0, 2.0, "asleep"), ClockSet(-5.0), ClosingAsked("ann"),
    ScheduleEnded("over"),
]  # fmt: skip


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_facts_are_read_as_they_were_written(fact: sc.Fact) -> None:
    name = sc.NAMES[type(fact)]
    assert decoder_of(sc.FACTS[name])(encode(fact)) == fact
    assert evolve(begun(), fact, 1100.0).last_at == 1100.0


def test_every_fact_is_among_those() -> None:
    assert {type(fact) for fact in FACTS} == set(sc.FACTS.values())


@given(st.lists(st.tuples(st.floats(0, 4000), st.sampled_from(["skip", "begin", "end"])),
                max_size=30))  # fmt: skip
def test_each_tick_is_told_exactly_once(steps: list[tuple[float, str]]) -> None:
    """Whatever is slept through and however long runs take: the numbers of ticks that were begun,
    skipped or missed have no gap and no double, and are due where the rhythm says."""
    state, now = begun(), 1000.0
    numbers: list[int] = []
    for later_s, what in steps:
        now += later_s
        missed, due = take_due(state, now, UTC, "asleep")
        if missed is not None:
            numbers += range(missed.first, missed.last + 1)
            assert missed.last_due <= now
            state = evolve(state, missed, now)
        if due is not None:
            numbers.append(due.tick)
            assert due.due == pytest.approx(1000.0 + (due.tick - 1) * 600)
            assert now < 4600.0
            busy = state.current is not None or what == "skip"
            state = evolve(
                state,
                TickSkipped(due.tick, due.due, "") if busy else TickBegun(due.tick, due.due),
                now,
            )
        if what == "end" and state.current is not None:
            state = evolve(state, TickEnded(state.current.tick, "r1", 0, ""), now)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) <= 6
    if now >= 4600.0:
        assert len(numbers) == 6
    assert state.ran + state.skipped + state.missed == len(numbers)
