"""The page of guarantees is what the tests showed, and says so when they did not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw.testing.guarantees import (
    DOCS,
    Guarantee,
    Result,
    is_up_to_date,
    main,
    merged,
    page,
    read_guarantees,
    read_record,
    read_results,
    unproven,
)

LOST = Guarantee("G1", "Nothing is lost", "It is not.", "0")
TWICE = Guarantee("G2", "Nothing is done twice", "It is not.", "0")
SHORT = Result("tests/a.py::test_a", "passed", ("G1",), ("3 of 3",), "2026-11-21", False, "linux")
TESTS = Path(__file__).resolve().parents[1]


def test_the_page_is_up_to_date() -> None:
    assert is_up_to_date(DOCS), "try: ./dev docs"


def test_every_guarantee_is_named_by_a_test_and_no_unknown_one() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    marks = re.findall(r"mark\.guarantee\(([^)]*)\)", text)
    named = {name for mark in marks for name in re.findall(r'"(G\d+)"', mark)}
    promised, _ = read_guarantees(DOCS)
    assert named == {guarantee.id for guarantee in promised}


def test_what_is_recorded_is_of_tests_that_exist_and_passed() -> None:
    for result in read_record(DOCS):
        file, _, name = result.test.partition("::")
        text = (TESTS.parent / file).read_text(encoding="utf-8")
        assert f"def {name.partition('[')[0]}(" in text, result.test
        assert result.outcome == "passed", result.test


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "G1: no test shows it"),
        ([replace(SHORT, outcome="failed")], "G1: failed: tests/a.py::test_a"),
        ([replace(SHORT, outcome="skipped")], "G1: no test shows it"),
        ([SHORT, replace(SHORT, test="b", guarantees=("G7",))], "G7: not in docs/guarantees.toml"),
    ],
)
def test_what_is_not_proven_is_said(found: list[Result], complaint: str) -> None:
    assert complaint in unproven((LOST,), found)


def test_what_is_proven_is_no_complaint() -> None:
    assert unproven((LOST,), [SHORT]) == []
    assert unproven((LOST, TWICE), [SHORT]) == ["G2: no test shows it"]


def test_of_a_test_that_ran_again_the_last_result_counts() -> None:
    failed = replace(SHORT, outcome="failed")
    assert unproven((LOST,), [failed, SHORT]) == []
    assert "G1: failed: tests/a.py::test_a" in unproven((LOST,), [SHORT, failed])


def test_a_record_keeps_long_campaigns_and_forgets_tests_that_are_gone() -> None:
    long = replace(SHORT, long=True, figures=("300 of 300",))
    gone = replace(SHORT, test="tests/a.py::test_gone")
    newer = replace(SHORT, figures=("4 of 4",))
    assert merged([long, gone, SHORT], [newer]) == [newer, long]
    assert merged([newer], [long]) == [newer, long]


def test_the_page_shows_sentence_bound_test_and_figure() -> None:
    text = page((LOST, TWICE), ("Miracles.",), [SHORT])
    assert text.index("## G1: Nothing is lost") < text.index("  - 3 of 3") < text.index("## G2")
    assert "It is not. Bound: **0**." in text
    assert "- `tests/a.py::test_a` (2026-11-21, linux)" in text
    assert "- nothing recorded yet" in text.partition("## G2")[2]
    assert text.endswith("## Not promised\n\n- Miracles.\n")


def test_the_cases_of_one_test_are_one_entry() -> None:
    cases = [replace(SHORT, test=f"{SHORT.test}[{n}]", figures=(f"{n} of 3",)) for n in (1, 2)]
    text = page((LOST,), (), cases)
    assert text.count("`tests/a.py::test_a`") == 1
    assert "(2 cases, 2026-11-21, linux)\n  - 1 of 3\n  - 2 of 3\n" in text


def test_a_figure_of_several_cases_is_told_once_and_a_long_one_once_on_the_page() -> None:
    long = "all of them: " + "; ".join(f"point {n}" for n in range(100))
    cases = [
        replace(SHORT, test=f"{SHORT.test}[{n}]", guarantees=("G1", "G2"), figures=("same", long))
        for n in range(3)
    ]
    text = page((LOST, TWICE), (), cases)
    assert text.count("  - same\n") == 2
    assert text.count(long) == 1


def test_results_of_tests_without_a_guarantee_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    line = {"test": "t", "outcome": "passed", "guarantees": [], "figures": [], "at": "",
            "long": False, "where": ""}  # fmt: skip
    file.write_text(json.dumps(line) + "\n" + json.dumps({**line, "guarantees": ["G1"]}) + "\n")
    assert [result.guarantees for result in read_results(file)] == [("G1",)]


def test_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nonsense"]) == 2
    assert "usage:" in capsys.readouterr().err
