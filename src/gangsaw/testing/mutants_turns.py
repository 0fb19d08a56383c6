"""Planted faults of conditions, waiting between turns, other agents, stages and reviewers; see
`mutants`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gangsaw.core import decide, evolve, evolve_accounts, indexes, phases, record
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.launch import SessionNoted, UsageNoted
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import Phase
from gangsaw.core.policy import admission, ending, remedy, retry, review
from gangsaw.core.state import Attempt, LaunchUsage, State
from gangsaw.core.usage import used_by_launch
from gangsaw.testing.planting import mutant, with_rule, with_values

MANY = 1_000_000


# --- waiting ------------------------------------------------------------------------------------


@mutant("a parked attempt goes on before its time")
def _goes_on_early() -> Iterator[None]:
    def at(known: State, attempt: Attempt) -> float | None:
        return None if attempt.parked_until is None else 0.0

    with with_values(remedy, goes_on_at=at):
        yield


@mutant("an attempt that is parked for a person goes on by itself")
def _goes_on_unasked() -> Iterator[None]:
    before = remedy.goes_on_at

    def at(known: State, attempt: Attempt) -> float | None:
        return before(known, attempt) or 0.0

    with with_values(remedy, goes_on_at=at):
        yield


@mutant("a parked attempt keeps its slot")
def _parked_holds_slot() -> Iterator[None]:
    with with_values(indexes, HOLDS_SLOT=phases.HOLDS_SLOT | {Phase.PARKED}):
        yield


@mutant("an attempt ends where it should wait")
def _fails_for_limits() -> Iterator[None]:
    def park(attempt: Attempt, *_: Any) -> ev.Event:
        return ev.AttemptFailed(attempt.id, ev.Cause.EXIT, "limit", True, 0.0)

    with with_values(remedy, park=park):
        yield


@mutant("a usage limit holds back no other task")
def _limit_of_one() -> Iterator[None]:
    with with_values(admission, is_limited=lambda known, agent, now: False):
        yield


@mutant("a usage limit is never over")
def _limit_for_ever() -> Iterator[None]:
    def limited(known: State, agent: str, until: float, at: float) -> None:
        known.account_limits[agent] = 1e12

    with with_values(evolve_accounts, limited=limited):
        yield


@mutant("an interrupted turn is gone on with without end")
def _continues_for_ever() -> Iterator[None]:
    with with_values(remedy, CONTINUES_MAX=MANY, STALLS_MAX=MANY):
        yield


# --- other agents -------------------------------------------------------------------------------


@mutant("another agent takes over though it has no slot")
def _overbooks() -> Iterator[None]:
    with with_values(remedy, has_slot=lambda known, agent: True):
        yield


@mutant("another agent takes over though it is at its own limit")
def _to_a_limited_one() -> Iterator[None]:
    with with_values(remedy, is_limited=lambda known, agent, now: False):
        yield


@mutant("an agent that takes over goes on with the other's session")
def _foreign_session() -> Iterator[None]:
    before = remedy._again

    def again(attempt: Attempt, *, fresh: bool, agent: str) -> ev.TurnWanted:
        return replace(before(attempt, fresh=fresh, agent=agent), fresh=False)

    with with_values(remedy, _again=again):
        yield


@mutant("what a session has used counts again with each of its launches")
def _session_twice() -> Iterator[None]:
    def used(attempt: Attempt, launch: int, noted: UsageNoted) -> LaunchUsage:
        plain = replace(noted, of_session=False, cost_of_session=False)
        return used_by_launch(attempt, launch, plain)

    with with_values(record, used_by_launch=used):
        yield


# --- stages and reviewers -----------------------------------------------------------------------


@mutant("the work is begun though its tests pass")
def _tests_nothing() -> Iterator[None]:
    with with_values(decide, _after_tests=review.work_turn):
        yield


@mutant("work lands without its reviewer")
def _unreviewed() -> Iterator[None]:
    with with_values(review, wants_review=lambda known, attempt: False):
        yield


@mutant("a reviewer's agreement holds for whatever is committed later")
def _agreed_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.WorkFound]

    def rule(event: ev.WorkFound, known: State, at: float) -> None:
        agreed = known.attempts[event.attempt].agreed
        before(event, known, at)
        found = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(found, agreed=agreed or found.rejections > 0)

    with with_rule(evolve._apply, ev.WorkFound, rule):
        yield


@mutant("a reviewer that rejects is taken to agree")
def _rejection_passes() -> Iterator[None]:
    def after(known: State, attempt: Attempt) -> list[ev.Event]:
        return [ev.ReviewPassed(attempt.id, attempt.seat, "")]

    with with_values(review, _after_word=after):
        yield


@mutant("what reviewers find goes back without end")
def _rounds_for_ever() -> Iterator[None]:
    before = review._after_word

    def after(known: State, attempt: Attempt) -> list[ev.Event]:
        return before(known, replace(attempt, rejections=-MANY))

    with with_values(review, _after_word=after):
        yield


@mutant("a reviewer without a word is asked without end")
def _asked_for_ever() -> Iterator[None]:
    with with_values(review, REVIEW_TRIES_MAX=MANY):
        yield


@mutant("checked work is lost with its reviewer")
def _lost_by_reviewer() -> Iterator[None]:
    before = ending.after_exit

    def after(known: State, attempt: Attempt, now: float) -> list[ev.Event] | None:
        cause = attempt.stop_cause
        if attempt.why is TurnKind.REVIEW and cause is not None:
            return retry.fail(known, attempt, cause, "stopped", now)
        return before(known, attempt, now)

    with with_values(ending, after_exit=after):
        yield


@mutant("a reviewer's session is taken for its author's")
def _sessions_mixed() -> Iterator[None]:
    before = record.record.registry[ob.Noted]

    def rule(seen: ob.Noted, known: State, now: float) -> list[ev.Event]:
        attempt = known.attempts.get(seen.attempt)
        if isinstance(seen.note, SessionNoted) and attempt is not None:
            return [ev.SessionOpened(seen.attempt, seen.launch, seen.note.session)]
        return list(before(seen, known, now))

    with with_rule(record.record, ob.Noted, rule):
        yield


@mutant("work that waits for its reviewer keeps its agent's slot")
def _verified_holds_slot() -> Iterator[None]:
    with with_values(indexes, HOLDS_SLOT=phases.HOLDS_SLOT | {Phase.VERIFIED}):
        yield
