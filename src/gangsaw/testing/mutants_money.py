"""Planted faults of reservations, bounds, accounts and waves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import evolve_turns, model
from gangsaw.core.policy import admission, money, remedy, retry, waves
from gangsaw.core.replacing import replace
from gangsaw.core.state import State
from gangsaw.testing.planting import changed_state, mutant, with_values


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
    with with_values(money, _bounds=lambda usd, tokens, used, task: before(usd, None, used, task)):
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


@mutant("each agent has its usage limit for itself")
def _own_limits() -> Iterator[None]:
    def own(limits: model.Limits, agent: str) -> str:
        return agent

    with (
        with_values(admission, account_of=own),
        with_values(evolve_turns, account_of=own),
    ):
        yield


@mutant("a task joins a wave that is on its way")
def _joins_late() -> Iterator[None]:
    with with_values(waves, waits_for_wave=lambda known, name: False):
        yield


@mutant("a wave is formed before the one ahead of it has ended")
def _waves_overlap() -> Iterator[None]:
    with with_values(waves, open_tasks=lambda known: ()):
        yield


@mutant("a wave waits for who waits for a person")
def _wave_waits() -> Iterator[None]:
    def is_open(known: State, name: str) -> bool:
        return not known.task_states[name].closed

    with with_values(waves, _is_open=is_open):
        yield
