"""What follows a turn that ended by a condition: `REMEDIES` carried out, each with its bound.

Waiting is done by the attempt, not by the task: worktree, branch and session stay, only the slot
is given back. A limit therefore uses up nothing but time.
"""

from __future__ import annotations

from gangsaw.core.apart import alone_text, kept_apart
from gangsaw.core.breaker import BREAKS
from gangsaw.core.conditions import REMEDIES, Condition, Remedy, sentence
from gangsaw.core.events import AttemptParked, Cause, Event, TurnWanted
from gangsaw.core.governing import memory_hold
from gangsaw.core.machine import AfterStop
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import Phase
from gangsaw.core.policy import money, retry
from gangsaw.core.policy.accounts import is_limited, limit_of, opens_at, window_s
from gangsaw.core.policy.admission import may_take_slot
from gangsaw.core.policy.seats import fallback_of, has_slot, patience_s
from gangsaw.core.policy.victims import after_stop
from gangsaw.core.state import Attempt, State
from gangsaw.core.talk import has_word_for
from gangsaw.core.timing import limit_ends

CONTINUES_MAX = 3
"""How often an interrupted turn of one attempt is gone on with, its crashes not counted."""

STALLS_MAX = 2
"""The same for a turn that fell silent: each silence has cost `stall_s` already."""

WAITS_MAX = 100
"""How often an attempt waits for something to pass by itself before a person is asked."""

SWITCHES_MAX = 3
"""How often another agent goes on in the place of the attempt's own."""

SPENT = "the budget is spent"

_CAUSES = {Condition.STALLED: Cause.STALLED, Condition.CRASHED: Cause.CRASHED}


def follow(state: State, attempt: Attempt, condition: Condition, now: float) -> list[Event] | None:
    """What is wanted after a turn that ended by the condition; `None`: look at its work."""
    match REMEDIES[condition]:
        case Remedy.LOOK:
            return None
        case Remedy.RESUME:
            return _resume(state, attempt, condition, now, fresh=not resumes(state, attempt))
        case Remedy.FRESH:
            return _resume(state, attempt, condition, now, fresh=True)
        case Remedy.ANSWER:
            return [park(attempt, condition, None)]
        case Remedy.WAIT:
            return _wait(state, attempt, condition, now)
        case Remedy.ELSEWHERE:
            return _elsewhere(state, attempt, condition, now)
        case Remedy.PERSON:
            return retry.fail(state, attempt, Cause.REFUSED, _words(attempt, condition), now)


def after_memory_stop(state: State, attempt: Attempt, now: float) -> list[Event]:
    """What follows a stop for the machine's sake, which is nobody's fault: the attempt goes on
    when there is room, or a person is asked."""
    stops = state.task_states[attempt.task].memory_stops
    if after_stop(stops) is AfterStop.PERSON:
        why = f"{stops} times, although nothing ran beside it"
        text = f"{_words(attempt, Condition.MEMORY)} · {why}"
        return [AttemptParked(attempt.id, Condition.MEMORY, text, None)]
    return _wait(state, attempt, Condition.MEMORY, now)


def park(attempt: Attempt, condition: Condition, until: float | None) -> Event:
    """The attempt waits, until then or for a person."""
    return AttemptParked(attempt.id, condition, _words(attempt, condition), until)


def park_unpaid(state: State, attempt: Attempt, condition: Condition, agent: str = "") -> Event:
    """The attempt waits for money, or for a person who lets it go on all the same; for a person
    alone where the money is wanted for another agent than its own."""
    agent = agent or attempt.seat
    missing = money.lacking(state, attempt.task, agent, alone=True, lasting=True)
    text = f"{_words(attempt, condition)} · {SPENT}: {missing}"
    return AttemptParked(attempt.id, condition, text, None, unpaid=agent == attempt.seat)


def stopped_for_money(state: State, attempt: Attempt) -> Event:
    """What follows a launch that was stopped since more than its bound was spent."""
    over = money.over_text(state, attempt.task) or retry.stop_text(state, attempt)
    text = f"{over} · {SPENT}"
    until = money.over_until(state, attempt.task)
    return AttemptParked(attempt.id, Condition.MONEY_LIMIT, text, until, unpaid=True)


