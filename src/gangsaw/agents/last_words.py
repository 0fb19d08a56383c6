"""The vendor's limit in the last line of a program whose output has no form. Pure.

An agent may be at work on code that speaks of limits, and its tests may end with such a line: only
words that a refusal has are believed, and only where they stand as a refusal has them.
"""

from __future__ import annotations

import re

from gangsaw.agents.faults import LOOKED_AT, Fault, fault_of
from gangsaw.core.conditions import Condition

# Words that only a vendor's refusal has, and a number only where it is called one.
_LIMIT_WORDS = re.compile(
    r"\b429\b[\s:,;({\[-]{0,3}(?:too many requests|rate.?limit|resource.?exhausted)"
    r"|(?:too many requests|rate.?limit\w*|throttl\w+)[^\n]{0,30}\b429\b"
    r"|\bRateLimitError\b|\brate_limit_(?:error|exceeded)\b|\boverloaded_error\b"
    r"|\bRESOURCE_EXHAUSTED\b|\binsufficient_quota\b"
    r"|\brate limit (?:was |is |has been )?(?:exceeded|reached|hit)\b|\btoo many requests\b"
    r"|\b(?:usage|session|weekly|daily|5-hour) limit (?:was |is |has been )?reached"
    r"|\bhit your [^.\n]{0,30}limit\b|\bexceeded your [^.\n]{0,30}quota\b",
    re.IGNORECASE,
)
# A refusal's words stand at the line's beginning, after such as these; a bare number stands alone
# among them.
_STATUS_WORDS = frozenset(
    re.findall(
        r"\w+",
        "fatal error api http https llm request response provider model status code failed with "
        "the a returned by after too many requests overloaded openai anthropic google gemini "
        "claude codex litellm ai type message exceeded retry limit last unexpected you ve your "
        "account stream got ",
    )
)
# A test's complaint, a diff or a place in a file: the number is what the agent works on.
_ABOUT_CODE = re.compile(
    r"\bassert|\bexpect(?:ed|s)?\b|[!=]=|===|\bto (?:be|equal)\b|\btests?\b|\btest_|::"
    r"|\b\w+\.(?:py|js|ts|go|rs|java|rb|c|md|txt|json)\b|^\s*(?:[+>|-]|\d+[:|])|\bpassed\b",
    re.IGNORECASE,
)
_PASSING = frozenset({Condition.QUOTA, Condition.THROTTLED, Condition.OVERLOADED})


def limit_in_words(line: str, *, now: float | None = None) -> Fault | None:
    """The vendor's limit that the last line of a failed program tells, which has no form of its
    own; `None` for anything else. Stricter than `fault_of`: such a line may as well be the end of
    a test run, and an agent may be at work on code that speaks of limits."""
    looked_at = line[:LOOKED_AT]
    found = _LIMIT_WORDS.search(looked_at)
    told = _are_status_words(looked_at[: found.start()]) if found else _is_bare_status(looked_at)
    if not told or _ABOUT_CODE.search(looked_at):
        return None
    fault = fault_of(looked_at, now=now)
    if fault is None:
        return Fault(Condition.OVERLOADED if "529" in looked_at else Condition.THROTTLED)
    return fault if fault.condition in _PASSING else None


def _is_bare_status(line: str) -> bool:
    return any(status in line for status in ("429", "529")) and _are_status_words(line)


def _are_status_words(text: str) -> bool:
    words = re.findall(r"[^\W_]+", text.lower())
    return all(
        word in _STATUS_WORDS or word.isdigit() or word.endswith(("error", "exception"))
        for word in words
    )
