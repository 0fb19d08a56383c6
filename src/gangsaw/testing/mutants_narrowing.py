"""Planted faults of narrowing by tests: what lands, who is blamed, and who is set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gangsaw.core import events as ev
from gangsaw.core import evolve_landing, indexes
from gangsaw.core.events import CheckResult, Judgement
from gangsaw.core.policy import batches, landing, narrowing
from gangsaw.core.state import Attempt, Landing, State, landing_of
from gangsaw.testing.planting import changed_state, mutant, with_values
from gangsaw.testing.simulation.plans import Scene


def _names_tests(scene: Scene) -> bool:
    own = (check for task in scene.plan.tasks for check in task.checks)
    return any(check.only for check in (*scene.gate, *own))


# --- what lands -----------------------------------------------------------------------------------


@mutant("some green tests let a tree land", crowd=True, where=_names_tests)
def _part_lands() -> Iterator[None]:
    def land(event: ev.CandidateJudged, known: State) -> None:
        found = landing_of(known, event.attempt)
        if event.only and event.judgement is Judgement.PASSED and found is not None:
            indexes.put_landing(known, replace(found, judgement=Judgement.PASSED))

    with changed_state(ev.CandidateJudged, land):
        yield


@mutant("the rest of a narrowed batch lands unchecked", crowd=True, where=_names_tests)
def _rest_lands() -> Iterator[None]:
    before, narrowed = landing._pass, set[tuple[str, int]]()

    def note(event: ev.ChangeQueued, known: State) -> None:
        if event.tests:
            narrowed.update((known.run, link.batch) for link in known.landings if link.batch)

    def passes(known: State) -> Iterator[ev.Event]:
        for each in batches.wanted(known):
            if (known.run, each.link.batch) in narrowed and each.part is None:
                yield ev.CandidateJudged(each.link.about, each.link.tree, Judgement.PASSED)
                return
        yield from before(known)

    with with_values(landing, _pass=passes), changed_state(ev.ChangeQueued, note):
        yield


# --- blame ----------------------------------------------------------------------------------------


@mutant("tests that were red once blame", crowd=True, where=_names_tests)
def _no_confirmation_by_tests() -> Iterator[None]:
    before = landing.is_to_blame
    with with_values(landing, is_to_blame=lambda link: before(link) or bool(link.part)):
        yield


@mutant(
    "a flake blames although its tests were green the next time", crowd=True, where=_names_tests
)
def _flake_blames() -> Iterator[None]:
    before = landing.is_to_blame

    def blamed(link: Landing) -> bool:
        runs = link.fails + link.part_runs
        return before(link) or (link.part is not None and runs >= landing.BLAMED_AFTER)

    with with_values(landing, is_to_blame=blamed):
        yield


@mutant("a run that names none of the tests is red in all of them", crowd=True, where=_names_tests)
def _unnamed_is_red() -> Iterator[None]:
    def red(results: Iterable[CheckResult], tests: tuple[str, ...]) -> tuple[str, ...]:
        return tests if any(one.judgement is Judgement.FAILED for one in results) else ()

    with with_values(evolve_landing, red_tests=red):
        yield


@mutant("who is found by narrowing goes back at once", crowd=True, where=_names_tests)
def _found_goes_back() -> Iterator[None]:
    def back(known: State) -> Iterator[ev.Event]:
        batch = batches.to_narrow(known)
        for at in narrowing.culprits(known, batch):
            yield landing._back(known, batch[at], ev.Cause.COMBINATION, "red")

    with with_values(landing, _set_aside=back):
        yield


@mutant("somebody is set aside for a test that has not failed", crowd=True, where=_names_tests)
def _wrongly_set_aside() -> Iterator[None]:
    def aside(known: State) -> Iterator[ev.Event]:
        batch = batches.to_narrow(known)
        for at, part in narrowing.culprits(known, batch).items():
            link, tests = batch[at], (f"not {part.tests[0]}",)
            yield ev.ChangeQueued(link.about, link.work, suspect=part.of, tests=tests)

    with with_values(landing, _set_aside=aside):
        yield


@mutant("who was set aside is checked with others", crowd=True, where=_names_tests)
def _suspect_beside() -> Iterator[None]:
    def alone(known: State, about: str) -> bool:
        attempt = known.attempts.get(about)
        return attempt is None or bool(attempt.barrier) or known.task_states[attempt.task].first

    with with_values(batches, goes_alone=alone):
        yield


@mutant("changed work goes back for what it was before")
def _changed_goes_back() -> Iterator[None]:
    def unchanged(known: State, attempt: Attempt) -> bool:
        return attempt.blamed is not None

    with with_values(landing, is_unchanged=unchanged):
        yield