def once_paid(state: State, attempt: Attempt, wanted: list[Event]) -> list[Event]:
    """What is wanted next for the attempt; if that is a launch which cannot be paid for yet,
    nothing while others at work have reserved the money, or it is that of a day, and to wait for
    more of it otherwise."""
    turn = wanted[0] if wanted else None
    if not isinstance(turn, TurnWanted) or attempt.phase is Phase.READY:
        return wanted
    goes_on_anyway = attempt.phase is Phase.PARKED and attempt.parked is None
    agent = turn.agent or attempt.agent
    if goes_on_anyway or not money.lacking(state, attempt.task, agent):
        return wanted
    if not money.lacking(state, attempt.task, agent, alone=True, lasting=True):
        return []
    return [] if attempt.unpaid else [park_unpaid(state, attempt, Condition.MONEY_LIMIT, agent)]


def unpark(state: State, attempt: Attempt, now: float) -> list[Event]:
    """The next turn of a parked attempt, once its time has come (or a word it waits for, or its
    agent's fallback can go on) and a slot is free."""
    if state.stopping or state.paused:
        return []
    due, condition = goes_on_at(state, attempt), attempt.parked
    if attempt.unpaid and not retry.is_spent(state, attempt):
        return _once_free(state, attempt, attempt.seat, now)
    if due is None:
        told = has_word_for(state, attempt) and not retry.is_spent(state, attempt)
        return _once_free(state, attempt, attempt.seat, now) if told else []
    if condition is None:
        return _once_free(state, attempt, attempt.seat, now)
    other = place_elsewhere(state, attempt, condition)
    by_itself = now >= due and (condition is Condition.QUOTA or not other)
    long = condition is not Condition.QUOTA or due - now > patience_s(state, attempt.seat)
    away = bool(other) and long and not is_limited(state, other, now)
    if not by_itself and not away:
        return []
    if retry.is_spent(state, attempt):
        return [park_unpaid(state, attempt, condition)]
    return _once_free(state, attempt, attempt.seat if by_itself else other, now)


def goes_on_at(state: State, attempt: Attempt) -> float | None:
    """When the parked attempt may go on (epoch seconds): not while its agent is at its usage limit,
    or its vendor asks to send less, unless a person said so; `None`: when a person says so."""
    until = attempt.parked_until
    if until is None or attempt.parked is None:
        return until
    limit = limit_of(state, attempt.seat)
    limit += window_s(limit - attempt.since) * retry.spread(attempt.id)
    return max(until, limit, opens_at(state, attempt.seat, attempt.id))


def _once_free(state: State, attempt: Attempt, agent: str, now: float) -> list[Event]:
    """The turn that goes on where the parked one ended; nothing while no slot is free, or the
    machine has no room."""
    begun = agent in (attempt.agent, attempt.seat)
    free = may_take_slot(state, agent, begun=begun)
    if not free or room_text(state, attempt, agent, now):
        return []
    return [_again(attempt, fresh=agent != attempt.seat, agent=agent)]


def room_text(state: State, attempt: Attempt, agent: str, now: float) -> str:
    """Why there is no room for the parked attempt now: something runs alone, or the machine is
    short; empty if there is."""
    if text := kept_apart(state, attempt.task) or alone_text(state, attempt.task):
        return text
    if state.governor is None:
        return ""
    model = attempt.model if agent == attempt.agent else None
    kind = "review" if attempt.why is TurnKind.REVIEW else "work"
    short = memory_hold(state, (agent, model or "", kind), now, worktree=False)
    return short.text if short else ""


def _again(attempt: Attempt, *, fresh: bool, agent: str) -> TurnWanted:
    reviews = attempt.why is TurnKind.REVIEW
    return TurnWanted(
        attempt.id,
        attempt.turn + 1,
        attempt.launch + 1,
        TurnKind.REVIEW if reviews else TurnKind.CONTINUE,
        None,
        agent if reviews or agent != attempt.seat else "",
        fresh or reviews,
    )


