"""What in a change a careful maintainer wants to know of. Pure: contents in, concerns out.

Nothing here runs, imports or believes what it reads; a file that cannot be understood is said to be
so, never passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gangsaw.core.changes import Change, ChangedFile
from gangsaw.core.honesty import TEXT_MAX, Concern, ConcernKind, Honesty, chosen
from gangsaw.verify.honesty.comparing import test_concerns
from gangsaw.verify.honesty.contents import content_concerns
from gangsaw.verify.honesty.places import place_concerns

CUT = "…"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the change is held against: the task's scope (empty: anything may be changed), the
    commands of its gate, what the settings say, and `named_in`, which gives the name of the first
    secret in a text, or nothing."""

    scope: tuple[str, ...]
    commands: tuple[str, ...]
    rules: Honesty
    named_in: Callable[[str], str]


def find_concerns(
    change: Change, expected: Expected, since_tests: tuple[ChangedFile, ...] = ()
) -> tuple[Concern, ...]:
    """All concerns about the change that have an answer, the graver ones first. `since_tests` are
    the files that have changed since the tests for it were written."""
    found = [
        *place_concerns(change.files, expected.scope, expected.commands),
        *content_concerns(change, expected.rules.large_kb * 1000, expected.named_in),
        *test_concerns(change.files),
        *test_concerns(since_tests),
    ]
    if change.unread:
        text = f"{change.unread} more files or commits than are looked at"
        found.append(Concern(ConcernKind.UNREAD, "", 0, text))
    return chosen(expected.rules, (_cut(each) for each in found))


def _cut(concern: Concern) -> Concern:
    text = " ".join(concern.text.split())
    if len(text) > TEXT_MAX:
        text = text[: TEXT_MAX - 1] + CUT
    return Concern(concern.kind, concern.path, concern.line, text, concern.old)


__all__ = ["Expected", "find_concerns"]
