"""Planted faults of the core. A simulation that does not find them is no proof of anything.

Each mutant changes one rule of the core for as long as its context lasts. `find` runs schedules
until one breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gangsaw.core import decide, evolve, indexes, phases, record, requests, state, status, work
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events_undo import undone_by
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy import admission, delivery, landing, retry, stall
from gangsaw.core.state import State
from gangsaw.core.wire import encode
from gangsaw.testing import scenario
from gangsaw.testing.planting import (
    MUTANTS,
    Mutant,
    changed_state,
    mutant,
    with_rule,
    with_transition,
    with_values,
)
from gangsaw.testing.simulation import Schedule, schedule

SEEDS_MAX = 10_000
"""Schedules within which a mutant must be found."""

ROUNDS_MAX = 2_000
"""A mutant whose decisions do not come to rest need not go round as long as the core would."""


@dataclass(frozen=True, slots=True)
class Found:
    """The first schedule (counted from 1) that showed the fault, and how."""

    schedules: int
    how: str


def find(one: Mutant, *, start: int = 0, most: int = SEEDS_MAX) -> Found | None:
    """The first schedule from seed `start` on that fails with the mutant; `None` if all pass."""
    with planted(one):
        for seed in range(start, start + most):
            error = Schedule(seed).outcome()
            if error is not None:
                return Found(seed - start + 1, f"{type(error).__name__}: {error}")
    return None


@contextmanager
def planted(one: Mutant) -> Iterator[None]:
    """The core with the fault."""
    with one.planted(), with_values(decide, ROUNDS_MAX=ROUNDS_MAX):
        yield


# --- admission ----------------------------------------------------------------------------------


@mutant("a dependant starts when what it needs is only queued")
def _queued_is_enough() -> Iterator[None]:
    def release(event: ev.ChangeQueued, known: State) -> None:
        for name in known.dependants[known.attempts[event.attempt].task]:
            waiting = known.task_states[name]
            indexes.set_task(known, name, replace(waiting, unmet=max(0, waiting.unmet - 1)))

    with changed_state(ev.ChangeQueued, release):
        yield


@mutant("overlapping scopes are not seen")
def _no_scopes() -> Iterator[None]:
    with with_values(admission, overlaps=lambda one, other: False):
        yield


@mutant("a live agent is charged with the time by which the clock was set")
def _charged_with_jumps() -> Iterator[None]:
    with with_rule(evolve._apply, ev.ClockJumped, lambda event, known, at: None):
        yield


@mutant("an agent's own slots are not counted")
def _no_agent_slots() -> Iterator[None]:
    before = indexes.count_busy

    def count(known: State, agent: str, by: int) -> None:
        before(known, agent, by)
        known.busy[agent] = 0

    with with_values(indexes, count_busy=count):
        yield


@mutant("returned work takes a slot although none is free")
def _slots_for_returned() -> Iterator[None]:
    with with_values(decide, may_take_slot=lambda known, agent: True):
        yield


@mutant("work that waits for its landing keeps its slot")
def _queued_holds_slot() -> Iterator[None]:
    with with_values(indexes, HOLDS_SLOT=phases.HOLDS_SLOT | {Phase.QUEUED}):
        yield


@mutant("pressure does not hold admission")
def _no_pressure() -> Iterator[None]:
    def calm(event: ev.PressureChanged, known: State) -> None:
        known.pressure = ev.Pressure.NONE

    with changed_state(ev.PressureChanged, calm):
        yield


@contextmanager
def _without_hold(kind: admission.HoldKind) -> Iterator[None]:
    before = admission.hold_for_all

    def hold(known: State) -> admission.Hold | None:
        found = before(known)
        return None if found and found.kind is kind else found

    with with_values(admission, hold_for_all=hold):
        yield


@mutant("a paused run starts agents")
def _pause_ignored() -> Iterator[None]:
    with _without_hold(admission.HoldKind.PAUSED):
        yield


@mutant("the budget of the run does not hold admission")
def _budget_ignored() -> Iterator[None]:
    with _without_hold(admission.HoldKind.BUDGET):
        yield


@mutant("needs that failed are waited for like others")
def _never_hopeless() -> Iterator[None]:
    with with_values(admission, hopeless=lambda known, name: False):
        yield


@mutant("attempt numbers are used again")
def _numbers_again() -> Iterator[None]:
    before = admission._admission

    def admit(known: State, name: str) -> ev.AttemptAdmitted:
        event = before(known, name)
        number = known.task_states[name].tries + 1
        return replace(event, number=number, attempt=f"{name}.{number}")

    with with_values(admission, _admission=admit):
        yield


@mutant("a cancelled task starts again")
def _cancelled_again() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        open_again = replace(known.task_states[name], cancelled=False, cancel_wanted="")
        indexes.set_task(known, name, open_again)

    with changed_state(ev.AttemptFailed, forget):
        yield


@mutant("why forgets the track")
def _why_without_track() -> Iterator[None]:
    before = admission.hold_for

    def hold(known: State, name: str, now: float) -> admission.Hold | None:
        found = before(known, name, now)
        return None if found and found.kind is admission.HoldKind.TRACK else found

    with with_values(status, hold_for=hold):
        yield


# --- launches -----------------------------------------------------------------------------------


@mutant("a late exit of an older launch is believed")
def _late_exit() -> Iterator[None]:
    def launched(known: State, name: str, launch: int) -> state.Attempt | None:
        attempt = known.attempts.get(name)
        return attempt if attempt is not None and attempt.phase in AGENT_ALIVE else None

    with with_values(record, _launched=launched):
        yield


@mutant("the attempt fails before its agent has ended")
def _fails_too_early() -> Iterator[None]:
    before = decide._stop_one

    def stop(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        cause = stall.overdue(known, attempt, now)
        if cause is not None:
            return retry.fail(known, attempt, cause, "overdue", now)
        return before(known, attempt, now)

    allowed = dict.fromkeys((Phase.RUNNING, *phases.TRANSITIONS["attempt.failed"]), Phase.FAILED)
    with with_values(decide, _stop_one=stop), with_transition("attempt.failed", allowed):
        yield


@mutant("the next turn is launched while the last one still runs")
def _launched_over() -> Iterator[None]:
    before = decide._next_step

    def step(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        silent = attempt.phase is Phase.RUNNING and now - attempt.beat_at > 25
        if silent:
            return [retry.wanted_turn(attempt, TurnKind.CONTINUE)]
        return before(known, attempt, now)

    allowed = phases.TRANSITIONS["turn.wanted"] | {Phase.RUNNING: Phase.STARTING}
    with with_values(decide, _next_step=step), with_transition("turn.wanted", allowed):
        yield


@mutant("an agent that goes on and on is never stopped")
def _no_timeout() -> Iterator[None]:
    with with_values(stall, time_limit_s=lambda known, attempt: 1e9):
        yield


@mutant("a silent agent is never stopped")
def _no_stall() -> Iterator[None]:
    before = stall.overdue

    def overdue(known: State, attempt: state.Attempt, now: float) -> ev.Cause | None:
        cause = before(known, attempt, now)
        return None if cause is ev.Cause.STALLED else cause

    with with_values(stall, overdue=overdue):
        yield


@mutant("a cancelled task is let to finish its turns")
def _cancel_waits() -> Iterator[None]:
    def wait(event: ev.TaskCancelled, known: State) -> None:
        name = event.task
        if known.task_states[name].cancel_wanted:
            indexes.set_task(known, name, replace(known.task_states[name], cancel_wanted=""))

    with changed_state(ev.TaskCancelled, wait):
        yield


@mutant("a launch that was lost after its start counts as one that never ran")
def _lost_is_never_ran() -> Iterator[None]:
    before = record.record.registry[ob.LaunchLost]

    def rule(seen: ob.LaunchLost, known: State, now: float) -> list[ev.Event]:
        return list(before(replace(seen, started=False), known, now))

    with with_rule(record.record, ob.LaunchLost, rule):
        yield


@mutant("a launch that never ran is tried without end")
def _never_ran_for_ever() -> Iterator[None]:
    with with_values(retry, NEVER_RAN_MAX=1_000_000):
        yield


@mutant("a launch that never ran goes on as a crashed session, without end")
def _never_ran_is_a_crash() -> Iterator[None]:
    before = retry._after_crash

    def after(known: State, attempt: state.Attempt, ended: state.Exit, now: float) -> Any:
        return before(known, attempt, replace(ended, never_ran=False), now)

    with with_values(retry, _after_crash=after):
        yield


@mutant("a verdict on a plain folder holds for what it contains later")
def _plain_verdict_stays() -> Iterator[None]:
    def forget(event: ev.VerifyWanted, known: State) -> None:
        attempt = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(attempt, tree="")

    with changed_state(ev.VerifyWanted, forget):
        yield


@mutant("cost of a launch is added at each report")
def _cost_twice() -> Iterator[None]:
    def again(event: ev.UsageReported, known: State) -> None:
        cost = known.usage.cost_usd + (event.cost_usd or 0.0)
        known.usage = replace(known.usage, cost_usd=cost)

    with changed_state(ev.UsageReported, again):
        yield


# --- retry --------------------------------------------------------------------------------------


@mutant("being stopped counts as a try")
def _stops_count() -> Iterator[None]:
    with with_values(retry, _UNCOUNTED=retry._UNCOUNTED - {ev.Cause.STOPPED}):
        yield


@mutant("tries are forgotten")
def _tries_forgotten() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        indexes.set_task(known, name, replace(known.task_states[name], tries=0))

    with changed_state(ev.AttemptFailed, forget):
        yield


@mutant("a process that is killed again and again is started without end")
def _crashes_for_ever() -> Iterator[None]:
    before = retry._exhausted

    def exhausted(known: State, attempt: state.Attempt, cause: ev.Cause, tries: int) -> str | None:
        reason = before(known, attempt, cause, tries)
        return None if reason and "was killed" in reason else reason

    with with_values(retry, _exhausted=exhausted):
        yield


@mutant("there is no pause before the next attempt")
def _no_backoff() -> Iterator[None]:
    with with_values(retry, backoff_s=lambda limits, tries, attempt: 0.0):
        yield


@mutant("the engine sleeps through the end of a pause")
def _sleeps_on() -> Iterator[None]:
    before = work.next_wakeup

    def wake(known: State, now: float) -> float | None:
        moment = before(known, now)
        return None if moment in known.backing_off.values() else moment

    with with_values(work, next_wakeup=wake), with_values(schedule, next_wakeup=wake):
        yield


# --- landing ------------------------------------------------------------------------------------


@mutant("a missed compare-and-swap is taken for a landing")
def _lands_on_miss() -> Iterator[None]:
    landed = record.record.registry[ob.IntegrationMoved]

    def rule(seen: ob.IntegrationElsewhere, known: State, now: float) -> list[ev.Event]:
        moved = ob.IntegrationMoved(seen.about, seen.commit, seen.onto)
        return list(landed(moved, known, now))

    with with_rule(record.record, ob.IntegrationElsewhere, rule):
        yield


@mutant("candidates are not checked")
def _unchecked() -> Iterator[None]:
    with with_values(landing, gate_of_landing=lambda known, found: ()):
        yield


@mutant("a candidate passes the checks of its own task only")
def _own_checks_only() -> Iterator[None]:
    def gate(known: State, found: state.Landing) -> tuple[Any, ...]:
        if found.about not in known.attempts:
            return known.gate
        return landing.gate_of_work(known, known.attempts[found.about].task)

    with with_values(landing, gate_of_landing=gate):
        yield


@mutant("a check that was green on another tree is green on this one")
def _green_anywhere() -> Iterator[None]:
    def missing(known: State, tree: str, gate: tuple[Any, ...]) -> tuple[Any, ...]:
        passed = frozenset[str]().union(*known.green.values())
        return tuple(check for check in gate if check.name not in passed)

    with with_values(landing, missing_checks=missing):
        yield


@mutant("a red candidate lands")
def _red_lands() -> Iterator[None]:
    def whitewash(event: ev.CandidateJudged, known: State) -> None:
        found = state.landing_of(known, event.attempt)
        if found is not None and found.judgement is ev.Judgement.FAILED:
            indexes.put_landing(known, replace(found, judgement=ev.Judgement.PASSED))

    with changed_state(ev.CandidateJudged, whitewash):
        yield


@mutant("the wrong change is sent back")
def _wrong_evicted() -> Iterator[None]:
    before = landing._back

    def back(known: State, found: state.Landing, cause: ev.Cause, text: str) -> ev.Event:
        event = before(known, found, cause, text)
        if isinstance(event, ev.WorkReturned) and not event.attempt.startswith("a."):
            return replace(event, attempt="a.1")
        return event

    with with_values(landing, _back=back):
        yield


@mutant("green work needs no review")
def _no_review() -> Iterator[None]:
    def approve(event: ev.VerdictReached, known: State) -> None:
        found = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(found, approved=True)

    with changed_state(ev.VerdictReached, approve):
        yield


@mutant("a review holds for whatever is committed later")
def _review_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.WorkFound]

    def rule(event: ev.WorkFound, known: State, at: float) -> None:
        approved = known.attempts[event.attempt].approved
        before(event, known, at)
        found = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(found, approved=approved)

    with with_rule(evolve._apply, ev.WorkFound, rule):
        yield


@mutant("an unchecked commit is delivered")
def _delivers_anything() -> Iterator[None]:
    def follow(event: ev.LandingMissed, known: State) -> None:
        known.checked_head = known.head

    with changed_state(ev.LandingMissed, follow):
        yield


@mutant("a target that cannot be merged is tried without end")
def _merged_for_ever() -> Iterator[None]:
    def again(event: ev.TargetMergeFailed, known: State) -> None:
        known.delivery = replace(known.delivery, wanted="")

    with changed_state(ev.TargetMergeFailed, again):
        yield


@mutant("a target that moved is forgotten")
def _target_forgotten() -> Iterator[None]:
    def forget(event: ev.TargetMoved, known: State) -> None:
        known.delivery = replace(known.delivery, target_commit="")

    with changed_state(ev.TargetMoved, forget):
        yield


@mutant("delivery is never tried again")
def _delivery_once() -> Iterator[None]:
    with with_values(delivery, BLOCKED_RETRY_S=1e9):
        yield


@mutant("an undone task starts again by itself")
def _undone_again() -> Iterator[None]:
    def forget(event: ev.Undone, known: State) -> None:
        indexes.set_task(known, event.task, replace(known.task_states[event.task], undone=""))

    with changed_state(ev.Undone, forget):
        yield


# --- undo ---------------------------------------------------------------------------------------


@mutant("what was undone still counts as landed for those that need it")
def _undone_is_enough() -> Iterator[None]:
    with with_values(indexes, unfinish_task=indexes.set_task):
        yield


@mutant("an undo passes the checks of the run only")
def _undo_unchecked() -> Iterator[None]:
    before = landing.gate_of_landing

    def gate(known: State, found: state.Landing) -> tuple[Any, ...]:
        return known.gate if undone_by(found.about) else before(known, found)

    with with_values(landing, gate_of_landing=gate):
        yield


@mutant("a dependant works on when what it needs is undone")
def _works_on() -> Iterator[None]:
    before = decide._stop_one

    def stop(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        events = before(known, attempt, now)
        return [event for event in events if getattr(event, "cause", None) is not ev.Cause.UNDONE]

    with with_values(decide, _stop_one=stop):
        yield


@mutant("work on top of what was undone is started from")
def _outdated_start() -> Iterator[None]:
    def forget(event: ev.Undone, known: State) -> None:
        for name in known.dependants[event.task]:
            indexes.set_task(known, name, replace(known.task_states[name], outdated=0))

    with changed_state(ev.Undone, forget):
        yield


@mutant("an undo is done once more")
def _undone_twice() -> Iterator[None]:
    def again(event: ev.Undone, known: State) -> None:
        known.undos[event.task] = state.Undo(0.0, "somebody", event.landed)

    with changed_state(ev.Undone, again):
        yield


# --- people and engine --------------------------------------------------------------------------


@mutant("a request told twice is done twice")
def _asked_twice() -> Iterator[None]:
    def rule(seen: ob.Asked, known: State, now: float) -> list[ev.Event]:
        asked = ev.Requested(seen.key, seen.verb, seen.task, seen.by, seen.text)
        return [asked, *requests.answer(known, seen)]

    with with_rule(record.record, ob.Asked, rule):
        yield


@mutant("a new engine still stops everything")
def _stops_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.EngineStarted]

    def rule(event: ev.EngineStarted, known: State, at: float) -> None:
        by = known.stopping
        before(event, known, at)
        known.stopping = by

    with with_rule(evolve._apply, ev.EngineStarted, rule):
        yield


@mutant("stop does not reach agents that are just starting")
def _stop_misses_starting() -> Iterator[None]:
    with with_values(decide, AGENT_ALIVE=frozenset({Phase.RUNNING, Phase.STOPPING})):
        yield


@mutant("an event loses a field in the log")
def _field_lost() -> Iterator[None]:
    def lossy(value: Any) -> Any:
        body = encode(value)
        if isinstance(value, ev.TurnWanted):
            del body["onto"]
        return body

    with with_values(schedule, encode=lossy), with_values(scenario, encode=lossy):
        yield


__all__ = ["MUTANTS", "SEEDS_MAX", "Found", "Mutant", "find", "planted"]
