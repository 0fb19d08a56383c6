"""A length of time in words, and out of them."""

from __future__ import annotations

import re

_MINUTE_S, _HOUR_S = 60, 3600
_LENGTH = re.compile(
    r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?", re.ASCII
)
_UNITS_S = (86_400, _HOUR_S, _MINUTE_S, 1)


def span(seconds: float) -> str:
    """A length of time in words: `8 s`, `24 min`, `3 h 05 min`."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE_S:
        return f"{whole} s"
    if whole < 2 * _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    hours, rest = divmod(whole, _HOUR_S)
    return f"{hours} h {rest // _MINUTE_S:02} min"


def seconds_of(text: str) -> float | None:
    """The seconds of a length such as `90s`, `10m`, `2h`, `1h30m` or `1d`; `None` where the text
    is none, or none above 0."""
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        return None
    parts = zip(found.groups(), _UNITS_S, strict=True)
    return float(sum(int(number) * unit for number, unit in parts if number)) or None


def length(seconds: float) -> str:
    """The shortest such text for whole seconds: `10m`, `1h30m`; what `seconds_of` reads."""
    left, text = int(seconds), ""
    for unit, letter in zip(_UNITS_S, "dhms", strict=True):
        number, left = divmod(left, unit)
        text += f"{number}{letter}" if number else ""
    return text or "0s"
