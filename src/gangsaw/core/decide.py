"""State, now → intents. Policies in a fixed order: stop, follow up, land, deliver, admit, finish.

Each policy looks at live attempts, the landing queue or the ready list, never at all tasks.
"""

from __future__ import annotations

from collections.abc import Callable

from gangsaw.core import chain, governing, overlapping, talk, watching
from gangsaw.core import events as ev
from gangsaw.core.apart import alone_text, kept_apart
from gangsaw.core.conditions import Condition
from gangsaw.core.events import Cause, Event, Judgement
from gangsaw.core.evolve import evolve
from gangsaw.core.machine import Deed
from gangsaw.core.model import Deliver, TurnKind, Uncommitted, Workspace
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy import (
    accounts,
    after,
    delivery,
    ending,
    honesty,
    landing,
    money,
    remedy,
    retry,
    review,
    stall,
    waves,
)
from gangsaw.core.policy.admission import admit, may_take_slot
from gangsaw.core.state import Attempt, State, is_live
from gangsaw.core.trouble import TROUBLES_MAX, worst_trouble

ROUNDS_MAX = 100_000
"""Bound of the rounds until nothing more is wanted; reaching it is a bug."""

Policy = Callable[[State, float], list[Event]]


def decide(state: State, now: float) -> list[Event]:
    """Everything wanted now, in order. `state` already contains it when this returns."""
    wanted: list[Event] = []
    for _ in range(ROUNDS_MAX):
        events = _first(state, now)
        if not events:
            return wanted
        for event in events:
            evolve(state, event, now)
        wanted += events
    raise RuntimeError("decide does not come to rest")


def _first(state: State, now: float) -> list[Event]:
    """The intents of the first policy that wants anything."""
    for policy in POLICIES:
        events = policy(state, now)
        if events:
            return events
    return []


def _stop(state: State, now: float) -> list[Event]:
    """Stops: of what is overdue, cancelled, in trouble, or of everything."""
    for name in state.live:
        attempt = state.attempts[name]
        events = _stop_one(state, attempt, now) if is_live(attempt) else []
        if events:
            return events
    return []


def _stop_one(state: State, attempt: Attempt, now: float) -> list[Event]:
    alive = attempt.phase in AGENT_ALIVE
    cause = stall.overdue(state, attempt, now) if attempt.phase is Phase.RUNNING else None
    known_task = state.task_states[attempt.task]
    if known_task.cancel_wanted:
        cause = Cause.CANCELLED
    elif known_task.unmet:
        # It started when all it needs had landed: something of that was undone.
        cause = Cause.UNDONE
    elif state.stopping and alive:
        cause = Cause.STOPPED
    elif attempt.taken_by and alive:
        cause = Cause.TAKEN
    elif cause is None and attempt.phase is Phase.RUNNING and not attempt.allowed:
        cause = Cause.BUDGET if money.is_over(state, attempt.task) else None
    deed = governing.is_victim(state, attempt)
    if cause is None and deed is not None:
        cause = Cause.MEMORY
    if cause is not None and alive:
        hard = state.stop_hard or deed is Deed.KILL
        known = attempt.stop_cause is not None and (attempt.stop_hard or not hard)
        return [] if known else [ev.StopWanted(attempt.id, cause, hard)]
    if attempt.in_hand:
        return []
    if cause in (Cause.CANCELLED, Cause.UNDONE) and not _is_moving(state, attempt):
        return retry.fail(state, attempt, cause, retry.ENDED_BY[cause], now)
    trouble = worst_trouble(state, attempt.id) if state.troubles else None
    if trouble is None or trouble.blamed < TROUBLES_MAX:
        return []
    if attempt.phase is Phase.STARTING:
        return [ev.StopWanted(attempt.id, Cause.WORKSPACE, hard=True)]
    if not alive:
        if _is_moving(state, attempt):
            return []
        return retry.fail(state, attempt, Cause.WORKSPACE, trouble.text, now)
    return []


def _is_moving(state: State, attempt: Attempt) -> bool:
    """Whether the integration branch may already have been moved for this attempt."""
    return chain.is_moving(state, attempt.id)


