"""How a check failed, and which tests, in words for status, why and prompts."""

from __future__ import annotations

from gangsaw.core.terms import CheckResult, Judgement

NAMED_MAX = 3
"""Tests that are named on one line."""


OUT_OF_TIME = "out of time"
ALTERED = "changed tracked files"


def beside_exit_code(result: CheckResult) -> str:
    """Why the result is red where no exit code says so; empty otherwise."""
    if result.judgement is not Judgement.FAILED:
        return ""
    if result.code == 0:
        return ALTERED
    return OUT_OF_TIME if result.timed_out else ""


def named_with_tests(result: CheckResult) -> str:
    """`unit`, `unit (tests/a.py::b and 3 more)` or `unit (out of time)`."""
    if not result.failing:
        how = beside_exit_code(result)
        return f"{result.name} ({how})" if how else result.name
    shown = result.failing[:NAMED_MAX]
    more = len(result.failing) - len(shown) + result.failing_more
    return f"{result.name} ({', '.join(shown)}{f' and {more} more' if more else ''})"
