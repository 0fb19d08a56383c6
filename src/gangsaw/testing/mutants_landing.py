"""Planted faults of landing, delivering and undoing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gangsaw.core import decide, evolve, indexes, record, state
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events_undo import undone_by
from gangsaw.core.policy import delivery, landing
from gangsaw.core.state import State
from gangsaw.testing.planting import (
    changed_state,
    mutant,
    with_rule,
    with_values,
)

# --- landing --------------------------------------------------------------------------------------


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
    def never(known: State) -> float:
        return 1e18 if known.delivery.blocked else 0.0

    with with_values(delivery, retry_at=never):
        yield


@mutant("an undone task starts again by itself")
def _undone_again() -> Iterator[None]:
    def forget(event: ev.Undone, known: State) -> None:
        indexes.set_task(known, event.task, replace(known.task_states[event.task], undone=""))

    with changed_state(ev.Undone, forget):
        yield


# --- undo -----------------------------------------------------------------------------------------


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
