"""What the events of a turn, of waiting between turns and of reviews do to the state; used by
`evolve` only."""

from __future__ import annotations

from gangsaw.core import events as ev
from gangsaw.core import evolve_accounts as accounts
from gangsaw.core import indexes as ix
from gangsaw.core.breaker import BREAKS
from gangsaw.core.conditions import Condition
from gangsaw.core.days import day_of
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.machine import AfterStop
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import Phase
from gangsaw.core.policy.victims import after_stop
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, Dearest, Exit, LaunchUsage, State, Usage
from gangsaw.core.terms import Cause
from gangsaw.core.timing import limit_ends
from gangsaw.core.usage import shift, usage_of

WRITES = frozenset({TurnKind.TEST, TurnKind.WORK, TurnKind.FIX, TurnKind.RESOLVE})
"""Turns that count against `turns_max`. One that goes on after an interruption does not, nor does
one that only looks."""


def wanted(event: ev.TurnWanted, state: State, at: float) -> None:
    """The agent is to be launched; what was known of the turn before is over."""
    before = state.attempts[event.attempt]
    reviews = event.why is TurnKind.REVIEW
    agent = before.agent if reviews or not event.agent else event.agent
    forget = event.fresh or agent != before.agent
    session = before.session if reviews or not forget else None
    stage = event.why if event.why in (TurnKind.TEST, TurnKind.WORK) else before.stage
    ix.move_attempt(
        state, event, at,
        turn=event.turn,
        launch=event.launch,
        why=event.why,
        stage=stage,
        tests=before.commit if _begins_work(event, before) else before.tests,
        begun=before.begun or (event.launch if event.why is TurnKind.WORK else 0),
        agent=agent,
        model=before.model if agent == before.agent else None,
        acting=event.agent if reviews else "",
        session=session,
        launched_at=at,
        beat_at=at,
        onto=event.onto or before.onto,
        started=False,
        stop_cause=None,
        stop_hard=False,
        exit=None,
        question="",
        refused="",
        condition=None,
        given=None,
        parked=None,
        unpaid=False,
        continues=before.continues + int(_goes_on(event, before)),
        review_tries=before.review_tries + int(_tries(event, before)) if reviews else 0,
        switches=before.switches + int(_switches(event, before)),
    )  # fmt: skip
    accounts.launched(state, state.attempts[event.attempt], at)


def _begins_work(event: ev.TurnWanted, before: Attempt) -> bool:
    """Whether the tests are written, and the work itself begins."""
    return event.why is TurnKind.WORK and before.stage is TurnKind.TEST


def _goes_on(event: ev.TurnWanted, before: Attempt) -> bool:
    """Whether it goes on at once after an interruption that was no crash. Neither waiting nor
    another agent uses up anything."""
    ended = before.exit
    if event.why is not TurnKind.CONTINUE or event.turn == before.turn or event.agent:
        return False
    crashed = before.stop_cause is None and ended is not None and ended.crashed
    return before.phase is Phase.EXITED and not crashed


def _tries(event: ev.TurnWanted, before: Attempt) -> bool:
    """Whether the reviewer is asked anew, not after a wait, a stop of the run or by another."""
    if before.phase is Phase.VERIFIED:
        return True
    kept = event.turn != before.turn and not _switches(event, before)
    return kept and before.phase is Phase.EXITED and before.stop_cause is not Cause.STOPPED


def _switches(event: ev.TurnWanted, before: Attempt) -> bool:
    """Whether another agent goes on in the place of the one that was at it."""
    known = before.why is TurnKind.REVIEW and before.phase is not Phase.VERIFIED
    if event.why is TurnKind.REVIEW:
        return known and event.agent != before.seat
    return bool(event.agent)


def started(event: ev.TurnStarted, state: State, at: float) -> None:
    """The agent runs."""
    before = state.attempts[event.attempt]
    ix.move_attempt(
        state, event, at,
        started=True,
        launched_at=at,
        beat_at=at,
        ran=before.ran + 1,
        turns_used=before.turns_used + int(before.why in WRITES),
    )  # fmt: skip


def session_opened(event: ev.SessionOpened, state: State, at: float) -> None:
    """The author's session; a reviewer's is not gone on with. What the launch had told before it
    named its session was of that session, too."""
    before = state.attempts[event.attempt]
    if before.why is TurnKind.REVIEW:
        return
    usage = tuple(
        replace(used, session=event.session)
        if used.launch == event.launch and not used.session
        else used
        for used in before.usage
    )
    ix.put_attempt(state, replace(before, session=event.session or None, usage=usage))


