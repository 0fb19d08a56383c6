"""A review in structured values, and how it is read from a reviewer's final words. Pure.

The reviewer is told to end with one JSON object:

    {"verdict": "approve" or "reject", "summary": "…",
     "findings": [{"file": "src/a.py", "line": 3, "severity": "major", "text": "…"}]}

It may stand in a code block and have words around it; the last object with a verdict counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FINDINGS_MAX = 100
TEXT_MAX = 2_000
LINE_MAX = 10**9
LOOKS_MAX = 20
NO_WORD = "ended without a verdict"
"""What is said of a reviewer whose turn is over and who said nothing that can be read."""
_BEGINS = re.compile(r'\{\s*["}]')


class Severity(StrEnum):
    """How much a finding matters. The first two stand in the way of a landing."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"
    NOTE = "note"


STANDS_IN_THE_WAY = frozenset({Severity.BLOCKER, Severity.MAJOR})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reviewer found; `line` is 0 and `file` empty where none is named."""

    text: str
    file: str = ""
    line: int = 0
    severity: Severity = Severity.MAJOR


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer thinks of one commit."""

    approved: bool
    findings: tuple[Finding, ...] = ()
    summary: str = ""


def read_review(text: str) -> Review | None:
    """The review in these words, or `None` where there is none.

    An approval that comes with a blocker or a major finding is none: the finding counts.
    """
    words = [each for each in _objects(text) if each.get("verdict") in ("approve", "reject")]
    for found in words[-1:]:
        verdict = found["verdict"]
        listed = found.get("findings")
        items = listed[:FINDINGS_MAX] if isinstance(listed, list) else []
        findings = tuple(each for item in items if (each := _finding(item)) is not None)
        blocked = any(finding.severity in STANDS_IN_THE_WAY for finding in findings)
        summary = _words(found.get("summary"))
        return Review(verdict == "approve" and not blocked, findings, summary)
    return None


def review_text(review: Review, reviewer: str) -> str:
    """The review in one line, for example `codex found 2 things: a.py:3 …`."""
    if not review.findings:
        said = f": {review.summary}" if review.summary else ""
        return f"{reviewer} {'agrees' if review.approved else 'rejects it'}{said}"
    first = finding_text(review.findings[0])
    count = len(review.findings)
    things = "1 thing" if count == 1 else f"{count} things"
    return f"{reviewer} found {things}: {first}"


def finding_text(finding: Finding) -> str:
    """For example `src/a.py:3: off by one (major)`."""
    place = finding.file + (f":{finding.line}" if finding.file and finding.line else "")
    return f"{place + ': ' if place else ''}{finding.text} ({finding.severity})"


def _finding(item: Any) -> Finding | None:
    if isinstance(item, str):
        return Finding(_words(item)) if item.strip() else None
    if not isinstance(item, dict):
        return None
    text = _words(item.get("text") or item.get("message"))
    if not text:
        return None
    told = item.get("line")
    line = told if type(told) is int and 0 < told < LINE_MAX else 0
    try:
        severity = Severity(str(item.get("severity", "major")).lower())
    except ValueError:
        severity = Severity.MAJOR
    return Finding(text, _words(item.get("file")), line, severity)


def _words(value: Any) -> str:
    return " ".join(value.split())[:TEXT_MAX] if isinstance(value, str) else ""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in the text, in order. What is inside one is a part of it, so that
    a finding which quotes a verdict is none. What fails may cost `LOOKS_MAX` looks at the text."""
    decoder, left, found = json.JSONDecoder(), LOOKS_MAX * len(text), _BEGINS.search(text)
    while found is not None and left > 0:
        at = found.start()
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            pos = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            left -= pos - at + 1 + pos // 100  # the error counts the lines before its place
            end = at + 1
        else:
            if isinstance(value, dict):
                yield value
        found = _BEGINS.search(text, end)
