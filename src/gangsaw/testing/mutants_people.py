"""Planted faults of what people ask for, of talk with agents, and of the engine's own life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gangsaw.core import (
    decide,
    events_talk,
    evolve,
    evolve_talk,
    indexes,
    record,
    requests,
    state,
    talk,
)
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.phases import Phase
from gangsaw.core.policy import stall
from gangsaw.core.state import State
from gangsaw.core.wire import encode
from gangsaw.testing import scenario
from gangsaw.testing.planting import changed_state, mutant, with_rule, with_values, without_follower
from gangsaw.testing.simulation import schedule

# --- people and engine ----------------------------------------------------------------------------


@mutant("a request told twice is done twice")
def _asked_twice() -> Iterator[None]:
    def rule(seen: ob.Asked, known: State, now: float) -> list[ev.Event]:
        asked = ev.Requested(seen.key, seen.verb, seen.task, seen.by, seen.text)
        return [asked, *requests.answer(known, seen)]

    with with_rule(record.record, ob.Asked, rule):
        yield


@mutant("a new engine still stops everything")
def _stops_for_ever() -> Iterator[None]:
    before = evolve._apply.registry[ev.EngineStarted]

    def rule(event: ev.EngineStarted, known: State, at: float) -> None:
        by = known.stopping
        before(event, known, at)
        known.stopping = by

    with with_rule(evolve._apply, ev.EngineStarted, rule):
        yield


@mutant("stop does not reach agents that are just starting")
def _stop_misses_starting() -> Iterator[None]:
    with with_values(decide, AGENT_ALIVE=frozenset({Phase.RUNNING, Phase.STOPPING})):
        yield


@mutant("an event loses a field in the log")
def _field_lost() -> Iterator[None]:
    def lossy(value: Any) -> Any:
        body = encode(value)
        if isinstance(value, ev.TurnWanted):
            del body["onto"]
        return body

    with with_values(schedule, encode=lossy), with_values(scenario, encode=lossy):
        yield


# --- talk ---------------------------------------------------------------------------------------


@mutant("work lands although its agent has not read what a person left for it")
def _lands_unread() -> Iterator[None]:
    with with_values(talk, goes_back=lambda known, attempt: False):
        yield


@mutant("what an attempt was told is forgotten with it")
def _told_forgotten() -> Iterator[None]:
    with without_follower(ev.AttemptFailed, evolve_talk.AFTER[ev.AttemptFailed]):
        yield


@mutant("a claim of another's claim is granted")
def _claims_shared() -> Iterator[None]:
    with with_values(talk, holder_of=lambda known, attempt, path: ""):
        yield


@mutant("a task starts on what another has claimed")
def _claims_not_held() -> Iterator[None]:
    def forget(event: events_talk.PathsClaimed, known: State) -> None:
        found = known.attempts[event.attempt]
        known.attempts[event.attempt] = replace(found, claims=())

    with changed_state(events_talk.PathsClaimed, forget):
        yield


@mutant("the agent goes on while a person works in its place")
def _runs_beside_a_person() -> Iterator[None]:
    before = decide._next_step

    def step(known: State, attempt: state.Attempt, now: float) -> list[ev.Event]:
        return before(known, replace(attempt, taken_by="", in_hand=False), now)

    with with_values(decide, _next_step=step):
        yield


@mutant("a turn that waits for its answer is taken for stalled")
def _question_is_a_stall() -> Iterator[None]:
    with with_values(stall, answer_until=lambda attempt: 0.0):
        yield


@mutant("a word that its command has not confirmed counts as heard")
def _never_confirmed() -> Iterator[None]:
    def forget(event: events_talk.QuestionAnswered, known: State) -> None:
        task = known.attempts[event.attempt].task
        indexes.set_task(known, task, replace(known.task_states[task], messages=()))

    with changed_state(events_talk.QuestionAnswered, forget):
        yield
