"""What a run has learned about its checks: how long they take, and which of them are flaky.

A check is flaky that passed and failed on the same tree. Its rate is the number of red runs on
trees on which it also passed, against all its runs that had a verdict. Pure bookkeeping: `evolve`
calls `learn` for every result, policies and views ask the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gangsaw.core.terms import CheckResult, Judgement

DURATIONS_MAX = 50
"""How many of the latest green runs are remembered."""

RUNS_KNOWN = 5
"""So many green runs have to be known before they say how long a run may take."""

TIMES_P95 = 3.0
TIMEOUT_MIN_S = 60.0
"""A run may take so many times what 95 of 100 green runs stay below, and at least so long."""


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check in this run: the durations of its latest green runs in seconds, in order; its runs
    with a verdict; and those of them that were red on a tree on which it also passed."""

    name: str
    green_s: tuple[float, ...] = ()
    runs: int = 0
    flakes: int = 0

    @property
    def text(self) -> str:
        """`unit 2 of 31`: how often it was red for nothing."""
        return f"{self.name} {self.flakes} of {self.runs}"


def learn(
    known: dict[str, CheckRecord],
    red: dict[str, dict[str, int]],
    tree: str,
    green: frozenset[str],
    result: CheckResult,
) -> None:
    """Fold one result on a tree into `known` and `red` (red runs by tree and check). `green` are
    the checks that have passed on that tree before. A result that was only remembered, and one
    without a verdict, teach nothing."""
    if result.seen_at or result.judgement is Judgement.INCONCLUSIVE:
        return
    key = result.of
    before = known.get(key) or CheckRecord(result.name)
    passed = result.judgement is Judgement.PASSED
    reds = result.red_runs + int(not passed)
    flakes = before.flakes
    durations = before.green_s
    if passed:
        flakes += reds + red.get(tree, {}).pop(key, 0)
        if result.duration_s > 0:
            durations = (*durations, result.duration_s)[-DURATIONS_MAX:]
    elif key in green:
        flakes += reds
    else:
        of_tree = red.setdefault(tree, {})
        of_tree[key] = of_tree.get(key, 0) + reds
    known[key] = CheckRecord(result.name, durations, before.runs + result.red_runs + 1, flakes)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them (0 to 1) does not exceed; 0 of
    none."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else 0.0


def learned_timeout_s(record: CheckRecord | None, limit_s: float) -> float:
    """How long a run may take: what green runs teach, and never more than the configured limit."""
    if record is None or len(record.green_s) < RUNS_KNOWN:
        return limit_s
    return min(limit_s, max(TIMEOUT_MIN_S, TIMES_P95 * percentile(record.green_s, 0.95)))


def flaky(known: dict[str, CheckRecord]) -> tuple[CheckRecord, ...]:
    """The checks that are flaky, the worst first."""
    found = [record for record in known.values() if record.flakes]
    return tuple(sorted(found, key=lambda record: (-record.flakes / record.runs, record.name)))
