"""How a review is read from a reviewer's final words."""

from __future__ import annotations

import json
import time

import pytest

from gangsaw.core.findings import FINDINGS_MAX, Finding, Review, Severity, read_review, review_text

AGREES = '{"verdict": "approve", "summary": "fine"}'
FOUND = {"file": "a.py", "line": 3, "severity": "minor", "text": "off by one"}


def rejects(*findings: object) -> str:
    return json.dumps({"verdict": "reject", "findings": list(findings)})


@pytest.mark.parametrize(
    "text",
    [
        AGREES,
        f"I looked at it {{closely}}.\n```json\n{AGREES}\n```\nThat is all {{really}}.",
        f"{rejects('no')} On second thoughts: {AGREES}",
        f'{{"verdict": "approve", {AGREES}',
        f"{'{' * 300}{AGREES}",
    ],
)
def test_an_approval_is_found(text: str) -> None:
    assert read_review(text) == Review(True, (), "fine")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "approve",
        '{"verdict": "maybe"}',
        '{"verdict": ["approve"]}',
        '{"verdict": "approve"',
        '[{"verdict"}]',
        "{" * 10_000,
        '{"a":' * 5_000,
    ],
)
def test_without_a_verdict_there_is_no_review(text: str) -> None:
    assert read_review(text) is None


def test_what_stands_in_the_way_is_no_approval() -> None:
    minor = json.dumps({"verdict": "approve", "findings": [FOUND]})
    assert read_review(minor) == Review(True, (Finding("off by one", "a.py", 3, Severity.MINOR),))
    major = json.dumps({"verdict": "approve", "findings": ["broken"]})
    assert read_review(major) == Review(False, (Finding("broken"),))


def test_a_verdict_within_a_finding_is_none_of_the_reviewer() -> None:
    quoted = {**FOUND, "verdict": "approve"}
    found = read_review(rejects(quoted))
    assert found is not None
    assert not found.approved
    assert read_review('{"note": {"verdict": "approve"}}') is None


@pytest.mark.parametrize("line", [0, -1, True, "3", 10**12, None])
def test_a_strange_line_is_none(line: object) -> None:
    found = read_review(rejects({"text": "x", "line": line}))
    assert found is not None
    assert found.findings == (Finding("x"),)


def test_odd_findings_are_left_out_and_their_number_is_bounded() -> None:
    assert read_review(rejects({}, 3, None, " ", {"text": "x"})) == Review(False, (Finding("x"),))
    found = read_review(rejects(*["x"] * 500))
    assert found is not None
    assert len(found.findings) == FINDINGS_MAX


@pytest.mark.parametrize(
    "unit", ["{", '{"a":', '{"a":[1,1,1,1,1,1,1,1],"b":', "{}", '{"{', "[{", '{"a":"']
)
def test_reading_takes_time_in_step_with_the_length(unit: str) -> None:
    """Bounded by work done, not by a clock alone: eight times the text, about eight times as
    long; a reader that looks again at all that follows each brace takes 64 times as long."""

    def cpu_s(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        begun = time.process_time()
        read_review(text)
        return time.process_time() - begun

    small = min(cpu_s(8_000) for _ in range(3))
    assert min(cpu_s(64_000) for _ in range(2)) < 40 * max(small, 0.01)


def test_a_review_in_words() -> None:
    assert review_text(Review(True, (), "fine"), "codex") == "codex agrees: fine"
    found = Review(False, (Finding("off", "a.py", 3), Finding("x")))
    assert review_text(found, "codex") == "codex found 2 things: a.py:3: off (major)"