def usage_reported(event: ev.UsageReported, state: State, at: float) -> None:
    """The last report of a launch counts, in the place of the one before it."""
    attempt = state.attempts[event.attempt]
    used = LaunchUsage(
        event.launch,
        event.input_tokens,
        event.output_tokens,
        event.cached_tokens,
        event.cost_usd,
        event.session,
        event.estimated_usd,
    )
    others = tuple(entry for entry in attempt.usage if entry.launch != event.launch)
    after = replace(attempt, usage=(*others, used))
    ix.put_attempt(state, after)
    if event.launch == attempt.launch:
        _note_price(state, attempt.seat, used)
    if used.tokens:
        accounts.answered(state, attempt, event.launch, at)
    known = state.task_states[attempt.task]
    old, new = usage_of(attempt), usage_of(after)
    ix.set_task(state, attempt.task, replace(known, usage=shift(known.usage, old, new)))
    state.usage = shift(state.usage, old, new)
    day = day_of(at)
    state.days[day] = shift(state.days.get(day, Usage()), old, new)


def _note_price(state: State, agent: str, used: LaunchUsage) -> None:
    """What the dearest launch of the agent has used is reserved for its next ones."""
    known = state.dearest.get(agent, Dearest())
    cost = max(known.cost_usd, used.known_usd)
    state.dearest[agent] = Dearest(cost, max(known.tokens, used.tokens))


def beat_seen(event: ev.BeatSeen, state: State, at: float) -> None:
    """The agent is not silent."""
    ix.put_attempt(state, replace(state.attempts[event.attempt], beat_at=at))


def condition_seen(event: ev.ConditionSeen, state: State, at: float) -> None:
    """Something is wrong with a turn that goes on."""
    before = state.attempts[event.attempt]
    refused = event.text if event.condition is Condition.PERMISSION else before.refused
    ix.put_attempt(state, replace(before, condition=event.condition, refused=refused))
    if event.condition in BREAKS:
        accounts.throttled(state, before, event.until, at)


def exited(event: ev.TurnExited, state: State, at: float) -> None:
    """The launch has an exit record."""
    ended = Exit(
        event.outcome, event.code, event.signal, event.text, event.retry_at,
        no_room=event.no_room, condition=event.condition, account=event.account,
    )  # fmt: skip
    crashed = event.outcome is OutcomeKind.CRASHED and not event.no_room
    before = state.attempts[event.attempt]
    accounts.met(state, before, event.condition, event.retry_at, event.outcome, at)
    if event.condition is Condition.QUOTA:
        accounts.limited(state, before.seat, limit_ends(state.limits, ended, at), at)
    _end_launch(state, event, at, ended, crashed)


def lost(event: ev.TurnLost, state: State, at: float) -> None:
    """The launch has none."""
    ended = Exit(
        OutcomeKind.CRASHED, None, None, event.text, None,
        lost=True, never_ran=not event.started, no_room=event.no_room,
    )  # fmt: skip
    _end_launch(state, event, at, ended, event.started)


def _end_launch(state: State, event: ev.Event, at: float, ended: Exit, crashed: bool) -> None:
    before = state.attempts[event.subject]
    # A reviewer's crashes have a bound of their own.
    crashed = crashed and before.stop_cause is None and before.why is not TurnKind.REVIEW
    ix.move_attempt(state, event, at, exit=ended, crashes=before.crashes + int(crashed))
    if crashed:
        known = state.task_states[before.task]
        ix.set_task(state, before.task, replace(known, crashes=known.crashes + 1))


def stop_wanted(event: ev.StopWanted, state: State, at: float) -> None:
    """The launch is to end; the first cause stays."""
    before = state.attempts[event.attempt]
    ix.move_attempt(
        state, event, at,
        stop_cause=before.stop_cause or event.cause,
        stop_hard=before.stop_hard or event.hard,
    )  # fmt: skip
    if event.cause is Cause.MEMORY and before.stop_cause is None:
        known = state.task_states[before.task]
        stops = known.memory_stops + 1
        if after_stop(stops) is not AfterStop.AGAIN:
            state.alone.add(before.task)
        ix.set_task(state, before.task, replace(known, memory_stops=stops))


def parked(event: ev.AttemptParked, state: State, at: float) -> None:
    """The attempt waits with its worktree and session, without a slot."""
    before = state.attempts[event.attempt]
    ix.move_attempt(
        state, event, at,
        parked=event.condition,
        parked_text=event.text,
        parked_until=event.until,
        unpaid=event.unpaid,
        allowed=False,
        waits=before.waits + int(event.until is not None),
    )  # fmt: skip


def park_ended(event: ev.ParkEnded, state: State, at: float) -> None:
    """Its time has come."""
    before = state.attempts[event.attempt]
    accounts.freed(state, before)
    allowed = before.allowed or before.unpaid
    ix.move_attempt(state, event, at, parked=None, parked_until=at, unpaid=False, allowed=allowed)


def review_given(event: ev.ReviewGiven, state: State, at: float) -> None:
    """The reviewer said what it thinks; nothing follows before its process has ended."""
    before = state.attempts[event.attempt]
    ix.put_attempt(state, replace(before, given=event.review, findings=event.review.findings))


def review_passed(event: ev.ReviewPassed, state: State, at: float) -> None:
    """The reviewer agrees with exactly this commit."""
    ix.move_attempt(state, event, at, agreed=True, review_tries=0)
