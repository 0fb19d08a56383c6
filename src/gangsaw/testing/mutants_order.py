"""Planted faults of the order in which tasks start, and of tasks that run alone; see `mutants`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gangsaw.core import apart, decide, ranking
from gangsaw.core.durations import NOTHING_LEARNED
from gangsaw.core.policy import admission, remedy, soon
from gangsaw.core.state import State
from gangsaw.testing.planting import mutant, with_values


@mutant("the longest chain is that of most tasks")
def _by_count() -> Iterator[None]:
    with with_values(ranking, weights_ms=lambda known, by: dict.fromkeys(known.tasks, 1000)):
        yield


@mutant("what a run has taught changes no rank")
def _never_again() -> Iterator[None]:
    with with_values(ranking, DIFFERS_BY=1e9):
        yield


@mutant("what earlier runs have taught is forgotten")
def _forgotten() -> Iterator[None]:
    before = ranking.begin

    def begin(known: State, durations: Any) -> None:
        before(known, NOTHING_LEARNED)

    with with_values(ranking, begin=begin):
        yield


@mutant("checks take no time")
def _no_checks() -> Iterator[None]:
    with with_values(ranking, looks=lambda checks, *, lands: []):
        yield


@mutant("the ready list keeps its order when ranks are made anew")
def _stale_list() -> Iterator[None]:
    before = ranking.rank_all

    def rank(known: State) -> None:
        ready = list(known.ready)
        before(known)
        known.ready = [(known.rank[name], name) for _, name in ready]

    with with_values(ranking, rank_all=rank):
        yield


@mutant("no slot is kept for who is about to be ready")
def _none_kept() -> Iterator[None]:
    with with_values(soon, coming=lambda known, now: []):
        yield


@mutant("a slot is kept without end")
def _kept_for_ever() -> Iterator[None]:
    with with_values(soon, WAIT_PART=1e6):
        yield


@mutant("a slot is kept for tasks of a worse rank")
def _kept_for_all() -> Iterator[None]:
    before = admission._hold_of_coming

    def hold(known: State, name: str, now: float) -> Any:
        if soon.coming(known, now):
            return before(known, name, now) or admission.Hold(admission.HoldKind.SOON)
        return None

    with with_values(admission, _hold_of_coming=hold):
        yield


@mutant("checks of a landing are not waited for in vain", where=lambda scene: bool(scene.gate))
def _long_checks() -> Iterator[None]:
    with with_values(soon, OF_LANDING=frozenset()):
        yield


@mutant("nobody looks whether others are at work when a task is to run alone")
def _company() -> Iterator[None]:
    with with_values(apart, company=lambda known, task: ()):
        yield


@mutant("others start beside a task that runs alone")
def _beside() -> Iterator[None]:
    with with_values(apart, at_it=lambda known, task, now: None):
        yield


@mutant("others go on beside a task that runs alone")
def _go_on_beside() -> Iterator[None]:
    values = {"kept_apart": lambda known, task: None}
    with with_values(decide, **values), with_values(remedy, **values):
        yield


@mutant("a task that runs alone goes on beside others")
def _goes_on_beside() -> Iterator[None]:
    values = {"alone_text": lambda known, task: None}
    with with_values(decide, **values), with_values(remedy, **values):
        yield


@mutant("whoever is ready overtakes a task that runs alone")
def _overtaken() -> Iterator[None]:
    with with_values(admission, _is_next=lambda known, name, now: False):
        yield


@mutant("a task that cannot start yet, and is to run alone, holds all others up")
def _held_up() -> Iterator[None]:
    with with_values(admission, _is_next=lambda known, name, now: True):
        yield


@mutant("an attempt that waits for a person keeps others from running alone")
def _no_rest() -> Iterator[None]:
    with with_values(apart, rests=lambda known, attempt: False):
        yield
