"""The stages of a task: what an author's checked work, or a reviewer's word, leads to.

A review is a turn of another agent (or of the task's own, in a session of its own) which sees the
task, the change and the evidence, and writes nothing that can land. What it finds goes back to the
author's session; how often is bounded, and then a person is asked.
"""

from __future__ import annotations

from gangsaw.core.apart import kept_apart
from gangsaw.core.conditions import REMEDIES, Condition, Remedy
from gangsaw.core.events import (
    Cause,
    Event,
    ReviewOpened,
    ReviewPassed,
    TurnWanted,
    WorkReturned,
)
from gangsaw.core.findings import NO_WORD, review_text
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.model import Stage, TurnKind, attempt_id
from gangsaw.core.policy import remedy, retry
from gangsaw.core.policy.accounts import is_limited
from gangsaw.core.policy.admission import stand_in
from gangsaw.core.policy.seats import choices, has_slot, is_out, out_text
from gangsaw.core.policy.undo import kept_turns
from gangsaw.core.state import Attempt, State

REVIEW_TRIES_MAX = 3
"""How often a reviewer is asked about one commit before a person is asked instead."""


def first_turn(state: State, attempt: Attempt) -> TurnKind:
    """What the author begins with. Earlier work that is gone on with has its tests already, if it
    had come that far by then."""
    if Stage.TEST not in state.tasks[attempt.task].stages:
        return TurnKind.WORK
    for kept in kept_turns(state, attempt.task):
        begun = state.attempts[attempt_id(attempt.task, kept.attempt)].begun
        if kept.ref == attempt.start and 0 < begun <= kept.launch + 1:
            return TurnKind.WORK
    return TurnKind.TEST


def reviewer_of(state: State, attempt: Attempt) -> str:
    """The agent that is to review the attempt's work: its own, if nobody else is named."""
    task = state.tasks[attempt.task]
    those = choices(state, task)
    own = attempt.agent if attempt.agent in those else those[0]
    return task.reviewer or state.limits.reviewer or own


def reviewer_now(state: State, attempt: Attempt, now: float) -> str:
    """The agent that reviews it now: an author that begins nothing else still reviews its own."""
    wanted = reviewer_of(state, attempt)
    if wanted == attempt.agent and not is_limited(state, wanted, now):
        return wanted
    return stand_in(state, wanted, now)


def wants_review(state: State, attempt: Attempt) -> bool:
    """Whether an agent is still to review exactly this work."""
    asked = Stage.REVIEW in state.tasks[attempt.task].stages
    return asked and not attempt.agreed and not attempt.approved


def wants_person(state: State, attempt: Attempt) -> bool:
    """Whether a person is still to agree with exactly this work."""
    task = state.tasks[attempt.task]
    asked = task.review is not task.review.NONE or Stage.APPROVE in task.stages
    return asked and not attempt.approved


def ask_reviewer(state: State, attempt: Attempt, now: float) -> list[Event]:
    """The review turn; nothing while the run stops or the reviewer has no slot. A person is asked
    instead where no further turn may be paid for, or the reviewer begins nothing."""
    reviewer = reviewer_now(state, attempt, now)
    begun = reviewer == attempt.agent
    if is_out(state, reviewer) and not begun:
        text = f"review: nobody has judged it, {out_text(state, reviewer)}"
        return [ReviewOpened(attempt.id, text)]
    if retry.is_spent(state, attempt, reviewer):
        return [_unpaid(attempt, reviewer)]
    free = has_slot(state, reviewer, begun=begun)
    if state.stopping or not free or kept_apart(state, attempt.task):
        return []
    return [_review_turn(attempt, reviewer)]


def _review_turn(attempt: Attempt, reviewer: str) -> TurnWanted:
    return TurnWanted(
        attempt.id, attempt.turn + 1, attempt.launch + 1, TurnKind.REVIEW, None, reviewer, True
    )


def _unpaid(attempt: Attempt, reviewer: str) -> ReviewOpened:
    return ReviewOpened(attempt.id, f"review: the budget is spent, so {reviewer} has not judged it")


def after_review(state: State, attempt: Attempt, now: float) -> list[Event]:
    """What follows a review turn that has ended. Whatever happened to the reviewer, the work that
    it was shown is as good as before."""
    ended, stopped_by = attempt.exit, attempt.stop_cause
    assert ended is not None
    if stopped_by in retry.ENDED_BY:
        return retry.fail(state, attempt, stopped_by, retry.stop_text(state, attempt), now)
    if attempt.given is not None:
        return _after_word(state, attempt)
    if stopped_by is Cause.MEMORY:
        return remedy.after_memory_stop(state, attempt, now)
    if stopped_by is Cause.BUDGET:
        return [_unpaid(attempt, attempt.seat)]
    if stopped_by is Cause.STOPPED and retry.is_spent(state, attempt):
        return [_unpaid(attempt, attempt.seat)]
    if stopped_by is Cause.STOPPED:
        return [_review_turn(attempt, attempt.seat)]
    condition = ended.condition if stopped_by is None else None
    passes = condition is not None and _passes(state, attempt, condition)
    if condition is not None and passes and attempt.waits < remedy.WAITS_MAX:
        followed = remedy.follow(state, attempt, condition, now)
        assert followed is not None
        return followed
    # One that is refused would be so again.
    refused = stopped_by is None and ended.outcome is OutcomeKind.REFUSED
    if attempt.review_tries < REVIEW_TRIES_MAX and not refused:
        is_spent = retry.is_spent(state, attempt)
        return [_unpaid(attempt, attempt.seat) if is_spent else _review_turn(attempt, attempt.seat)]
    said = retry.stop_text(state, attempt) if stopped_by else ended.text
    text = f"the reviewer {attempt.seat} {NO_WORD}" + (f": {said}" if said else "")
    return [ReviewOpened(attempt.id, text)]


def _passes(state: State, attempt: Attempt, condition: Condition) -> bool:
    """Whether it passes by itself, or another agent can review in this one's place."""
    waits = REMEDIES[condition] is Remedy.WAIT or condition is Condition.QUOTA
    return waits or bool(remedy.place_elsewhere(state, attempt, condition))


def _after_word(state: State, attempt: Attempt) -> list[Event]:
    review, reviewer = attempt.given, attempt.seat
    assert review is not None
    text = review_text(review, reviewer)
    if review.approved:
        return [ReviewPassed(attempt.id, reviewer, text)]
    if attempt.rejections + 1 >= state.limits.rounds_max:
        rounds = attempt.rejections + 1
        times = "once" if rounds == 1 else f"{rounds} times"
        return [ReviewOpened(attempt.id, f"review: rejected {times} · {text}")]
    return [WorkReturned(attempt.id, Cause.FINDINGS, text)]


def work_turn(state: State, attempt: Attempt, now: float) -> list[Event]:
    """The tests are written and fail: now the work itself, in the same session; nothing while the
    run stops or the agent has no slot."""
    if retry.is_spent(state, attempt, attempt.agent):
        text = "its tests are written, and the budget is spent"
        return retry.fail(state, attempt, Cause.BUDGET, text, now)
    free = has_slot(state, attempt.agent, begun=True)
    if state.stopping or not free or kept_apart(state, attempt.task):
        return []
    return [retry.wanted_turn(attempt, TurnKind.WORK)]
