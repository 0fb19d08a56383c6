"""A length of time in words."""

from __future__ import annotations

_MINUTE_S, _HOUR_S = 60, 3600


def span(seconds: float) -> str:
    """A length of time in words: `8 s`, `24 min`, `3 h 05 min`."""
    whole = max(0, int(seconds))
    if whole < 2 * _MINUTE_S:
        return f"{whole} s"
    if whole < 2 * _HOUR_S:
        return f"{whole // _MINUTE_S} min"
    hours, rest = divmod(whole, _HOUR_S)
    return f"{hours} h {rest // _MINUTE_S:02} min"
