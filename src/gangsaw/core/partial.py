"""Some tests of a check, instead of all of them: what is run then, and what may be learned of it.

A check may say how (`only`). That never says that a tree may land; it only finds the fault in one
that may not. So whatever is wrong with it (a name that its runner does not know, a report that is
not written) costs time, and nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from gangsaw.core.model import Check
from gangsaw.core.terms import CheckResult, Judgement

PLACE = "{tests}"
"""Where the names go in `only`."""

TESTS_MAX = 20
CHARS_MAX = 4000
"""Tests that are run at a time, and characters of all their names: more make no command line. The
others are as red as before when the tree without the culprit is checked as a whole."""


def named_tests(result: CheckResult) -> tuple[str, ...]:
    """The failed tests that can be run by their names: not those whose names were cut, or that a
    command would take for an option."""
    names: list[str] = []
    room = CHARS_MAX
    for name in result.failing[:TESTS_MAX]:
        room -= len(name)
        if room < 0:
            break
        if not name.startswith("-") and not name.endswith("…"):
            names.append(name)
    return tuple(names)


def part_of(check: Check, tests: Iterable[str]) -> Check:
    """The check that runs these tests only. Its key is another one: its green says nothing of the
    whole."""
    line = check.only.replace(PLACE, " ".join(map(shlex.quote, tests)))
    return Check(
        check.name, ("sh", "-c", line), when=check.when, timeout_s=check.timeout_s,
        junit=check.junit, sarif=check.sarif, env=check.env, files=check.files, retries=0,
    )  # fmt: skip


def red_tests(results: Iterable[CheckResult], tests: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the tests that failed by name. A run that failed without naming any of them has
    not run them: a tree without the change that brings a test does not know it."""
    failed = {
        name
        for result in results
        if result.judgement is Judgement.FAILED
        for name in result.failing
    }
    return tuple(name for name in tests if name in failed)
