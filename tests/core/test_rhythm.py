"""When ticks are due: lengths of time, intervals, cron text, the ends of schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core.rhythm import Dues, Rhythm, cron_fault, due_after, dues, first_due
from gangsaw.core.spans import length, seconds_of

VIENNA = ZoneInfo("Europe/Vienna")
MINUTE = 60.0
TEN = Rhythm(600.0)


def at(text: str, zone: ZoneInfo = VIENNA, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def cron(text: str) -> Rhythm:
    return Rhythm(cron=text, zone="Europe/Vienna")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1d", 86400), ("6H", 21600),
        (" 1m30s ", 90), ("1d2h3m4s", 93784),
        ("", None), ("0s", None), ("10", None), ("m", None), ("-5m", None), ("1.5h", None),
        ("30m1h", None), ("1h 30m", None), ("10 m", None), ("ten", None), ("1m1m", None),
        ("99999999999999s", None), ("１０m", None),
    ],
)  # fmt: skip
def test_lengths_of_time(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds


@given(st.integers(1, 400 * 86400))
def test_a_length_that_was_written_is_read_again(seconds: int) -> None:
    assert seconds_of(length(seconds)) == seconds


@pytest.mark.parametrize(
    ("now", "end", "expected"),
    [
        # (due, missed, first missed, last missed, next), the first tick being due at 1000
        (999.0, None, Dues(next=1000.0)),
        (1000.0, None, Dues(1000.0, 0, next=1600.0)),
        (1599.9, None, Dues(1000.0, 0, next=1600.0)),
        (1600.0, None, Dues(1600.0, 1, 1000.0, 1000.0, 2200.0)),
        (2900.0, None, Dues(2800.0, 3, 1000.0, 2200.0, 3400.0)),
        # the end is no tick, and after it nothing is due
        (1000.0, 1600.0, Dues(1000.0)),
        (1599.0, 1601.0, Dues(1000.0, next=1600.0)),
        (1600.5, 1601.0, Dues(1600.0, 1, 1000.0, 1000.0)),
        (1600.0, 1600.0, Dues(None, 1, 1000.0, 1000.0)),
        (9999.0, 2200.0, Dues(None, 2, 1000.0, 1600.0)),
        (9999.0, 2201.0, Dues(None, 3, 1000.0, 2200.0)),
        (9999.0, 1000.0, Dues()),
    ],
)
def test_dues_of_an_interval(now: float, end: float | None, expected: Dues) -> None:
    assert dues(TEN, 1000.0, now, end, UTC) == expected


def test_ten_minutes_for_six_hours_are_36_ticks() -> None:
    begun = at("2026-11-22T10:00")
    end = begun + 6 * 3600
    ticks, first = 0, first_due(TEN, begun, UTC)
    while first is not None:
        found = dues(TEN, first, first, end, UTC)
        assert found.missed == 0
        ticks += 1
        first = found.next
    assert ticks == 36
    assert dues(TEN, begun, end, end, UTC).missed == 36


@given(
    st.sampled_from([1.0, 7.0, 60.0, 600.0, 0.1 * 3]), st.floats(0, 2e9), st.floats(0, 20_000),
    st.one_of(st.none(), st.floats(0, 20_000)),
)  # fmt: skip
def test_an_interval_counts_as_one_by_one(
    every_s: float, first: float, later_s: float, long_s: float | None
) -> None:
    """The arithmetic says what stepping from tick to tick says, whatever was slept through."""
    every_s = max(every_s, later_s / 5000)
    now, end = first + later_s, None if long_s is None else first + long_s
    found = dues(Rhythm(every_s), first, now, end, UTC)
    over = end is not None and now >= end
    passed = 0
    while (moment := first + passed * every_s) <= now and (end is None or moment < end):
        passed += 1
    counted = found.missed + (found.due is not None)
    assert abs(counted - passed) <= 1  # floats may differ on a tick in this very moment
    assert (found.due is None) == (over or first > now or (end is not None and first >= end))
    if found.due is not None:
        assert first <= found.due <= now + 1e-3
    if found.next is not None:
        assert found.next > now - 1e-3
        assert end is None or found.next < end


def test_cron_text_waits_for_its_first_moment() -> None:
    rhythm = cron("*/10 * * * *")
    assert first_due(rhythm, at("2026-11-22T10:03:20"), VIENNA) == at("2026-11-22T10:10")
    assert first_due(rhythm, at("2026-11-22T10:10"), VIENNA) == at("2026-11-22T10:20")


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("0 3 * * 1-5", "2026-11-20T03:00", "2026-11-23T03:00"),  # Friday to Monday
        ("30 */6 * * *", "2026-11-22T19:00", "2026-11-23T00:30"),
        ("0 0 1 1 *", "2026-11-22T19:00", "2027-01-01T00:00"),
        ("0 0 29 2 *", "2026-11-22T19:00", "2028-02-29T00:00"),
        ("15,45 9-17 * * *", "2026-11-22T17:15", "2026-11-22T17:45"),
        ("0 3 * * *", "2026-03-28T03:00", "2026-03-29T03:00"),  # the night of summer time
    ],
)
def test_cron_text_goes_by_the_wall_clock(text: str, after: str, expected: str) -> None:
    assert due_after(cron(text), at(after), VIENNA) == at(expected)


def test_an_hour_that_is_left_out_or_comes_twice() -> None:
    """As in Debian's cron: what is due in an hour that is left out is due right after it, once;
    what is due in one that comes twice is due once; every ten minutes are ten minutes."""
    left_out = due_after(cron("30 2 * * *"), at("2026-03-28T02:30"), VIENNA)
    assert left_out == at("2026-03-29T03:00")
    twice = due_after(cron("30 2 * * *"), at("2026-10-24T02:30"), VIENNA)
    assert twice == at("2026-10-25T02:30")
    assert due_after(cron("30 2 * * *"), twice or 0, VIENNA) == at("2026-10-26T02:30")
    moment, steps = at("2026-10-25T01:50"), []
    for _ in range(15):
        following = due_after(cron("*/10 * * * *"), moment, VIENNA)
        assert following is not None
        steps.append(following - moment)
        moment = following
    assert set(steps) == {600.0}


def test_missed_ticks_of_cron_text() -> None:
    first = at("2026-11-20T03:00")
    found = dues(cron("0 3 * * *"), first, at("2026-11-23T09:12"), None, VIENNA)
    assert found == Dues(
        at("2026-11-23T03:00"), 3, first, at("2026-11-22T03:00"), at("2026-11-24T03:00")
    )
    over = dues(cron("0 3 * * *"), first, at("2026-11-23T09:12"), at("2026-11-22T03:00"), VIENNA)
    assert over == Dues(None, 2, first, at("2026-11-21T03:00"))


def test_years_of_missed_minutes_take_no_time() -> None:
    found = dues(cron("* * * * *"), at("2020-01-01T00:00"), at("2026-11-22T10:00:30"), None, VIENNA)
    assert found.due is not None
    assert found.next == at("2026-11-22T10:01")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("*/10 * * * *", ""), ("0 3 * * mon-fri", ""), ("0 0 L * *", ""), ("5 4 * * sun#1", ""),
        ("* * * *", "five fields"), ("0 */10 * * * *", "five fields"), ("", "five fields"),
        ("@hourly", "five fields"), ("60 * * * *", "minute"), ("* 24 * * *", "hour"),
        ("* * 0 * *", "day"), ("* * * 13 *", "month"), ("* * * * 8", "day-of-week"),
        ("*/0 * * * *", "minute"), ("a b c d e", "minute"), ("0 0 31 2 *", "day"),
        ("5-1 * * * *", "minute"),
    ],
)  # fmt: skip
def test_faults_of_cron_text(text: str, fault: str) -> None:
    found = cron_fault(text)
    assert fault in found if fault else found == ""
