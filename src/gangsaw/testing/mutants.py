"""Planted faults of the core. A simulation that does not find them is no proof of anything.

Each mutant changes one rule of the core for as long as its context lasts. `find` runs schedules
until one breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gangsaw.core import decide, evolve, indexes, phases, record, requests, state, status, work
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import AGENT_ALIVE, Phase
from gangsaw.core.policy import admission, delivery, landing, retry, stall
from gangsaw.core.state import State
from gangsaw.core.wire import encode
from gangsaw.testing import scenario
from gangsaw.testing.simulation import Schedule, schedule

SEEDS_MAX = 10_000
"""Schedules within which a mutant must be found."""

ROUNDS_MAX = 2_000
"""A mutant whose decisions do not come to rest need not go round as long as the core would."""

Planting = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: what it is, and how to plant it for the length of a `with`."""

    name: str
    planted: Planting


@dataclass(frozen=True, slots=True)
class Found:
    """The first schedule (counted from 1) that showed the fault, and how."""

    schedules: int
    how: str


MUTANTS: dict[str, Mutant] = {}


def find(mutant: Mutant, *, start: int = 0, most: int = SEEDS_MAX) -> Found | None:
    """The first schedule from seed `start` on that fails with the mutant; `None` if all pass."""
    with mutant.planted(), _with(decide, ROUNDS_MAX=ROUNDS_MAX):
        for seed in range(start, start + most):
            error = Schedule(seed).outcome()
            if error is not None:
                return Found(seed - start + 1, f"{type(error).__name__}: {error}")
    return None


def _mutant(name: str) -> Callable[[Callable[[], Iterator[None]]], Planting]:
    def register(plant: Callable[[], Iterator[None]]) -> Planting:
        planting = contextmanager(plant)
        MUTANTS[name] = Mutant(name, planting)
        return planting

    return register


@contextmanager
def _with(module: ModuleType, **changes: Any) -> Iterator[None]:
    """The module with other values under these names."""
    before = {name: getattr(module, name) for name in changes}
    try:
        for name, value in changes.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextmanager
def _with_rule(dispatch: Any, kind: type[Any], rule: Callable[..., Any]) -> Iterator[None]:
    """A singledispatch function with another rule for one class."""
    before = dispatch.registry[kind]
    try:
        dispatch.register(kind)(rule)
        yield
    finally:
        dispatch.register(kind)(before)


def _changed_state(kind: type[Any], change: Callable[[Any, State], None]) -> Any:
    """`evolve` with something done besides, after events of one class."""
    before = evolve._apply.registry[kind]

    def rule(event: Any, known: State, at: float) -> None:
        before(event, known, at)
        change(event, known)

    return _with_rule(evolve._apply, kind, rule)


# --- admission ----------------------------------------------------------------------------------


@_mutant("a dependant starts when what it needs is only queued")
def _queued_is_enough() -> Iterator[None]:
    def release(event: ev.ChangeQueued, known: State) -> None:
        for name in known.dependants[known.attempts[event.attempt].task]:
            waiting = known.task_states[name]
            indexes.set_task(known, name, replace(waiting, unmet=max(0, waiting.unmet - 1)))

    with _changed_state(ev.ChangeQueued, release):
        yield


@_mutant("overlapping scopes are not seen")
def _no_scopes() -> Iterator[None]:
    with _with(admission, overlaps=lambda one, other: False):
        yield


@_mutant("an agent's own slots are not counted")
def _no_agent_slots() -> Iterator[None]:
    before = indexes.count_busy

    def count(known: State, agent: str, by: int) -> None:
        before(known, agent, by)
        known.busy[agent] = 0

    with _with(indexes, count_busy=count):
        yield


@_mutant("returned work takes a slot although none is free")
def _slots_for_returned() -> Iterator[None]:
    with _with(decide, may_take_slot=lambda known, agent: True):
        yield


@_mutant("work that waits for its landing keeps its slot")
def _queued_holds_slot() -> Iterator[None]:
    with _with(indexes, HOLDS_SLOT=phases.HOLDS_SLOT | {Phase.QUEUED}):
        yield


@_mutant("pressure does not hold admission")
def _no_pressure() -> Iterator[None]:
    def calm(event: ev.PressureChanged, known: State) -> None:
        known.pressure = ev.Pressure.NONE

    with _changed_state(ev.PressureChanged, calm):
        yield


@_mutant("attempt numbers are used again")
def _numbers_again() -> Iterator[None]:
    before = admission._admission

    def admit(known: State, name: str) -> ev.AttemptAdmitted:
        event = before(known, name)
        number = known.task_states[name].tries + 1
        return replace(event, number=number, attempt=f"{name}.{number}")

    with _with(admission, _admission=admit):
        yield


