"""What a run learns about its checks: durations, limits, and which of them are flaky."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw.core import check_records as cr
from gangsaw.core.check_records import CheckRecord
from gangsaw.core.terms import CheckResult, Judgement

PASSED, FAILED, OPEN = Judgement.PASSED, Judgement.FAILED, Judgement.INCONCLUSIVE


class Book:
    """What `evolve` keeps: records, red runs by tree, and what is green where."""

    def __init__(self) -> None:
        self.known: dict[str, CheckRecord] = {}
        self.red: dict[str, dict[str, int]] = {}
        self.green: dict[str, frozenset[str]] = defaultdict(frozenset)

    def take(self, tree: str, judgement: Judgement, seconds: float = 1.0, **more: object) -> Book:
        result = CheckResult("unit", judgement, seconds, **more)  # type: ignore[arg-type]
        cr.learn(self.known, self.red, tree, self.green[tree], result)
        if judgement is PASSED:
            self.green[tree] |= {"unit"}
        return self

    @property
    def rate(self) -> tuple[int, int]:
        found = self.known["unit"]
        return found.flakes, found.runs


def test_red_then_green_on_one_tree_is_flaky() -> None:
    assert Book().take("t1", FAILED).take("t1", PASSED).rate == (1, 2)
    assert Book().take("t1", PASSED).take("t1", FAILED).rate == (1, 2)
    assert Book().take("t1", PASSED, red_runs=2).rate == (2, 3)
    assert Book().take("t1", FAILED, red_runs=1).take("t1", PASSED).rate == (2, 3)


def test_red_and_green_on_different_trees_is_not() -> None:
    book = Book().take("t1", FAILED, red_runs=1).take("t2", PASSED)
    assert book.rate == (0, 3)
    assert cr.flaky(book.known) == ()


def test_what_has_no_verdict_or_was_not_run_teaches_nothing() -> None:
    book = Book().take("t1", FAILED).take("t1", OPEN, red_runs=1)
    assert book.rate == (0, 1)
    assert book.take("t1", PASSED, seen_at=1.0, seen_in="r1").rate == (0, 1)
    assert book.known["unit"].green_s == ()


def test_the_worst_comes_first() -> None:
    known = {
        "a": CheckRecord("a", (), 10, 1),
        "b": CheckRecord("b", (), 10, 0),
        "c": CheckRecord("c", (), 31, 9),
    }
    assert [each.text for each in cr.flaky(known)] == ["c 9 of 31", "a 1 of 10"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from((PASSED, FAILED, OPEN)))))
def test_the_rate_is_that_of_counting_by_hand(runs: list[tuple[str, Judgement]]) -> None:
    book = Book()
    for tree, judgement in runs:
        book.take(tree, judgement)
    counted = [(tree, judgement) for tree, judgement in runs if judgement is not OPEN]
    mixed = {t for t, j in counted if j is PASSED} & {t for t, j in counted if j is FAILED}
    flakes = sum(1 for tree, judgement in counted if judgement is FAILED and tree in mixed)
    assert (book.rate if counted else (0, 0)) == (flakes, len(counted))


def test_a_limit_is_learned_from_five_green_runs() -> None:
    book = Book()
    for seconds in (40.0, 30.0, 10.0, 20.0):
        book.take("t", PASSED, seconds)
    assert cr.learned_timeout_s(book.known["unit"], 1800) == 1800
    book.take("t", PASSED, 50.0)
    assert cr.learned_timeout_s(book.known["unit"], 1800) == 150
    assert cr.learned_timeout_s(book.known["unit"], 100) == 100
    assert cr.learned_timeout_s(None, 100) == 100


def test_quick_checks_have_a_minute() -> None:
    book = Book()
    for _ in range(5):
        book.take("t", PASSED, 0.2)
    assert cr.learned_timeout_s(book.known["unit"], 1800) == 60


def test_only_the_latest_green_runs_count() -> None:
    book = Book()
    for _ in range(cr.DURATIONS_MAX):
        book.take("t", PASSED, 500.0)
    for _ in range(cr.DURATIONS_MAX):
        book.take("t", PASSED, 100.0)
    assert len(book.known["unit"].green_s) == cr.DURATIONS_MAX
    assert cr.learned_timeout_s(book.known["unit"], 1800) == 300


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.5, 0.0), ([3.0], 0.95, 3.0), ([1, 2, 3, 4], 0.5, 2), (list(range(1, 101)), 0.95, 95)],
)
def test_percentile(values: list[float], share: float, found: float) -> None:
    assert cr.percentile(values, share) == found
