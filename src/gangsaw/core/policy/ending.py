"""What follows a launch that has ended: the same turn once more, the session gone on with, the
reviewer's word taken, the attempt failed, or its work looked at."""

from __future__ import annotations

from gangsaw.core.conditions import Condition
from gangsaw.core.events import Cause, Event, TurnWanted
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import TurnKind
from gangsaw.core.policy import remedy, retry, review
from gangsaw.core.state import Attempt, Exit, State

NEVER_RAN_MAX = 5
"""How often a launch of one attempt may end before the agent ran, until the attempt fails."""

CRASHES_CONTINUED_MAX = 3
"""How often a crashed session is taken up again within one attempt."""


def after_exit(state: State, attempt: Attempt, now: float) -> list[Event] | None:
    """What follows a launch that ended; `None` when its work is to be looked at."""
    ended = attempt.exit
    assert ended is not None
    reviews = attempt.why is TurnKind.REVIEW
    if attempt.stop_cause is Cause.SAID_DONE and not ended.never_ran:
        return None
    if attempt.stop_cause is Cause.BUDGET and ended.outcome is OutcomeKind.DONE and not reviews:
        return None  # it was ready before it could be stopped: checks cost no money
    if attempt.stop_cause is not None:
        if reviews:
            return review.after_review(state, attempt, now)
        if attempt.stop_cause is Cause.MEMORY:
            return remedy.after_memory_stop(state, attempt, now)
        if attempt.stop_cause is Cause.BUDGET:
            return [remedy.stopped_for_money(state, attempt)]
        if attempt.stop_cause is Cause.STALLED:
            return remedy.follow(state, attempt, Condition.STALLED, now)
        return retry.fail(state, attempt, attempt.stop_cause, retry.stop_text(state, attempt), now)
    if ended.no_room and not reviews:
        return retry.fail(state, attempt, Cause.NO_ROOM, f"{ended.text} (the disk was full)", now)
    if ended.never_ran and attempt.launch - attempt.ran < NEVER_RAN_MAX:
        return [_once_more(attempt)]
    if reviews:
        return review.after_review(state, attempt, now)
    if ended.condition is not None and ended.outcome is not OutcomeKind.CRASHED:
        return remedy.follow(state, attempt, ended.condition, now)
    match ended.outcome:
        case OutcomeKind.DONE:
            return None
        case OutcomeKind.CRASHED:
            return _after_crash(state, attempt, ended, now)
        case OutcomeKind.FAILED:
            return retry.fail(state, attempt, Cause.EXIT, ended.text, now)
        case OutcomeKind.LIMITED:
            return retry.fail(state, attempt, Cause.LIMITED, ended.text, now)
        case OutcomeKind.REFUSED:
            return retry.fail(state, attempt, Cause.REFUSED, ended.text, now)


def _once_more(attempt: Attempt) -> TurnWanted:
    """The same turn in a new folder: it never ran."""
    return TurnWanted(
        attempt.id,
        attempt.turn,
        attempt.launch + 1,
        attempt.why,
        attempt.onto,
        attempt.acting,
        fresh=bool(attempt.acting),
    )


def _after_crash(state: State, attempt: Attempt, ended: Exit, now: float) -> list[Event]:
    if ended.never_ran:
        return retry.fail(state, attempt, Cause.LOST, ended.text or "could not be launched", now)
    if attempt.crashes <= CRASHES_CONTINUED_MAX and remedy.can_go_on(state, attempt):
        if retry.is_spent(state, attempt):
            return [remedy.park_unpaid(state, attempt, Condition.CRASHED)]
        fresh = not remedy.resumes(state, attempt)
        return [retry.wanted_turn(attempt, TurnKind.CONTINUE, fresh=fresh)]
    cause = Cause.LOST if ended.lost else Cause.CRASHED
    return retry.fail(state, attempt, cause, ended.text or "its process was killed", now)