@_mutant("a cancelled task starts again")
def _cancelled_again() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        open_again = replace(known.task_states[name], cancelled=False, cancel_wanted="")
        indexes.set_task(known, name, open_again)

    with _changed_state(ev.AttemptFailed, forget):
        yield


@_mutant("why forgets the track")
def _why_without_track() -> Iterator[None]:
    before = admission.hold_for

    def hold(known: State, name: str, now: float) -> admission.Hold | None:
        found = before(known, name, now)
        return None if found and found.kind is admission.HoldKind.TRACK else found

    with _with(status, hold_for=hold):
        yield


# --- launches -----------------------------------------------------------------------------------


@_mutant("a late exit of an older launch is believed")
def _late_exit() -> Iterator[None]:
    def launched(known: State, name: str, launch: int) -> state.Attempt | None:
        attempt = known.attempts.get(name)
        return attempt if attempt is not None and attempt.phase in AGENT_ALIVE else None

    with _with(record, _launched=launched):
        yield


@_mutant("the attempt fails before its agent has ended")
def _fails_too_early() -> Iterator[None]:
    before = decide._stop_one

    def stop(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        cause = stall.overdue(known, attempt, now)
        if cause is not None:
            return retry.fail(known, attempt, cause, "overdue", now)
        return before(known, attempt, now)

    allowed = dict.fromkeys((Phase.RUNNING, *phases.TRANSITIONS["attempt.failed"]), Phase.FAILED)
    with _with(decide, _stop_one=stop), _with_transition("attempt.failed", allowed):
        yield


@_mutant("the next turn is launched while the last one still runs")
def _launched_over() -> Iterator[None]:
    before = decide._next_step

    def step(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        silent = attempt.phase is Phase.RUNNING and now - attempt.beat_at > 25
        if silent:
            return [retry.wanted_turn(attempt, TurnKind.CONTINUE)]
        return before(known, attempt, now)

    allowed = phases.TRANSITIONS["turn.wanted"] | {Phase.RUNNING: Phase.STARTING}
    with _with(decide, _next_step=step), _with_transition("turn.wanted", allowed):
        yield


@contextmanager
def _with_transition(kind: str, allowed: dict[Phase, Phase]) -> Iterator[None]:
    before = phases.TRANSITIONS[kind]
    try:
        phases.TRANSITIONS[kind] = allowed
        yield
    finally:
        phases.TRANSITIONS[kind] = before


@_mutant("a launch that never ran is tried without end")
def _never_ran_for_ever() -> Iterator[None]:
    with _with(retry, NEVER_RAN_MAX=1_000_000):
        yield


@_mutant("a launch that never ran goes on as a crashed session, without end")
def _never_ran_is_a_crash() -> Iterator[None]:
    before = retry._after_crash

    def after(known: State, attempt: state.Attempt, ended: state.Exit, now: float) -> Any:
        return before(known, attempt, replace(ended, never_ran=False), now)

    with _with(retry, _after_crash=after):
        yield


@_mutant("a verdict on a plain folder holds for what it contains later")
def _plain_verdict_stays() -> Iterator[None]:
    def forget(event: ev.VerifyWanted, known: State) -> None:
        attempt = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(attempt, tree="")

    with _changed_state(ev.VerifyWanted, forget):
        yield


@_mutant("cost of a launch is added at each report")
def _cost_twice() -> Iterator[None]:
    def again(event: ev.UsageReported, known: State) -> None:
        cost = known.usage.cost_usd + (event.cost_usd or 0.0)
        known.usage = replace(known.usage, cost_usd=cost)

    with _changed_state(ev.UsageReported, again):
        yield


# --- retry --------------------------------------------------------------------------------------


@_mutant("being stopped counts as a try")
def _stops_count() -> Iterator[None]:
    with _with(retry, _UNCOUNTED=retry._UNCOUNTED - {ev.Cause.STOPPED}):
        yield


@_mutant("tries are forgotten")
def _tries_forgotten() -> Iterator[None]:
    def forget(event: ev.AttemptFailed, known: State) -> None:
        name = known.attempts[event.attempt].task
        indexes.set_task(known, name, replace(known.task_states[name], tries=0))

    with _changed_state(ev.AttemptFailed, forget):
        yield


@_mutant("there is no pause before the next attempt")
def _no_backoff() -> Iterator[None]:
    with _with(retry, backoff_s=lambda limits, tries, attempt: 0.0):
        yield


@_mutant("the engine sleeps through the end of a pause")
def _sleeps_on() -> Iterator[None]:
    before = work.next_wakeup

    def wake(known: State, now: float) -> float | None:
        moment = before(known, now)
        return None if moment in known.backing_off.values() else moment

    with _with(work, next_wakeup=wake), _with(schedule, next_wakeup=wake):
        yield


# --- landing ------------------------------------------------------------------------------------


@_mutant("a missed compare-and-swap is taken for a landing")
def _lands_on_miss() -> Iterator[None]:
    landed = record.record.registry[ob.IntegrationMoved]

    def rule(seen: ob.IntegrationElsewhere, known: State, now: float) -> list[ev.Event]:
        moved = ob.IntegrationMoved(seen.about, seen.commit, seen.onto)
        return list(landed(moved, known, now))

    with _with_rule(record.record, ob.IntegrationElsewhere, rule):
        yield


@_mutant("candidates are not checked")
def _unchecked() -> Iterator[None]:
    with _with(landing, gate_of_landing=lambda known, found: ()):
        yield


@_mutant("a candidate passes the checks of its own task only")
def _own_checks_only() -> Iterator[None]:
    def gate(known: State, found: state.Landing) -> tuple[Any, ...]:
        if found.about == ev.TARGET:
            return known.gate
        return landing.gate_of_work(known, known.attempts[found.about].task)

    with _with(landing, gate_of_landing=gate):
        yield


@_mutant("a check that was green on another tree is green on this one")
def _green_anywhere() -> Iterator[None]:
    def missing(known: State, tree: str, gate: tuple[Any, ...]) -> tuple[Any, ...]:
        passed = frozenset[str]().union(*known.green.values())
        return tuple(check for check in gate if check.name not in passed)

    with _with(landing, missing_checks=missing):
        yield


@_mutant("a red candidate lands")
def _red_lands() -> Iterator[None]:
    def whitewash(event: ev.CandidateJudged, known: State) -> None:
        found = state.landing_of(known, event.attempt)
        if found is not None and found.judgement is ev.Judgement.FAILED:
            indexes.put_landing(known, replace(found, judgement=ev.Judgement.PASSED))

    with _changed_state(ev.CandidateJudged, whitewash):
        yield


@_mutant("the wrong change is sent back")
def _wrong_evicted() -> Iterator[None]:
    before = landing._back

    def back(known: State, found: state.Landing, cause: ev.Cause, text: str) -> ev.Event:
        event = before(known, found, cause, text)
        if isinstance(event, ev.WorkReturned) and not event.attempt.startswith("a."):
            return replace(event, attempt="a.1")
        return event

    with _with(landing, _back=back):
        yield


@_mutant("a review holds for whatever is committed later")
def _review_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.WorkFound]

    def rule(event: ev.WorkFound, known: State, at: float) -> None:
        approved = known.attempts[event.attempt].approved
        before(event, known, at)
        found = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(found, approved=approved)

    with _with_rule(evolve._apply, ev.WorkFound, rule):
        yield


@_mutant("an unchecked commit is delivered")
def _delivers_anything() -> Iterator[None]:
    def follow(event: ev.LandingMissed, known: State) -> None:
        known.checked_head = known.head

    with _changed_state(ev.LandingMissed, follow):
        yield


@_mutant("a target that cannot be merged is tried without end")
def _merged_for_ever() -> Iterator[None]:
    def again(event: ev.TargetMergeFailed, known: State) -> None:
        known.delivery = replace(known.delivery, wanted="")

    with _changed_state(ev.TargetMergeFailed, again):
        yield


@_mutant("a target that moved is forgotten")
def _target_forgotten() -> Iterator[None]:
    def forget(event: ev.TargetMoved, known: State) -> None:
        known.delivery = replace(known.delivery, target_commit="")

    with _changed_state(ev.TargetMoved, forget):
        yield


@_mutant("delivery is never tried again")
def _delivery_once() -> Iterator[None]:
    with _with(delivery, BLOCKED_RETRY_S=1e9):
        yield


# --- people and engine --------------------------------------------------------------------------


@_mutant("a request told twice is done twice")
def _asked_twice() -> Iterator[None]:
    def rule(seen: ob.Asked, known: State, now: float) -> list[ev.Event]:
        asked = ev.Requested(seen.key, seen.verb, seen.task, seen.by, seen.text)
        return [asked, *requests.answer(known, seen)]

    with _with_rule(record.record, ob.Asked, rule):
        yield


@_mutant("a new engine still stops everything")
def _stops_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.EngineStarted]

    def rule(event: ev.EngineStarted, known: State, at: float) -> None:
        by = known.stopping
        before(event, known, at)
        known.stopping = by

    with _with_rule(evolve._apply, ev.EngineStarted, rule):
        yield


@_mutant("stop does not reach agents that are just starting")
def _stop_misses_starting() -> Iterator[None]:
    with _with(decide, AGENT_ALIVE=frozenset({Phase.RUNNING, Phase.STOPPING})):
        yield


@_mutant("an event loses a field in the log")
def _field_lost() -> Iterator[None]:
    def lossy(value: Any) -> Any:
        body = encode(value)
        if isinstance(value, ev.TurnWanted):
            del body["onto"]
        return body

    with _with(schedule, encode=lossy), _with(scenario, encode=lossy):
        yield
