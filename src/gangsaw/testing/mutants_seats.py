"""Planted faults of slots, seats, the choice of an agent, and agents that come and go."""

from __future__ import annotations

from collections.abc import Iterator

from gangsaw.core.events_agents import AgentAdded, AgentRemoved, AgentScaled
from gangsaw.core.model import Limits, Task, account_of
from gangsaw.core.policy import admission, remedy, review, seats
from gangsaw.core.replacing import replace
from gangsaw.core.state import State
from gangsaw.testing.planting import changed_state, mutant, with_values
from gangsaw.testing.simulation.plans import Scene


def _has_seats(scene: Scene) -> bool:
    return any(agent.seats is not None for agent in scene.limits.agents)


def _has_pool(scene: Scene) -> bool:
    return bool(scene.limits.pool)


def _is_patient(scene: Scene) -> bool:
    return any(agent.fallback_after_s for agent in scene.limits.agents)


def _is_staffed(scene: Scene) -> bool:
    return bool(scene.temper.staff)


@mutant("seats of an account are not counted", where=_has_seats)
def _no_seats() -> Iterator[None]:
    with with_values(seats, _has_seat=lambda known, agent: True):
        yield


@mutant("each agent has the seats of its account for itself", where=_has_seats)
def _own_seats() -> Iterator[None]:
    with with_values(seats, seats_taken=lambda known, account: known.busy.get(account, 0)):
        yield


@mutant("of the seats that are named the most count", where=_has_seats)
def _most_seats() -> Iterator[None]:
    def seats_of(limits: Limits, account: str) -> int | None:
        those = [a for a in limits.agents if account_of(limits, a.name) == account]
        return max((a.seats for a in those if a.seats is not None), default=None)

    with with_values(seats, seats_of=seats_of):
        yield


@mutant("a task without an agent waits for the first", where=_has_pool)
def _no_choice() -> Iterator[None]:
    before = seats.choices
    with with_values(seats, choices=lambda known, task: before(known, task)[:1]):
        yield


@mutant("a task without an agent goes to the last that is free", where=_has_pool)
def _backwards() -> Iterator[None]:
    before = seats.choices
    with with_values(seats, choices=lambda known, task: before(known, task)[::-1]):
        yield


@mutant("a model does not bind a task", where=_has_pool)
def _any_model() -> Iterator[None]:
    def choices(known: State, task: Task) -> tuple[str, ...]:
        return (task.agent,) if task.agent else seats.pool(known)

    with with_values(seats, choices=choices):
        yield


@mutant("who is scaled goes by the settings", where=_is_staffed)
def _not_scaled() -> Iterator[None]:
    def forget(event: AgentScaled, known: State) -> None:
        known.seating = replace(known.seating, scaled=())

    with changed_state(AgentScaled, forget):
        yield


@mutant("who was removed goes on as before", where=_is_staffed)
def _not_removed() -> Iterator[None]:
    def forget(event: AgentRemoved, known: State) -> None:
        known.seating = replace(known.seating, removed=())

    with changed_state(AgentRemoved, forget):
        yield


@mutant("who is added again stays removed", where=_is_staffed)
def _stays_out() -> Iterator[None]:
    def remove(event: AgentAdded, known: State) -> None:
        removed = (*known.seating.removed, event.agent.name)
        known.seating = replace(known.seating, removed=removed)

    with changed_state(AgentAdded, remove):
        yield


@mutant("who begins nothing does not end what it has begun", where=_is_staffed)
def _never_ends() -> Iterator[None]:
    before = seats.has_slot

    def has_slot(known: State, agent: str, *, begun: bool = False) -> bool:
        return before(known, agent)

    with (
        with_values(admission, has_slot=has_slot),
        with_values(review, has_slot=has_slot),
    ):
        yield


@mutant("a fallback that begins nothing stands in", where=_is_staffed)
def _out_stands_in() -> Iterator[None]:
    def fallback_of(known: State, agent: str) -> str:
        return next((a.fallback for a in known.limits.agents if a.name == agent), "")

    with with_values(admission, fallback_of=fallback_of):
        yield


@mutant("a limit that soon ends is left to the fallback", where=_is_patient)
def _impatient() -> Iterator[None]:
    with with_values(remedy, patience_s=lambda known, agent: 0.0):
        yield


@mutant("a task begins with the fallback though the limit soon ends", where=_is_patient)
def _begins_elsewhere() -> Iterator[None]:
    with with_values(seats, patience_s=lambda known, agent: 0.0):
        yield


@mutant("nobody stands in for who begins nothing", where=_is_staffed)
def _nobody_stands_in() -> Iterator[None]:
    before = admission.stand_in

    def stand_in(known: State, agent: str, now: float) -> str:
        return agent if seats.is_out(known, agent) else before(known, agent, now)

    with with_values(admission, stand_in=stand_in):
        yield
