"""What follows from what was found in a change: the table of answers, and what is decided."""

from __future__ import annotations

import dataclasses

import pytest

from gangsaw.core import events as ev
from gangsaw.core.honesty import (
    ANSWERS,
    CONCERNS_MAX,
    MENDS,
    SENTENCES,
    Answer,
    Concern,
    ConcernKind,
    Honesty,
    answer_to,
    chosen,
    concern_text,
    summary,
    trailers,
)
from gangsaw.core.launch import OutcomeKind, TurnOutcome
from gangsaw.core.model import Limits, TurnKind
from gangsaw.core.observations import (
    Asked,
    LaunchExited,
    LaunchStarted,
    Observation,
    WorkInspected,
)
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from tests.core.core_stage import state_after, working

SCOPE = Concern(ConcernKind.OUTSIDE_SCOPE, "web/router.ts", 0, "is new, outside the task's scope")
KEY = Concern(ConcernKind.SECRET, "a.py", 3, "holds the value of TOKEN")
IMAGE = Concern(ConcernKind.BINARY, "a.png", 0, "is new, and no text")


EXITED = "in LaunchExited a.1 launch=1 outcome=done code=0\n"


def inspected(*concerns: Concern, turns: int = 3) -> tuple[State, list[ev.Event]]:
    """The state once the first work of `a` was looked at and these were found, and the events."""
    state = state_after(f"task a\nlimits turns_max={turns}\n" + working("a") + EXITED)
    return state, asked(state, WorkInspected("a.1", 1, "w-a", "t-a", 1, 1, 0, concerns=concerns))


def asked(state: State, seen: Observation) -> list[ev.Event]:
    """The events of a turn with one observation."""
    return turn(state, 200.0, [seen])[0]


APPROVES = Asked("k", "approve", "a", "ann")


def test_every_kind_has_an_answer_and_words() -> None:
    assert set(ANSWERS) == set(SENTENCES) == set(MENDS) == set(ConcernKind)
    assert Answer.OFF not in ANSWERS.values()


@pytest.mark.parametrize(
    ("rules", "kind", "path", "answer"),
    [
        (Honesty(), ConcernKind.SECRET, "a", Answer.BLOCK),
        (Honesty(answers=(("secret", "warn"),)), ConcernKind.SECRET, "a", Answer.WARN),
        (Honesty(answers=(("secret", "warn"),)), ConcernKind.BINARY, "a", Answer.WARN),
        (Honesty(allow=(("docs", "secret"),)), ConcernKind.SECRET, "docs/a", Answer.OFF),
        (Honesty(allow=(("docs", "secret"),)), ConcernKind.SECRET, "src/a", Answer.BLOCK),
        (Honesty(allow=(("docs", "binary"),)), ConcernKind.SECRET, "docs/a", Answer.BLOCK),
        (Honesty(allow=(("*.pem", "any"),)), ConcernKind.SECRET, "x/y.pem", Answer.OFF),
    ],
)
def test_the_answer_to_a_concern(
    rules: Honesty, kind: ConcernKind, path: str, answer: Answer
) -> None:
    assert answer_to(rules, kind, path) is answer


def test_chosen_are_those_with_an_answer_each_once_the_graver_first() -> None:
    rules = Honesty(answers=(("executable", "off"),))
    odd = Concern(ConcernKind.EXECUTABLE, "x")
    assert chosen(rules, [IMAGE, SCOPE, odd, KEY, SCOPE]) == (KEY, SCOPE, IMAGE)
    many = [Concern(ConcernKind.BINARY, f"{n}") for n in range(CONCERNS_MAX + 1)]
    assert len(chosen(rules, [*many, KEY])) == CONCERNS_MAX


def test_concerns_in_words() -> None:
    gone = Concern(ConcernKind.TESTS_DELETED, "t.py", 4, "the test test_a is gone", old=True)
    assert concern_text(gone) == "t.py:4 (before): the test test_a is gone (tests_deleted)"
    others = [Concern(ConcernKind.OUTSIDE_SCOPE, f"b{n}") for n in range(4)]
    assert summary([SCOPE]) == "touches web/router.ts outside its scope"
    assert summary([*others, KEY]) == (
        "touches b0, b1, b2 and 1 more outside its scope, holds a secret in a.py:3"
    )
    lines = trailers([IMAGE] * 12).splitlines()
    assert lines[1] == "Gangsaw-Concern: binary a.png"
    assert lines[-1] == "Gangsaw-Concern: and 2 more"
    assert "\n" not in trailers([Concern(ConcernKind.BINARY, "a\nGangsaw-Task: b")])[1:]


def test_what_is_only_to_be_shown_lands() -> None:
    _, events = inspected(IMAGE)
    assert ev.ChangeQueued("a.1", "w-a") in events


def test_what_is_to_be_reviewed_waits_for_a_person_in_words() -> None:
    state, events = inspected(SCOPE, IMAGE)
    opened = events[-1]
    assert isinstance(opened, ev.ReviewOpened)
    assert opened.text == (
        "review: 1 file +1 −0, no checks, touches web/router.ts outside its scope"
    )
    assert ev.ChangeQueued("a.1", "w-a") in asked(state, APPROVES)


def test_what_is_to_be_blocked_goes_back_to_the_agent() -> None:
    _, events = inspected(KEY, SCOPE)
    returned = ev.WorkReturned("a.1", ev.Cause.CONCERNS, "holds a secret in a.py:3")
    assert returned in events
    wanted = events[-1]
    assert isinstance(wanted, ev.TurnWanted)
    assert wanted.why is TurnKind.FIX


def test_when_the_turns_are_used_up_a_person_decides() -> None:
    state, events = inspected(KEY, turns=1)
    assert [event.kind for event in events][-2:] == ["work.returned", "review.opened"]
    assert "holds a secret in a.py:3" in state.attempts["a.1"].review_text
    assert ev.ChangeQueued("a.1", "w-a") in asked(state, APPROVES)


def test_an_approval_is_for_one_commit() -> None:
    state, _ = inspected(SCOPE)
    asked(state, APPROVES)
    assert state.attempts["a.1"].approved
    # Another turn, for whatever reason, and another commit.
    asked(state, Asked("s", "say", "a", "ann", "more"))
    assert state.attempts["a.1"].launch == 2
    asked(state, LaunchStarted("a.1", 2, 1, ""))
    done = TurnOutcome(OutcomeKind.DONE, "done")
    asked(state, LaunchExited("a.1", 2, done, 0, None))
    events = asked(state, WorkInspected("a.1", 2, "w2", "t2", 1, 1, 0, concerns=(SCOPE,)))
    assert events[-1].kind == "review.opened"


def test_an_earlier_log_has_no_concerns_and_a_later_one_keeps_them() -> None:
    body = {"attempt": "a.1", "commit": "c", "tree": "t", "files": 1, "added": 1, "deleted": 0}
    event = decode_event("work.found", body)
    assert isinstance(event, ev.WorkFound)
    assert event.concerns == ()
    told = dataclasses.replace(event, concerns=(SCOPE, KEY))
    assert decode_event("work.found", encode(told)) == told
    changed = ev.LimitsChanged(Limits(honesty=Honesty((("secret", "warn"),), 5, (("a", "any"),))))
    assert decode_event("limits.changed", encode(changed)) == changed
