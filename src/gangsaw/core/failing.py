"""The failing tests of a check in words, for status, why and prompts."""

from __future__ import annotations

from gangsaw.core.terms import CheckResult

NAMED_MAX = 3
"""Tests that are named on one line."""


def named_with_tests(result: CheckResult) -> str:
    """`unit`, or `unit (tests/a.py::b and 3 more)`."""
    if not result.failing:
        return result.name
    shown = result.failing[:NAMED_MAX]
    more = len(result.failing) - len(shown) + result.failing_more
    return f"{result.name} ({', '.join(shown)}{f' and {more} more' if more else ''})"
