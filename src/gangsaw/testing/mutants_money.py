"""Planted faults of reservations, bounds, accounts and waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import evolve_accounts, evolve_turns
from gangsaw.core.days import day_of
from gangsaw.core.events_money import DayBegan
from gangsaw.core.policy import money, remedy, retry, waves
from gangsaw.core.replacing import replace
from gangsaw.core.state import State, Usage
from gangsaw.testing.planting import changed_state, mutant, with_values
from gangsaw.testing.simulation.plans import Scene


@mutant("what those at work may still use is not counted")
def _counts_alone() -> Iterator[None]:
    with with_values(money, _reserved=lambda known, bound: iter(())):
        yield


@mutant("a launch reserves nothing for itself")
def _free_launch() -> Iterator[None]:
    before = money.lacking

    def lacking(known: State, task: str, agent: str, **how: Any) -> str:
        spent = any(bound.over >= 0 for bound in money.bounds(known, task))
        return before(known, task, agent, **how) if spent else ""

    with with_values(money, lacking=lacking):
        yield


@mutant("a further turn is not paid for")
def _free_turns() -> Iterator[None]:
    with (
        with_values(remedy, once_paid=lambda known, attempt, wanted: wanted),
        with_values(retry, is_spent=lambda *about: False),
    ):
        yield


@mutant("what has overshot its bound works on")
def _overshoots() -> Iterator[None]:
    with with_values(money, is_over=lambda known, task: False):
        yield


@mutant("tokens are not bounded")
def _free_tokens() -> Iterator[None]:
    before = money._bounds

    def bounds(usd: float | None, tokens: int | None, used: Usage, task: str, **day: bool) -> Any:
        return before(usd, None, used, task, **day)

    with with_values(money, _bounds=bounds):
        yield


@mutant("what the dearest launch used is forgotten")
def _forgets_prices() -> Iterator[None]:
    with with_values(evolve_turns, _note_price=lambda known, agent, used: None):
        yield


@mutant("who waits for money waits for ever")
def _never_paid() -> Iterator[None]:
    def forget(event: ev.AttemptParked, known: State) -> None:
        attempt = known.attempts[event.attempt]
        if attempt.unpaid:
            known.attempts[event.attempt] = replace(attempt, unpaid=False)

    with changed_state(ev.AttemptParked, forget):
        yield


def _has_days(scene: Scene) -> bool:
    return scene.limits.budget_day_usd is not None or scene.limits.budget_day_tokens is not None


@mutant("nothing is bounded by the day", where=_has_days)
def _no_days() -> Iterator[None]:
    with with_values(money, is_daily=lambda limits: False):
        yield


@mutant("the day never turns", where=_has_days)
def _one_day() -> Iterator[None]:
    def begin_once(known: State, now: float) -> list[DayBegan]:
        return [DayBegan(day_of(now))] if known.day < 0 else []

    with with_values(money, turn_day=begin_once):
        yield


@mutant("what other runs used on the day is not counted", where=_has_days)
def _alone_today() -> Iterator[None]:
    def used_on(known: State, day: int) -> Usage:
        return known.days.get(day, Usage())

    with with_values(money, used_on=used_on):
        yield


@mutant("what was estimated is not counted")
def _only_reported() -> Iterator[None]:
    before = money._bounds

    def bounds(usd: float | None, tokens: int | None, used: Usage, task: str, **day: bool) -> Any:
        return before(usd, tokens, replace(used, estimated_usd=0.0), task, **day)

    with with_values(money, _bounds=bounds):
        yield


@mutant("each agent has its usage limit for itself")
def _own_limits() -> Iterator[None]:
    def limited(known: State, agent: str, until: float, at: float) -> None:
        known.account_limits[agent] = until

    with with_values(evolve_accounts, limited=limited):
        yield


@mutant("a task joins a wave that is on its way")
def _joins_late() -> Iterator[None]:
    with with_values(waves, waits_for_wave=lambda known, name: False):
        yield


@mutant("a wave is formed before the one ahead of it has ended")
def _waves_overlap() -> Iterator[None]:
    with with_values(waves, open_tasks=lambda known: ()):
        yield


def _batched(scene: Scene) -> bool:
    return scene.limits.batched


@mutant("a wave holds who has to wait for another one of it", where=_batched)
def _wave_collides() -> Iterator[None]:
    with with_values(waves, _fit=lambda known, name, other: True):
        yield


@mutant("a wave holds more than there are slots of an agent", where=_batched)
def _wave_has_no_places() -> Iterator[None]:
    with with_values(waves, _place_of=lambda known, name, taken: ""):
        yield


@mutant("a wave waits for who cannot start before a person has acted", where=_batched)
def _wave_is_kept() -> Iterator[None]:
    with with_values(waves, _waits_for_person=lambda known, name: False):
        yield


@mutant("a wave waits for who waits for a person")
def _wave_waits() -> Iterator[None]:
    def is_open(known: State, name: str) -> bool:
        return not known.task_states[name].closed

    with with_values(waves, _is_open=is_open):
        yield
