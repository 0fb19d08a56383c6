"""What follows from what was found in a change that passed its checks.

What is to be blocked goes back to the agent's own session, as a turn like any other; when it has
had its turns, or nothing more may be paid for, a person decides. So does a person about what is to
be reviewed. An approval is for exactly the commit that was shown: the next one is looked at anew.
"""

from __future__ import annotations

from gangsaw.core.events import Cause, ReviewOpened, WorkReturned
from gangsaw.core.honesty import Answer, Concern, answer_to, summary, with_answer
from gangsaw.core.state import Attempt, State


def blocked(state: State, attempt: Attempt) -> tuple[Concern, ...]:
    """What the agent has to mend before its work goes on; nothing once a person has agreed."""
    if attempt.approved:
        return ()
    return with_answer(state.limits.honesty, attempt.concerns, Answer.BLOCK)


def to_review(state: State, attempt: Attempt) -> tuple[Concern, ...]:
    """What a person still has to decide about."""
    if attempt.approved:
        return ()
    return with_answer(state.limits.honesty, attempt.concerns, Answer.BLOCK, Answer.REVIEW)


def shown(state: State, attempt: Attempt) -> tuple[Concern, ...]:
    """All that is known of the work and that the settings do not leave out."""
    rules = state.limits.honesty
    return tuple(
        each
        for each in attempt.concerns
        if answer_to(rules, each.kind, each.path) is not Answer.OFF
    )


def send_back(state: State, attempt: Attempt) -> WorkReturned | None:
    """The work goes back to the agent for what must not land, or `None`."""
    found = blocked(state, attempt)
    return WorkReturned(attempt.id, Cause.CONCERNS, summary(found)) if found else None


def ask_person(state: State, attempt: Attempt) -> ReviewOpened:
    """A person is asked about the work as it is, since the agent has had its turns."""
    return ReviewOpened(attempt.id, f"{review_text(attempt, to_review(state, attempt))}")


def review_text(attempt: Attempt, concerns: tuple[Concern, ...] = ()) -> str:
    """What a person is asked, in one line: the size of the change, its checks, its concerns."""
    files, added, deleted = attempt.diff or (0, 0, 0)
    said = "all checks green" if attempt.results else "no checks"
    text = f"review: {files} file{'s' if files != 1 else ''} +{added} −{deleted}, {said}"
    return f"{text}, {summary(concerns)}" if concerns else text
