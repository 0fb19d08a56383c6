"""Planted faults of what follows from what is found in work: concerns, checks by path and moment,
overlaps, and conflicts that were resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import events_radar as er
from gangsaw.core import events_talk as et
from gangsaw.core import (
    evolve,
    evolve_radar,
    evolve_resolving,
    indexes,
    overlapping,
    record,
    resolving,
    talk,
)
from gangsaw.core import observations as ob
from gangsaw.core.events_checks import AFTER, AfterJudged, AfterWanted
from gangsaw.core.honesty import Answer, Concern, with_answer
from gangsaw.core.model import Check, RadarPolicy, When
from gangsaw.core.overlaps import INTEGRATION, KnownOverlap, Overlap
from gangsaw.core.policy import admission, after, gates, honesty, remedy, retry
from gangsaw.core.state import Attempt, State
from gangsaw.testing.planting import changed_state, mutant, with_rule, with_values, without_follower
from gangsaw.testing.simulation.finds import AFTER_CHECK
from gangsaw.testing.simulation.plans import Scene


def _checks_after(scene: Scene) -> bool:
    return AFTER_CHECK in scene.gate


def _is_watched(scene: Scene) -> bool:
    return bool(scene.temper.overlaps)


def _has_many_turns(scene: Scene) -> bool:
    return scene.limits.turns_max > 3


# --- concerns -------------------------------------------------------------------------------------


def _answers(known: State, attempt: Attempt, *wanted: Answer) -> tuple[Concern, ...]:
    rules = known.limits.honesty
    return () if attempt.approved else with_answer(rules, attempt.concerns, *wanted)


@mutant("concerns are forgotten")
def _forgotten() -> Iterator[None]:
    def forget(event: ev.WorkFound, known: State) -> None:
        indexes.put_attempt(known, replace(known.attempts[event.attempt], concerns=()))

    with changed_state(ev.WorkFound, forget):
        yield


@mutant("an approval holds for what comes after it")
def _approved_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.WorkFound]

    def rule(event: ev.WorkFound, known: State, at: float) -> None:
        approved = known.attempts[event.attempt].approved
        before(event, known, at)
        indexes.put_attempt(known, replace(known.attempts[event.attempt], approved=approved))

    with with_rule(evolve._apply, ev.WorkFound, rule):
        yield


@mutant("what must not land is not reviewed by a person in the end")
def _blocked_lands() -> Iterator[None]:
    with with_values(
        honesty,
        blocked=lambda known, attempt: (),
        to_review=lambda known, attempt: _answers(known, attempt, Answer.REVIEW),
    ):
        yield


@mutant("what is to be reviewed is only shown")
def _review_is_warn() -> Iterator[None]:
    with with_values(
        honesty, to_review=lambda known, attempt: _answers(known, attempt, Answer.BLOCK)
    ):
        yield


@mutant("what is to be shown asks a person")
def _warn_asks() -> Iterator[None]:
    with with_values(honesty, to_review=lambda known, attempt: _answers(known, attempt, *Answer)):
        yield


@mutant("what is to be reviewed goes back to the agent")
def _review_goes_back() -> Iterator[None]:
    def blocked(known: State, attempt: Attempt) -> tuple[Concern, ...]:
        return _answers(known, attempt, Answer.BLOCK, Answer.REVIEW)

    with with_values(honesty, blocked=blocked):
        yield


@mutant("what a person agreed with goes back")
def _agreed_goes_back() -> Iterator[None]:
    def blocked(known: State, attempt: Attempt) -> tuple[Concern, ...]:
        return with_answer(known.limits.honesty, attempt.concerns, Answer.BLOCK)

    with with_values(honesty, blocked=blocked):
        yield


@mutant("a person is asked before the agent")
def _person_first() -> Iterator[None]:
    with with_values(honesty, send_back=lambda known, attempt: None):
        yield


@mutant("work goes back for its concerns for ever")
def _concerned_for_ever() -> Iterator[None]:
    with with_values(retry, _BEYOND_TURNS=retry._BEYOND_TURNS | {ev.Cause.CONCERNS}):
        yield


@mutant("the answers of a run's first settings stay")
def _first_answers() -> Iterator[None]:
    before = evolve._apply.registry[ev.LimitsChanged]

    def rule(event: ev.LimitsChanged, known: State, at: float) -> None:
        kept = known.limits.honesty
        before(event, known, at)
        known.limits = replace(known.limits, honesty=kept)

    with with_rule(evolve._apply, ev.LimitsChanged, rule):
        yield


# --- checks by path and moment --------------------------------------------------------------------


@mutant("where the paths are not known no check with paths is needed")
def _unknown_is_none() -> Iterator[None]:
    before = gates.is_touched

    def touched(check: Check, paths: gates.Paths) -> bool:
        return before(check, paths) if paths is not None else not check.paths

    with with_values(gates, is_touched=touched):
        yield


@mutant("only the first path of a change counts")
def _first_path() -> Iterator[None]:
    before = gates.is_touched

    def touched(check: Check, paths: gates.Paths) -> bool:
        return before(check, paths if paths is None else paths[:1])

    with with_values(gates, is_touched=touched):
        yield


@mutant("the paths of the first change count for all that land with it")
def _first_change() -> Iterator[None]:
    before = gates.all_paths
    with with_values(gates, all_paths=lambda found: before(list(found)[:1])):
        yield


@mutant("some of many paths are taken for all of them")
def _listed_is_all() -> Iterator[None]:
    def note(event: ev.WorkFound, known: State) -> None:
        attempt = known.attempts[event.attempt]
        indexes.put_attempt(known, replace(attempt, paths=event.paths))

    with changed_state(ev.WorkFound, note):
        yield


@mutant("checks for landings are left out")
def _no_landing_checks() -> Iterator[None]:
    with with_values(gates, ON_LANDING=frozenset({When.ALWAYS})):
        yield


@mutant("checks for work alone are left out")
def _no_work_checks() -> Iterator[None]:
    with with_values(gates, ON_WORK=frozenset({When.ALWAYS})):
        yield


@mutant("checks of what has landed hold landings up")
def _after_holds() -> Iterator[None]:
    with with_values(gates, ON_LANDING=frozenset({*gates.ON_LANDING, When.AFTER})):
        yield


@mutant("the dear checks come first")
def _dear_first() -> Iterator[None]:
    before = gates.needed

    def needed(*args: Any) -> tuple[Check, ...]:
        return before(*args)[::-1]

    with with_values(gates, needed=needed):
        yield


@mutant("the run ends before what landed last is checked")
def _ends_early() -> Iterator[None]:
    with with_values(after, is_open=lambda known: False):
        yield


@mutant("what was checked after its landing is checked again")
def _checked_again() -> Iterator[None]:
    def forget(event: AfterJudged, known: State) -> None:
        known.after = replace(known.after, judged="")

    with changed_state(AfterJudged, forget):
        yield


@mutant("what landed first is checked, not last")
def _checks_the_first() -> Iterator[None]:
    unchanged = after.advance
    seen: dict[int, str] = {}

    def advance(known: State) -> list[Any]:
        found = unchanged(known)
        if found and isinstance(found[0], AfterWanted):
            first = seen.setdefault(id(known), found[0].commit)
            return [AfterWanted(first)]
        return found

    with with_values(after, advance=advance):
        yield


@mutant("any report is one of what landed last", where=_checks_after)
def _any_commit() -> Iterator[None]:
    before = record.record.registry[ob.ChecksDone]

    def rule(seen: ob.ChecksDone, known: State, now: float) -> list[ev.Event]:
        if seen.about == AFTER and known.after.wanted:
            return [AfterJudged(known.after.wanted, seen.judgement, seen.results)]
        return list(before(seen, known, now))

    with with_rule(record.record, ob.ChecksDone, rule):
        yield


@mutant("a red result after landing is forgotten with the next landing", where=_checks_after)
def _red_forgotten() -> Iterator[None]:
    def forget(event: ev.Landed, known: State) -> None:
        known.after = replace(known.after, judgement=None)

    with changed_state(ev.Landed, forget):
        yield


# --- overlaps -------------------------------------------------------------------------------------


@mutant("advice sends work back")
def _advice_sends_back() -> Iterator[None]:
    def words(known: State, task: str) -> list[Any]:
        return list(known.task_states[task].messages)

    with with_values(talk, _words_for=words):
        yield


@mutant("advice lets parked work go on", where=_is_watched)
def _advice_unparks() -> Iterator[None]:
    def word(known: State, attempt: Attempt) -> bool:
        return bool(known.task_states[attempt.task].messages)

    with with_values(remedy, has_word_for=word):
        yield


@mutant("the same advice is given again")
def _advised_again() -> Iterator[None]:
    with changed_state(er.OverlapSeen, lambda event, known: known.advised.clear()):
        yield


@mutant("advice is given where it is only to be shown")
def _always_told() -> Iterator[None]:
    before = overlapping._advice

    def advice(known: State, key: str, one: Overlap) -> list[Any]:
        limits = known.limits
        known.limits = replace(limits, radar=RadarPolicy.TELL)
        try:
            return list(before(known, key, one))
        finally:
            known.limits = limits

    with with_values(overlapping, _advice=advice):
        yield


@mutant("the earlier of two is advised", where=_is_watched)
def _wrong_one() -> Iterator[None]:
    before = overlapping._advice

    def advice(known: State, key: str, one: Overlap) -> list[Any]:
        turned = replace(one, ours=one.theirs, theirs=one.ours)
        return list(before(known, key, one if one.ours == INTEGRATION else turned))

    with with_values(overlapping, _advice=advice):
        yield


@mutant("advice that is out of date is given")
def _not_withdrawn() -> Iterator[None]:
    with with_values(evolve_radar, _withdraw=lambda known, ended: None):
        yield


@mutant("advice for one attempt is given to the next")
def _inherited() -> Iterator[None]:
    before = evolve._apply.registry[et.MessageLeft]

    def rule(event: et.MessageLeft, known: State, at: float) -> None:
        before(replace(event, advice=False), known, at)

    with with_rule(evolve._apply, et.MessageLeft, rule):
        yield


@mutant("an overlap outlives its attempts")
def _outlives() -> Iterator[None]:
    with with_values(overlapping, over=lambda known: []):
        yield


@mutant("what was not looked at is taken for merged")
def _not_looked() -> Iterator[None]:
    before = overlapping.news

    def news(seen: ob.OverlapsRead, known: State) -> list[Any]:
        return list(before(replace(seen, looked=tuple(known.attempts)), known))

    with with_values(overlapping, news=news):
        yield


@mutant("an overlap of those that are over is believed")
def _over_is_told() -> Iterator[None]:
    with with_values(
        overlapping, _is_told=lambda known, one: not one.stale or one.ours == INTEGRATION
    ):
        yield


@mutant("what collides with what landed is said of every pair")
def _stale_pairs() -> Iterator[None]:
    before = overlapping._is_told

    def told(known: State, one: Overlap) -> bool:
        return before(known, replace(one, stale=False))

    with with_values(overlapping, _is_told=told):
        yield


@mutant("moved lines are news")
def _lines_are_news() -> Iterator[None]:
    with with_values(overlapping, _is_same=lambda known, one: False):
        yield


@mutant("other files of a known pair are no news")
def _files_no_news() -> Iterator[None]:
    with with_values(overlapping, _is_same=lambda known, one: True):
        yield


@mutant("a resolved overlap still holds tasks")
def _resolved_holds() -> Iterator[None]:
    before = evolve._apply.registry[er.OverlapResolved]

    def rule(event: er.OverlapResolved, known: State, at: float) -> None:
        found: KnownOverlap = known.overlaps[event.key]
        before(event, known, at)
        known.overlaps[event.key] = found

    with with_rule(evolve._apply, er.OverlapResolved, rule):
        yield


@mutant("nothing is held for an overlap", where=_is_watched)
def _nothing_held() -> Iterator[None]:
    with with_values(admission, held_by=lambda known, name: None):
        yield


@mutant("overlaps hold tasks under any policy", where=_is_watched)
def _always_held() -> Iterator[None]:
    before = overlapping.held_by

    def held(known: State, task: str) -> Any:
        limits = known.limits
        known.limits = replace(limits, radar=RadarPolicy.SERIALISE)
        try:
            return before(known, task)
        finally:
            known.limits = limits

    with with_values(admission, held_by=held):
        yield


# --- conflicts that were resolved -----------------------------------------------------------------


@mutant("conflicts are resolved by one attempt for ever", where=_has_many_turns)
def _resolves_for_ever() -> Iterator[None]:
    with with_values(retry, RESOLVES_MAX=3):
        yield


@mutant("what another candidate took to merge is told of this one")
def _ways_stay() -> Iterator[None]:
    with without_follower(ev.CandidateWanted, evolve_resolving.AFTER[ev.CandidateWanted]):
        yield


@mutant("how a conflict was resolved is not told")
def _not_told() -> Iterator[None]:
    with with_values(resolving, facts_of_candidate=lambda seen: []):
        yield


@mutant("that an agent has resolved a conflict is not told")
def _agent_not_told() -> Iterator[None]:
    with with_values(resolving, facts_of_work=lambda known, seen: []):
        yield


@mutant("every work is said to be resolved by an agent")
def _always_model() -> Iterator[None]:
    with with_values(resolving, CLASHED=frozenset({*ev.Cause, None})):
        yield
