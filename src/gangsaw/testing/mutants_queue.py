"""Planted faults of the landing queue: its order, its batches, their narrowing, and blame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gangsaw.core import chain, decide, evolve, evolve_landing, indexes, record
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events import Judgement
from gangsaw.core.policy import batches, landing, retry
from gangsaw.core.state import Landing, State, landing_of
from gangsaw.testing.planting import changed_state, mutant, with_rule, with_values

# --- blame ----------------------------------------------------------------------------------------


@mutant("a change goes back after one red run", crowd=True)
def _one_red_run() -> Iterator[None]:
    with with_values(landing, BLAMED_AFTER=1):
        yield


def _kept(*names: str) -> Any:
    """A candidate that is built anew keeps these of its fields."""
    before = evolve._apply.registry[ev.CandidateWanted]

    def rule(event: ev.CandidateWanted, known: State, at: float) -> None:
        found = landing_of(known, event.attempt)
        before(event, known, at)
        if found is not None:
            fresh = indexes.landing_in_progress(known, event.attempt)
            kept: dict[str, Any] = {name: getattr(found, name) for name in names}
            indexes.put_landing(known, replace(fresh, **kept))

    return with_rule(evolve._apply, ev.CandidateWanted, rule)


@mutant("red runs on another base count", crowd=True)
def _red_elsewhere() -> Iterator[None]:
    with _kept("fails"):
        yield


@mutant("a verdict stays with what is built anew", crowd=True)
def _verdict_stays() -> Iterator[None]:
    with _kept("judgement", "results"):
        yield


@mutant("no verdict is taken for a red one", crowd=True)
def _unsure_is_red() -> Iterator[None]:
    before = record.record.registry[ob.ChecksDone]

    def rule(seen: ob.ChecksDone, known: State, now: float) -> list[ev.Event]:
        unsure = seen.judgement is Judgement.INCONCLUSIVE and landing_of(known, seen.about)
        return list(
            before(replace(seen, judgement=Judgement.FAILED) if unsure else seen, known, now)
        )

    with with_rule(record.record, ob.ChecksDone, rule):
        yield


@mutant("a verdict is believed twice", crowd=True)
def _any_round() -> Iterator[None]:
    before = record.record.registry[ob.ChecksDone]

    def rule(seen: ob.ChecksDone, known: State, now: float) -> list[ev.Event]:
        found = landing_of(known, seen.about)
        return list(before(seen if found is None else replace(seen, round=found.round), known, now))

    with with_rule(record.record, ob.ChecksDone, rule):
        yield


@mutant("the last of a red batch is to blame", crowd=True)
def _last_blamed() -> Iterator[None]:
    def blame(known: State) -> Iterator[ev.Event]:
        red = [link for link in known.landings if link.judgement is Judgement.FAILED]
        if red and chain.moving_at(known) < 0:
            yield landing._back(known, red[-1], ev.Cause.COMBINATION, "red")

    with with_values(landing, _blame=blame):
        yield


@mutant("what cannot be told ends others than the first", crowd=True)
def _unsure_ends_others() -> Iterator[None]:
    before = decide._land

    def land(known: State, now: float) -> list[ev.Event]:
        for link in known.landings[1:]:
            if link.inconclusive and link.about in known.attempts:
                attempt = known.attempts[link.about]
                return retry.fail(known, attempt, ev.Cause.INCONCLUSIVE, "unsure", now)
        return before(known, now)

    policies = tuple(land if policy is before else policy for policy in decide.POLICIES)
    with with_values(decide, POLICIES=policies):
        yield


@mutant("the rest of a batch is forgotten when one of it goes back", crowd=True)
def _rest_forgotten() -> Iterator[None]:
    def forget(event: ev.WorkReturned, known: State) -> None:
        if event.cause is ev.Cause.COMBINATION:
            known.landings = ()

    with changed_state(ev.WorkReturned, forget):
        yield


@mutant("a conflict with a change ahead is taken for one with what landed", crowd=True)
def _conflict_ahead_goes_back() -> Iterator[None]:
    def conflict(known: State, at: int, link: Landing) -> ev.Event:
        return landing._back(known, link, ev.Cause.CONFLICT, "conflicts")

    with with_values(landing, _conflict=conflict):
        yield


# --- what lands -----------------------------------------------------------------------------------


def _lands_at(which: Callable[[State], int]) -> Any:
    """Landing is wanted of the link at this place, if there is one that is built."""
    before = landing._land

    def land(known: State) -> Iterator[ev.Event]:
        at = which(known)
        quiet = not (known.stopping or known.frozen) and chain.moving_at(known) < 0
        if quiet and 0 <= at < len(known.landings) and known.landings[at].candidate:
            link = known.landings[at]
            yield ev.LandingWanted(link.about, link.candidate, known.head)
        else:
            yield from before(known)

    return with_values(landing, _land=land)


@mutant("one more than was checked lands", crowd=True)
def _one_more() -> Iterator[None]:
    def which(known: State) -> int:
        green = [at for at, x in enumerate(known.landings) if x.judgement is Judgement.PASSED]
        return green[-1] + 1 if green else -1

    with _lands_at(which):
        yield


@mutant("the half of a red batch lands unchecked", crowd=True)
def _half_lands() -> Iterator[None]:
    def which(known: State) -> int:
        red = [at for at, x in enumerate(known.landings) if x.judgement is Judgement.FAILED]
        return (red[0] - 1) // 2 if red and red[0] else -1

    with _lands_at(which):
        yield


@mutant("what lands with others passes the checks of the last only", crowd=True)
def _checks_of_the_last() -> Iterator[None]:
    before = landing.gate_of_landing

    def gate(known: State, found: Landing) -> tuple[Any, ...]:
        whole = before(known, found)
        ahead = chain.ahead_of(known, found.about)
        left_out = {
            check.name
            for name in ahead
            if name in known.attempts
            for check in known.tasks[known.attempts[name].task].checks
        }
        return tuple(check for check in whole if check.name not in left_out)

    with with_values(landing, gate_of_landing=gate):
        yield


@mutant("links are not built anew when what is before them goes", crowd=True)
def _never_anew() -> Iterator[None]:
    def is_current(known: State, at: int) -> bool:
        link = known.landings[at]
        return bool(link.candidate or link.conflict) and not link.missed

    with with_values(chain, is_current=is_current):
        yield


@mutant("a link stays as good as the head when somebody else has moved that", crowd=True)
def _stale_head_link() -> Iterator[None]:
    before = evolve._apply.registry[ev.LandingMissed]

    def rule(event: ev.LandingMissed, known: State, at: float) -> None:
        link = known.head_link
        first = known.landings[0].onto
        before(event, known, at)
        known.head_link = link or first

    with with_rule(evolve._apply, ev.LandingMissed, rule):
        yield


@mutant("only the last of those that land together has landed", crowd=True)
def _only_the_last() -> Iterator[None]:
    before = record.record.registry[ob.IntegrationMoved]

    def rule(seen: ob.IntegrationMoved, known: State, now: float) -> list[ev.Event]:
        return list(before(seen, known, now))[-1:]

    with with_rule(record.record, ob.IntegrationMoved, rule):
        yield


@mutant("what lands together is known without what joins it", crowd=True)
def _join_forgotten() -> Iterator[None]:
    before = record.record.registry[ob.IntegrationMoved]

    def rule(seen: ob.IntegrationMoved, known: State, now: float) -> list[ev.Event]:
        return list(before(replace(seen, head=""), known, now))

    with with_rule(record.record, ob.IntegrationMoved, rule):
        yield


@mutant("a frozen queue lands", crowd=True)
def _frozen_lands() -> Iterator[None]:
    with (
        _lands_at(
            lambda known: (
                max(
                    (at for at, x in enumerate(known.landings) if x.judgement is Judgement.PASSED),
                    default=-1,
                )
                if known.queue_held
                else -1
            )
        ),
        changed_state(ev.QueueHeld, lambda event, known: setattr(known, "frozen", False)),
    ):
        yield


@mutant("a second move begins before the first is known", crowd=True)
def _two_moves() -> Iterator[None]:
    def land(known: State) -> Iterator[ev.Event]:
        for link in reversed(known.landings):
            if link.judgement is Judgement.PASSED and not (link.wanted or known.frozen):
                yield ev.LandingWanted(link.about, link.candidate, known.head)
                return

    def forget(event: ev.LandingWanted, known: State) -> None:
        for link in known.landings:
            if link.judgement is Judgement.PASSED and link.about != event.attempt:
                indexes.put_landing(known, replace(link, wanted=False))

    with with_values(landing, _land=land), changed_state(ev.LandingWanted, forget):
        yield


@mutant("what is being landed is called off", crowd=True)
def _called_off() -> Iterator[None]:
    with with_values(chain, is_moving=lambda known, about: False):
        yield


@mutant("what lands with another's move is called off", crowd=True)
def _fellow_called_off() -> Iterator[None]:
    def is_moving(known: State, about: str) -> bool:
        found = landing_of(known, about)
        return found is not None and found.wanted

    with with_values(chain, is_moving=is_moving):
        yield


# --- batches and order ----------------------------------------------------------------------------


@mutant("barriers do not land alone", crowd=True)
def _no_barriers() -> Iterator[None]:
    before = batches.goes_alone

    def alone(known: State, about: str) -> bool:
        attempt = known.attempts.get(about)
        return before(known, about) and not (attempt and attempt.barrier)

    with with_values(batches, goes_alone=alone):
        yield


@mutant("what people put first has no precedence", crowd=True)
def _first_waits() -> Iterator[None]:
    with with_values(batches, _is_first=lambda known, name: False):
        yield


@mutant("who waits longest has no precedence", crowd=True)
def _starves() -> Iterator[None]:
    before = batches._order

    def order(known: State) -> list[str]:
        return sorted(before(known), key=lambda name: batches._rank(known, name))

    with with_values(batches, _order=order):
        yield


@mutant("who is queued again waits anew", crowd=True)
def _waits_anew() -> Iterator[None]:
    before = evolve._apply.registry[ev.ChangeQueued]

    def rule(event: ev.ChangeQueued, known: State, at: float) -> None:
        before(event, known, at)
        again = replace(known.attempts[event.attempt], queued_at=at)
        known.attempts[event.attempt] = again

    with with_rule(evolve._apply, ev.ChangeQueued, rule):
        yield


@mutant("what does not merge with a change ahead is taken in beside it", crowd=True)
def _does_not_wait() -> Iterator[None]:
    with with_values(batches, _free=lambda known: [] if known.queue_held else list(known.queue)):
        yield


@mutant("a held queue takes changes in", crowd=True)
def _held_takes_in() -> Iterator[None]:
    def free(known: State) -> list[str]:
        inside = {link.about for link in known.landings}
        return [name for name in known.queue if known.attempts[name].against not in inside]

    with with_values(batches, _free=free):
        yield


@mutant("a held queue forms batches", crowd=True)
def _held_forms() -> Iterator[None]:
    before = batches.form

    def form(known: State) -> list[ev.Event]:
        held, known.queue_held = known.queue_held, False
        events = before(known)
        known.queue_held = held
        return events

    with with_values(batches, form=form):
        yield


@mutant("batches are larger than the window", crowd=True)
def _no_window() -> Iterator[None]:
    with with_values(batches, size_of=lambda known: max(1, known.batch_size * 2)):
        yield


@mutant("batches do not shrink when a change was to blame", crowd=True)
def _never_smaller() -> Iterator[None]:
    with with_values(evolve_landing, back_to_smaller_batches=lambda known: None):
        yield


@mutant("a batch is formed while another is checked", crowd=True)
def _two_batches() -> Iterator[None]:
    before = batches.form

    def form(known: State) -> list[ev.Event]:
        free = [link for link in known.landings if not link.batch and link.candidate]
        inside = any(link.batch for link in known.landings)
        if known.queue_held or not (inside and free):
            return before(known)
        return [ev.BatchFormed(known.batches + 1, (free[0].about,), 1)]

    with with_values(batches, form=form):
        yield


@mutant("a moved target is combined beside changes", crowd=True)
def _target_beside() -> Iterator[None]:
    before = batches.extend

    def extend(known: State) -> list[ev.Event]:
        special = batches._special(known)
        return [special] if special is not None and known.head else before(known)

    with with_values(batches, extend=extend):
        yield


@mutant("a red first of a batch is not checked again", crowd=True)
def _no_confirmation() -> Iterator[None]:
    before = batches.wanted

    def wanted(known: State) -> list[batches.Wanted]:
        return [each for each in before(known) if not each.link.fails]

    with with_values(batches, wanted=wanted):
        yield
