"""When a vendor's limit passes, from its words or its answer's headers. Pure.

Understood are an epoch, an ISO moment, a span (`try again in 3h 20m`, `"retryDelay": "34s"`) and
a time of day with or without a date (`resets Nov 25, 3pm (Europe/Berlin)`); a time of day without
a zone is in this machine's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from gangsaw.agents.lines import moment_in

# Only so much of an error is looked at, and no vendor's limit lasts longer than a year or so.
LOOKED_AT = 8_000
SPAN_MAX_S = 400 * 86_400.0

# A time of day is told without its seconds: the minute may have just begun, or be over by the
# time it is read. Earlier than this ago it is meant for tomorrow.
MINUTE_S = 60.0
JUST_PASSED_S = 15 * 60.0

# Epochs in milliseconds have this many digits at least.
_MILLISECONDS_FROM = 10**12

_UNITS: dict[str, float] = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
_UNIT = (
    r"(?:milliseconds?|millis|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)"
)
_PART = rf"\d{{1,9}}(?:\.\d{{1,9}})?\s?{_UNIT}(?![a-z])"
# What stands between the parts can be read in one way only: else the time grows with every comma.
_SPAN = rf"{_PART}(?:\s?,?\s?(?:and\s)?{_PART})*"
_GLUED = rf"\d{{1,9}}(?:\.\d{{1,9}})?{_UNIT}(?:\d{{1,9}}(?:\.\d{{1,9}})?{_UNIT})+(?![a-z])"
_LEAD = r"(?:again|resets?|retry|retrying|wait|available|renews?|refresh(?:es)?|until|expires?)"

_EPOCH = re.compile(
    r"(?:limit reached\||reset(?:s|s_at|_at|sAt|At)?(?:\s+at)?[\"']?\s*[:=]?\s*)[\"']?(\d{10,13})\b"
)
_ISO = re.compile(
    rf"{_LEAD}[^\n]{{0,40}}?(20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?"
    r"\s?(?:Z|UTC|[+-]\d\d:?\d\d)?)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    rf"(?:{_LEAD}(?:ing)?[^\n\d]{{0,24}}?\b(?:in|after|for):?|\bwait:?(?: (?:about|at least))?)"
    rf"[ \"'~]{{1,3}}({_GLUED}|{_SPAN})",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"retry[-_ ]?(?:delay|after)(?:[-_ ]?(?P<unit>ms|s|seconds))?[\"']?\s*[:=]?\s*[\"']?"
    r"(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<own>ms|s)?\b",
    re.IGNORECASE,
)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = re.compile(
    rf"{_LEAD}\s*(?:at|on|:)?\s*"
    r"(?:(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})"
    r"(?:st|nd|rd|th)?,?\s*(?:(?P<year>20\d\d),?)?\s*(?:at\s+)?)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s?(?P<half>[ap]\.?m\b\.?)?"
    r"(?:\s*\(?(?P<zone>UTC|GMT|[A-Z][A-Za-z_]+/[A-Za-z_/+-]+)\)?)?",
    re.IGNORECASE,
)


def reset_in(
    text: str, *, headers: Mapping[str, str] | None = None, now: float | None = None
) -> float | None:
    """The moment from which the vendor can be asked again, in epoch seconds; `None` where
    nothing tells it. `now` is the moment the words were said: without it only what is absolute
    is understood."""
    told = _of_headers(headers or {}, now)
    return told if told is not None else _of_text(text[:LOOKED_AT], now)


def span_s(text: str) -> float | None:
    """A span of time in seconds, such as `3h 20m`, `59m10s`, `2 days and 3 hours`, `34.5s`;
    `None` where the text is none."""
    parts = re.findall(rf"(\d+(?:\.\d+)?)\s?({_UNIT})", text, re.IGNORECASE)
    if not parts:
        return None
    seconds = sum(float(number) * _unit_s(unit) for number, unit in parts)
    return seconds if seconds <= SPAN_MAX_S else None


def _unit_s(unit: str) -> float:
    short = unit.lower()
    return _UNITS["ms"] if short.startswith(("ms", "milli")) else _UNITS[short[0]]


def _of_headers(headers: Mapping[str, str], now: float | None) -> float | None:
    known = {name.lower(): value.strip() for name, value in headers.items()}
    for name in ("retry-after", "retry-after-ms"):
        value = known.get(name, "")
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            unit = _UNITS["ms"] if name.endswith("ms") else 1.0
            return None if now is None else now + min(float(value) * unit, SPAN_MAX_S)
        if value:
            return _of_date(value)
    for name, value in known.items():
        if name.endswith("reset"):
            if re.fullmatch(r"\d{10,13}", value):
                return _of_epoch(value)
            if value[:2] == "20" and (moment := _of_iso(value)) is not None:
                return moment
    return None


def _of_text(text: str, now: float | None) -> float | None:
    if found := _EPOCH.search(text):
        return _of_epoch(found[1])
    if found := _ISO.search(text):
        return _of_iso(found[1])
    if now is None:
        return None
    if found := _DELAY.search(text):
        unit = found["own"] or found["unit"] or "s"
        return now + min(float(found["number"]) * _unit_s(unit), SPAN_MAX_S)
    if (found := _RELATIVE.search(text)) and (seconds := span_s(found[1])) is not None:
        return now + seconds
    return next(
        (m for found in _CLOCK.finditer(text) if (m := _of_clock(found, now)) is not None), None
    )


def _of_epoch(digits: str) -> float | None:
    number = int(digits)
    return moment_in(number / 1000 if number >= _MILLISECONDS_FROM else number)


def _of_iso(text: str) -> float | None:
    try:
        day, time = text[:10], text[11:].replace("UTC", "+00:00").replace(" ", "")
        moment = datetime.fromisoformat(f"{day}T{time}")
    except ValueError:
        return None
    return moment_in((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _of_date(text: str) -> float | None:
    try:
        return moment_in(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _of_clock(found: re.Match[str], now: float) -> float | None:
    """The end of the next such minute of the day, or of that minute on the date that is named.
    One that has just passed is now."""
    if not (found["half"] or found["minute"]):
        return None  # a lone number is no time of day
    try:
        moment = _moment_of(found, now)
        if found["month"]:
            if not found["year"] and moment.timestamp() < now - 86_400:
                moment = moment.replace(year=moment.year + 1)
        elif moment.timestamp() < now - JUST_PASSED_S:
            moment += timedelta(days=1)
        elif moment.timestamp() > now + 86_400 - JUST_PASSED_S:
            moment -= timedelta(days=1)
        return moment_in(max(now, moment.timestamp() + MINUTE_S))
    except (ValueError, OverflowError, OSError, KeyError):
        return None


def _moment_of(found: re.Match[str], now: float) -> datetime:
    """The time of day that was found, today or on the date that is named."""
    zone = _zone(found["zone"])
    hour = int(found["hour"])
    if half := found["half"]:
        hour = hour % 12 + (12 if half[0].lower() == "p" else 0)
    local = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(tzinfo=None)
    return local.replace(
        year=int(found["year"] or local.year),
        month=_MONTHS.index(found["month"].lower()) + 1 if found["month"] else local.month,
        day=int(found["day"] or local.day),
        hour=hour,
        minute=int(found["minute"] or 0),
        second=0,
        microsecond=0,
        tzinfo=zone,
    )


def _zone(name: str | None) -> tzinfo | None:
    """The zone of this name; this machine's (`None`) where none is named."""
    if not name:
        return None
    return UTC if name.upper() in ("UTC", "GMT") else ZoneInfo(name)