def _follow_up(state: State, now: float) -> list[Event]:
    """What follows for each attempt from where it stands."""
    for name in state.live:
        attempt = state.attempts[name]
        events = _next_step(state, attempt, now)
        if not events:
            continue
        events = remedy.once_paid(state, attempt, events)
        events = accounts.once_open(state, attempt, events, now)
        if events:
            return events
    return []


def _next_step(state: State, attempt: Attempt, now: float) -> list[Event]:
    if attempt.taken_by:
        return talk.taken(attempt)
    match attempt.phase:
        case Phase.READY if attempt.solver:
            return [ev.InspectionWanted(attempt.id, commit_leftovers=True)]
        case Phase.READY:
            first = review.first_turn(state, attempt)
            return [] if state.stopping else [retry.wanted_turn(attempt, first)]
        case Phase.EXITED:
            return _after_exit(state, attempt, now)
        case Phase.VERIFYING:
            return _verify(state, attempt, now)
        case Phase.VERIFIED:
            return _after_verdict(state, attempt, now)
        case Phase.RETURNED:
            return _after_return(state, attempt, now)
        case Phase.PARKED:
            return remedy.unpark(state, attempt, now)
        case _:
            return []


def _after_exit(state: State, attempt: Attempt, now: float) -> list[Event]:
    followed = ending.after_exit(state, attempt, now)
    if followed is not None:
        # Where everything is being stopped, the next engine begins the turn.
        begins = bool(followed) and isinstance(followed[0], ev.TurnWanted)
        return [] if begins and state.stopping else followed
    if state.tasks[attempt.task].workspace is Workspace.NONE:
        return [ev.VerifyWanted(attempt.id)]
    commit_them = state.limits.uncommitted is Uncommitted.COMMIT
    return [ev.InspectionWanted(attempt.id, commit_them)]


def _verify(state: State, attempt: Attempt, now: float) -> list[Event]:
    """The verdict, where it needs no further check to run; or the end of trying for one."""
    gate = landing.gate_of_work(state, attempt.task)
    if not landing.missing_checks(state, attempt.tree, gate):
        return [ev.VerdictReached(attempt.id, attempt.tree, Judgement.PASSED)]
    if attempt.inconclusive >= landing.INCONCLUSIVE_MAX:
        text = f"its checks ended {attempt.inconclusive} times without a verdict"
        return retry.fail(state, attempt, Cause.INCONCLUSIVE, text, now)
    return []


def _after_verdict(state: State, attempt: Attempt, now: float) -> list[Event]:
    task = state.tasks[attempt.task]
    if attempt.stage is TurnKind.TEST:
        return _after_tests(state, attempt, now)
    if attempt.judgement is Judgement.FAILED:
        text = landing.failing_text(attempt.results)
        return [ev.WorkReturned(attempt.id, Cause.CHECKS, text)]
    if attempt.blamed is not None and landing.is_unchanged(state, attempt):
        text = f"nothing was changed since it was sent back: {attempt.blamed.text}"
        return [ev.WorkReturned(attempt.id, Cause.COMBINATION, text)]
    if talk.goes_back(state, attempt):
        return [ev.WorkReturned(attempt.id, Cause.SAID, talk.back_text(state, attempt.task))]
    if (returned := honesty.send_back(state, attempt)) is not None:
        return [returned]
    unread = talk.unread_by(state, attempt)
    if review.wants_review(state, attempt):
        return review.ask_reviewer(state, attempt, now)
    concerns = honesty.to_review(state, attempt)
    if review.wants_person(state, attempt) or concerns or (unread and not attempt.approved):
        text = honesty.review_text(attempt, concerns)
        if unread:
            text += f"; its budget is spent, so it has not read what {unread} said"
        return [ev.ReviewOpened(attempt.id, text)]
    if task.workspace is Workspace.NONE:
        return [ev.TaskDone(attempt.id, attempt.task)]
    return [ev.ChangeQueued(attempt.id, attempt.commit)]