def can_go_on(state: State, attempt: Attempt) -> bool:
    """Whether a further turn would know what the interrupted one has left in the worktree."""
    told = all(a.told for a in state.limits.agents if a.name == attempt.seat)
    return told or resumes(state, attempt)


def resumes(state: State, attempt: Attempt) -> bool:
    """Whether the attempt's session can be taken up again."""
    can = any(a.name == attempt.seat and a.resumes for a in state.limits.agents)
    return can and attempt.session is not None


def _resume(
    state: State, attempt: Attempt, condition: Condition, now: float, *, fresh: bool
) -> list[Event]:
    most = STALLS_MAX if condition is Condition.STALLED else CONTINUES_MAX
    if not can_go_on(state, attempt):
        most = attempt.continues
    if attempt.continues < most:
        if retry.is_spent(state, attempt):
            return [park_unpaid(state, attempt, condition)]
        return [_again(attempt, fresh=fresh, agent=attempt.seat)]
    cause = _CAUSES.get(condition, Cause.EXIT)
    words = _words(attempt, condition)
    if condition is Condition.STALLED:
        words = retry.stop_text(state, attempt)
    if attempt.continues:
        words += f" ({attempt.continues + 1} times in one attempt)"
    return retry.fail(state, attempt, cause, words, now)


def _wait(state: State, attempt: Attempt, condition: Condition, now: float) -> list[Event]:
    if attempt.waits >= WAITS_MAX:
        text = f"{_words(attempt, condition)}, after {attempt.waits} waits"
        return retry.fail(state, attempt, Cause.REFUSED, text, now)
    return [park(attempt, condition, _until(state, attempt, condition, now))]


def _until(state: State, attempt: Attempt, condition: Condition, now: float) -> float:
    """When to try again: when its account's breaker lets launches through; else the moment that was
    told, else a pause that doubles; a used-up allowance without a moment is looked at again after
    the longest pause."""
    ended = attempt.exit
    if condition in BREAKS and (opens := opens_at(state, attempt.seat, attempt.id)) > now:
        return opens
    if ended is not None and (ended.retry_at is not None or condition is Condition.QUOTA):
        return limit_ends(state.limits, ended, now)
    return now + retry.backoff_s(state.limits, attempt.waits + 1, attempt.id)


def _elsewhere(state: State, attempt: Attempt, condition: Condition, now: float) -> list[Event]:
    """Another agent at once; while that one has no slot, or is at its own limit, it is waited
    for. So is a usage limit that soon ends."""
    other = place_elsewhere(state, attempt, condition)
    if other and retry.is_spent(state, attempt):
        return [park_unpaid(state, attempt, condition)]
    left_s = limit_of(state, attempt.seat) - now
    long = condition is not Condition.QUOTA or left_s > patience_s(state, attempt.seat)
    if other and long and not is_limited(state, other, now) and has_slot(state, other):
        return [_again(attempt, fresh=True, agent=other)]
    if other or condition is Condition.QUOTA:
        return _wait(state, attempt, condition, now)
    return retry.fail(state, attempt, Cause.REFUSED, _words(attempt, condition), now)


def place_elsewhere(state: State, attempt: Attempt, condition: Condition) -> str:
    """The agent that is to go on in the place of this one; empty where nobody may."""
    if REMEDIES[condition] is not Remedy.ELSEWHERE or attempt.switches >= SWITCHES_MAX:
        return ""
    return fallback_of(state, attempt.seat)


def waits_for_a_person(attempt: Attempt) -> bool:
    """Whether nothing but a person's word lets the parked attempt go on."""
    return attempt.phase is Phase.PARKED and attempt.parked_until is None


def _words(attempt: Attempt, condition: Condition) -> str:
    """The sentence, and what the agent itself said."""
    said = attempt.exit.text if attempt.exit is not None else ""
    if condition is Condition.ANSWER:
        said = attempt.question or said
    elif condition is Condition.PERMISSION:
        said = attempt.refused or said
    plain = sentence(condition, attempt.seat)
    return f"{plain}: {said}" if said else plain
