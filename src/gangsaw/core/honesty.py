"""What in a change a careful maintainer wants to know of before it lands: a closed set, with one
answer to each. Pure.

A concern says what was seen, never why. Which answer follows is the user's to say, for all files or
by path; `ANSWERS` is what follows where nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gangsaw.core.scopes import covers

CONCERNS_MAX = 100
"""Concerns of one change that are told; those with the graver answer first."""
TEXT_MAX = 240
PLACES_SHOWN = 3
TRAILERS_MAX = 10


class ConcernKind(StrEnum):
    """What may be wrong with a change although its checks are green."""

    OUTSIDE_SCOPE = "outside_scope"
    TESTS_DELETED = "tests_deleted"
    TESTS_SKIPPED = "tests_skipped"
    ASSERTS_WEAKENED = "asserts_weakened"
    CHECKS_CHANGED = "checks_changed"
    SECRET = "secret"
    LARGE_FILE = "large_file"
    BINARY = "binary"
    LINK_OUT = "link_out"
    CONFLICT_MARKERS = "conflict_markers"
    AGENT_SETTINGS = "agent_settings"
    EXECUTABLE = "executable"
    UNREAD = "unread"


class Answer(StrEnum):
    """What follows a concern. `BLOCK`: the agent gets it as its next turn, and at the end of its
    turns a person decides. `REVIEW`: a person decides before it is queued. `WARN`: it is shown, and
    written into the landing. `OFF`: it is not looked for."""

    OFF = "off"
    WARN = "warn"
    REVIEW = "review"
    BLOCK = "block"


ANSWERS: dict[ConcernKind, Answer] = {
    ConcernKind.OUTSIDE_SCOPE: Answer.REVIEW,
    ConcernKind.TESTS_DELETED: Answer.REVIEW,
    ConcernKind.TESTS_SKIPPED: Answer.REVIEW,
    ConcernKind.ASSERTS_WEAKENED: Answer.REVIEW,
    ConcernKind.CHECKS_CHANGED: Answer.REVIEW,
    ConcernKind.SECRET: Answer.BLOCK,
    ConcernKind.LARGE_FILE: Answer.REVIEW,
    ConcernKind.BINARY: Answer.WARN,
    ConcernKind.LINK_OUT: Answer.BLOCK,
    ConcernKind.CONFLICT_MARKERS: Answer.BLOCK,
    ConcernKind.AGENT_SETTINGS: Answer.REVIEW,
    ConcernKind.EXECUTABLE: Answer.WARN,
    ConcernKind.UNREAD: Answer.REVIEW,
}
"""What follows each kind where the settings say nothing."""

SENTENCES: dict[ConcernKind, str] = {
    ConcernKind.OUTSIDE_SCOPE: "touches {places} outside its scope",
    ConcernKind.TESTS_DELETED: "deletes tests in {places}",
    ConcernKind.TESTS_SKIPPED: "skips tests in {places}",
    ConcernKind.ASSERTS_WEAKENED: "weakens tests in {places}",
    ConcernKind.CHECKS_CHANGED: "changes how work is checked in {places}",
    ConcernKind.SECRET: "holds a secret in {places}",
    ConcernKind.LARGE_FILE: "adds large files: {places}",
    ConcernKind.BINARY: "adds binary files: {places}",
    ConcernKind.LINK_OUT: "links out of the tree by {places}",
    ConcernKind.CONFLICT_MARKERS: "holds conflict markers in {places}",
    ConcernKind.AGENT_SETTINGS: "changes what agents may do or are told in {places}",
    ConcernKind.EXECUTABLE: "makes {places} executable",
    ConcernKind.UNREAD: "has parts that were not looked at: {places}",
}
"""What a person is told of all concerns of one kind; `{places}` are files, with lines."""

MENDS: dict[ConcernKind, str] = {
    ConcernKind.OUTSIDE_SCOPE: "Take back what you did outside of your scope.",
    ConcernKind.TESTS_DELETED: "Bring the tests back.",
    ConcernKind.TESTS_SKIPPED: "Let the tests run again, and make them pass.",
    ConcernKind.ASSERTS_WEAKENED: "Let the tests demand what they did before.",
    ConcernKind.CHECKS_CHANGED: "Take back what you changed in how work is checked.",
    ConcernKind.SECRET: (
        "Take the secret out of every one of your commits (git reset --soft to your base, and "
        "commit anew): a further commit would leave it in the history."
    ),
    ConcernKind.LARGE_FILE: "Take the large files out.",
    ConcernKind.BINARY: "Take the binary files out.",
    ConcernKind.LINK_OUT: "Links may only lead to files of this repository, by a relative path.",
    ConcernKind.CONFLICT_MARKERS: "Resolve the conflict, and remove its markers.",
    ConcernKind.AGENT_SETTINGS: "Take back what you changed in settings of agents and in hooks.",
    ConcernKind.EXECUTABLE: "Files that are no programs need not be executable.",
    ConcernKind.UNREAD: "Make the change smaller.",
}
"""What an agent is told to do about it."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing that was seen. `line` counts from 1 in the file as it is now, or with `old` as it
    was before; 0 for the file as a whole."""

    kind: ConcernKind
    path: str
    line: int = 0
    text: str = ""
    old: bool = False


@dataclass(frozen=True, slots=True)
class Honesty:
    """What the settings say: answers by kind, the size in kB from which a file is large, and which
    kinds are allowed for which paths (pattern and kind, `any` for all of them)."""

    answers: tuple[tuple[str, str], ...] = ()
    large_kb: int = 1000
    allow: tuple[tuple[str, str], ...] = ()


ANY_KIND = "any"


def answer_to(rules: Honesty, kind: ConcernKind, path: str) -> Answer:
    """What follows a concern of this kind about this path."""
    for pattern, allowed in rules.allow:
        if allowed in (kind, ANY_KIND) and covers((pattern,), path):
            return Answer.OFF
    told = dict(rules.answers).get(kind)
    return ANSWERS[kind] if told is None else Answer(told)


_GRAVITY = (Answer.BLOCK, Answer.REVIEW, Answer.WARN)


def chosen(rules: Honesty, found: Iterable[Concern]) -> tuple[Concern, ...]:
    """Those that have an answer, the graver ones first, each place once, at most `CONCERNS_MAX`."""
    places: dict[tuple[ConcernKind, str, int, bool], Concern] = {}
    for each in found:
        places.setdefault((each.kind, each.path, each.line, each.old), each)
    ranked = []
    for each in places.values():
        answer = answer_to(rules, each.kind, each.path)
        if answer is not Answer.OFF:
            ranked.append((_GRAVITY.index(answer), each))
    ranked.sort(key=lambda pair: pair[0])
    return tuple(each for _, each in ranked[:CONCERNS_MAX])


def with_answer(rules: Honesty, found: Iterable[Concern], *wanted: Answer) -> tuple[Concern, ...]:
    """Those that have one of these answers, in order."""
    return tuple(each for each in found if answer_to(rules, each.kind, each.path) in wanted)


def place(concern: Concern) -> str:
    """For example `src/a.py:3`, or `src/a.py:3 (before)` for a line that is gone."""
    if not concern.line:
        return concern.path
    return f"{concern.path}:{concern.line}" + (" (before)" if concern.old else "")


def concern_text(concern: Concern) -> str:
    """For example `tests/a.py:3: the test test_sum is gone (tests_deleted)`."""
    return f"{place(concern)}: {concern.text} ({concern.kind.value})"


def summary(concerns: Sequence[Concern]) -> str:
    """All of them in a few words, for example `touches web/router.ts outside its scope`."""
    parts = []
    for kind in dict.fromkeys(each.kind for each in concerns):
        places = list(dict.fromkeys(place(each) for each in concerns if each.kind is kind))
        rest = len(places) - PLACES_SHOWN
        shown = ", ".join(places[:PLACES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
        parts.append(SENTENCES[kind].format(places=shown))
    return ", ".join(parts)


def trailers(concerns: Sequence[Concern]) -> str:
    """Lines for the message of a landing: what is known of it; empty if nothing."""
    lines = [
        f"\nGangsaw-Concern: {each.kind.value} {' '.join(place(each).split())}"
        for each in concerns[:TRAILERS_MAX]
    ]
    rest = len(concerns) - TRAILERS_MAX
    return "".join(lines) + (f"\nGangsaw-Concern: and {rest} more" if rest > 0 else "")


def concern_objects(rules: Honesty, concerns: Iterable[Concern]) -> list[dict[str, object]]:
    """Each as an object, with what follows from it; what the settings leave out is left out."""
    found: list[dict[str, object]] = []
    for each in concerns:
        answer = answer_to(rules, each.kind, each.path)
        if answer is not Answer.OFF:
            found.append(
                {
                    "kind": each.kind.value, "path": each.path, "line": each.line,
                    "before": each.old, "answer": answer.value, "text": each.text,
                }
            )  # fmt: skip
    return found