def _after_tests(state: State, attempt: Attempt, now: float) -> list[Event]:
    """Tests that were written before the work must fail; without a check nobody can tell."""
    passed = attempt.judgement is not Judgement.FAILED
    if passed and landing.gate_of_work(state, attempt.task):
        text = "the tests pass although the work is not yet done: they test nothing"
        return [ev.WorkReturned(attempt.id, Cause.TESTS_PASS, text)]
    return review.work_turn(state, attempt, now)


def _after_return(state: State, attempt: Attempt, now: float) -> list[Event]:
    cause = attempt.returned or Cause.CHECKS
    if cause is Cause.UNCOMMITTED and state.limits.uncommitted is Uncommitted.ASK:
        return [ev.ReviewOpened(attempt.id, attempt.returned_text)]
    if cause is Cause.EMPTY and (attempt.question or attempt.refused):
        # Nothing was done because something was wanted of a person first.
        condition = Condition.ANSWER if attempt.question else Condition.PERMISSION
        return [remedy.park(attempt, condition, None)]
    turn = retry.after_return(state, attempt)
    if turn is None and cause is Cause.CONCERNS:
        return [honesty.ask_person(state, attempt)]
    if turn is None and cause is Cause.TAKEN:
        # What a person has done there is not thrown away for want of money.
        text = f"{attempt.returned_text} · {remedy.SPENT}"
        return [ev.AttemptParked(attempt.id, Condition.MONEY_LIMIT, text, None, unpaid=True)]
    if turn is None:
        return retry.fail(state, attempt, cause, attempt.returned_text, now)
    apart = kept_apart(state, attempt.task) or alone_text(state, attempt.task)
    if state.stopping or apart or not may_take_slot(state, attempt.agent):
        return []
    return [retry.wanted_turn(attempt, turn.why, turn.onto)]


def _land(state: State, now: float) -> list[Event]:
    for at, found in enumerate(state.landings):
        given_up = at == 0 and found.inconclusive >= landing.INCONCLUSIVE_MAX
        if given_up and not chain.has_passed(state, at):
            text = f"checks of the candidate ended {found.inconclusive} times without a verdict"
            attempt = state.attempts.get(found.about)
            if attempt is None:
                return [landing.given_up(state, found, text)]
            return retry.fail(state, attempt, Cause.INCONCLUSIVE, text, now)
        trouble = worst_trouble(state, found.about) if state.troubles else None
        if trouble is None or trouble.blamed < TROUBLES_MAX or found.about in state.attempts:
            continue
        if found.about == ev.TARGET or not found.wanted:
            return [landing.given_up(state, found, trouble.text)]
    return landing.advance(state, now)


def _check_after(state: State, now: float) -> list[Event]:
    return list(after.advance(state))


def _deliver(state: State, now: float) -> list[Event]:
    if delivery.is_wanted(state) and state.delivery.wanted != state.checked_head:
        return [ev.DeliveryWanted(state.checked_head)]
    return []


def _wave(state: State, now: float) -> list[Event]:
    return [*waves.form(state, now)] if state.limits.batched else []


def _day(state: State, now: float) -> list[Event]:
    return [*money.turn_day(state, now)]


def _edits(state: State, now: float) -> list[Event]:
    return [*watching.due(state)] if state.source.later else []


def _admit(state: State, now: float) -> list[Event]:
    admitted = admit(state, now)
    return [] if admitted is None else [admitted]


def _overlaps(state: State, now: float) -> list[Event]:
    return [*overlapping.over(state)] if state.overlaps else []


def _finish(state: State, now: float) -> list[Event]:
    """The run ends when nothing is alive, nothing can start, and delivery is done."""
    if state.end is not None or not state.head or not delivery.all_landed_that_can(state):
        return []
    never = state.limits.deliver is Deliver.NEVER
    waits = state.delivery.merge_failed or state.delivery.target_commit
    if delivery.is_open(state) or (waits and not never) or after.is_open(state):
        return []
    states = state.task_states.items()
    landed = all(known.finished or watching.is_closed(state, name) for name, known in states)
    return [ev.RunFinished(ev.RunEnd.LANDED if landed else ev.RunEnd.FAILED)]


POLICIES: tuple[Policy, ...] = (
    _day, _edits, _stop, _follow_up, _land, _check_after, _deliver, _overlaps, _wave, _admit,
    _finish,
)  # fmt: skip
