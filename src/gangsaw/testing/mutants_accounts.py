"""Planted faults of what follows when a vendor asks an account to send less."""

from __future__ import annotations

from collections.abc import Iterator

from gangsaw.core import evolve_accounts, model
from gangsaw.core.policy import accounts, admission, remedy, retry
from gangsaw.testing.planting import mutant, with_values


def _at_any_time(*about: object) -> float:
    return 0.0


@mutant("a vendor that asks for less is asked for more")
def _never_opens() -> Iterator[None]:
    with with_values(evolve_accounts, throttled=lambda *about: None):
        yield


@mutant("each agent has its breaker for itself")
def _own_breakers() -> Iterator[None]:
    def own(limits: model.Limits, agent: str) -> str:
        return agent

    with with_values(evolve_accounts, account_of=own), with_values(accounts, account_of=own):
        yield


@mutant("after a pause all are let through at once")
def _all_at_once() -> Iterator[None]:
    with with_values(accounts, probing=lambda *about: None):
        yield


@mutant("the pauses of a breaker do not grow")
def _even_pauses() -> Iterator[None]:
    before = retry.backoff_s
    with with_values(evolve_accounts, backoff_s=lambda limits, tries, key: before(limits, 1, key)):
        yield


@mutant("a breaker that was closed is closed for all at the same moment")
def _no_window() -> Iterator[None]:
    with with_values(evolve_accounts, window_s=lambda waited_s: 0.0):
        yield


@mutant("a vendor that has answered is still spared")
def _never_closes() -> Iterator[None]:
    with with_values(evolve_accounts, answered=lambda *about: None):
        yield


@mutant("what a vendor told of a pause is not kept to")
def _deaf() -> Iterator[None]:
    before = evolve_accounts._until
    with with_values(
        evolve_accounts,
        _until=lambda limits, account, count, told, at: before(limits, account, count, None, at),
    ):
        yield


@mutant("a further turn does not ask the breaker")
def _turns_pass() -> Iterator[None]:
    with (
        with_values(accounts, once_open=lambda known, attempt, wanted, now: wanted),
        with_values(remedy, opens_at=_at_any_time),
    ):
        yield


@mutant("a task that is begun does not ask the breaker")
def _tasks_pass() -> Iterator[None]:
    with with_values(admission, opens_at=_at_any_time):
        yield


@mutant("all tasks begin at the very end of a usage limit")
def _all_at_the_reset() -> Iterator[None]:
    def at_once(known: object, agent: str, key: str) -> float:
        return accounts.limit_of(known, agent)  # type: ignore[arg-type]

    with with_values(admission, limit_over_at=at_once):
        yield
