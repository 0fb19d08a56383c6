"""A vendor's limit in the last line of a program without a form, and lines that only look so."""

from __future__ import annotations

import pytest

from gangsaw.agents.last_words import limit_in_words
from gangsaw.core.conditions import Condition
from tests.agents.golden_streams import HERE

NOW = 1_800_000_000.0

TOLD = {
    "429": Condition.THROTTLED,
    "HTTP 429": Condition.THROTTLED,
    "Error: 429 Too Many Requests": Condition.THROTTLED,
    "API Error: 429": Condition.THROTTLED,
    "Error: request failed with status code 429": Condition.THROTTLED,
    'Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}': Condition.THROTTLED,
    "openai.RateLimitError: Error code: 429 - {'error': {}}": Condition.THROTTLED,
    "litellm.RateLimitError: RateLimitError: OpenAIException": Condition.THROTTLED,
    "rate limit exceeded, retry after 20s": Condition.THROTTLED,
    "API Error: 529 Overloaded": Condition.OVERLOADED,
    "You've hit your usage limit. Try again in 3 hours.": Condition.QUOTA,
}

NO_LIMIT = (
    "AssertionError: 429 != 200",
    "E   assert 429 == 200",
    "expected 200, got 429 Too Many Requests",
    "FAILED tests/test_rate.py::test_429 - too many requests",
    "429 passed in 3.2s",
    "wrote a handler for 429 Too Many Requests",
    "+    raise TooManyRequests(429)",
    "client.py:429: error: too many requests",
    "Error: 429 tests failed",
    "script line 1: unknown command: error Error: 429 Too Many Requests",
    "done: 429 lines changed",
    "line 429",
    "port 4290 busy",
    "",
)


@pytest.mark.parametrize("line", TOLD)
def test_last_words_of_a_refusal(line: str) -> None:
    fault = limit_in_words(line, now=NOW)
    assert fault is not None
    assert fault.condition is TOLD[line]


@pytest.mark.parametrize("line", NO_LIMIT)
def test_last_words_about_code(line: str) -> None:
    assert limit_in_words(line, now=NOW) is None


def test_a_pause_that_is_told_is_kept() -> None:
    fault = limit_in_words("rate limit exceeded, retry after 20s", now=NOW)
    assert fault is not None
    assert fault.resets_at == NOW + 20


CLASSES = {"throttle": "THROTTLED", "overloaded": "OVERLOADED", "quota": "QUOTA"}


@pytest.mark.parametrize("what", CLASSES)
def test_every_recorded_limit_has_its_class(what: str) -> None:
    """By the notes of the recordings, which the readers must give: of four programs and more."""
    found = {
        path.name.split("_")[0]: path.read_text(encoding="utf-8").rpartition("TurnOutcome(")[2]
        for path in sorted(HERE.glob(f"*_{what}*.notes"))
    }
    assert len(found) >= 4, found
    wrong = {
        name: outcome
        for name, outcome in found.items()
        if f"condition=<Condition.{CLASSES[what]}" not in outcome
        or "OutcomeKind.LIMITED" not in outcome
    }
    assert not wrong
