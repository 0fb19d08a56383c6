"""Planted faults of the governor: who is stopped for the machine's sake, and what follows; see
`mutants`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gangsaw.core import decide, evolve_governor, evolve_turns, governing
from gangsaw.core import events as ev
from gangsaw.core import observations as ob
from gangsaw.core.events import Cause
from gangsaw.core.machine import AfterStop, Governed, Level, Load
from gangsaw.core.policy import admission, pressure, projection, remedy, retry, review, victims
from gangsaw.core.record import record
from gangsaw.core.replacing import replace
from gangsaw.core.state import Attempt, State
from gangsaw.testing.planting import Planting, mutant, with_rule, with_values
from gangsaw.testing.simulation.plans import Scene


def _measured(scene: Scene) -> bool:
    return scene.temper.memory > 0


def _pauses(scene: Scene) -> bool:
    return bool(scene.limits.launch_delay_s)


def governor_mutant(name: str) -> Callable[[Callable[[], Iterator[None]]], Planting]:
    """A fault that shows only where memory is measured."""
    return mutant(name, where=_measured)


@governor_mutant("a second victim is chosen while the first is being stopped")
def _two_victims() -> Iterator[None]:
    before = victims.wanted

    def hasty(known: Governed, acute: Any, reading: Any, loads: Sequence[Load], *more: Any) -> Any:
        others = [load for load in loads if load.attempt != known.victim]
        return before(replace(known, victim=""), acute, reading, others, *more)

    with with_values(pressure, wanted=hasty):
        yield


@governor_mutant("a stop for memory is a failed try")
def _burnt() -> Iterator[None]:
    def fail(known: State, attempt: Attempt, now: float) -> list[ev.Event]:
        return retry.fail(known, attempt, Cause.EXIT, "memory", now)

    with with_values(remedy, after_memory_stop=fail):
        yield


@governor_mutant("a task that was stopped twice does not run alone")
def _not_alone() -> Iterator[None]:
    def again(stops: int) -> AfterStop:
        found = victims.after_stop(stops)
        return AfterStop.AGAIN if found is AfterStop.ALONE else found

    with with_values(evolve_turns, after_stop=again):
        yield


@governor_mutant("nobody is asked after the third stop for memory")
def _for_ever() -> Iterator[None]:
    with with_values(remedy, after_stop=lambda stops: AfterStop.AGAIN):
        yield


@governor_mutant("what was stopped for memory goes on while memory is short")
def _goes_on_short() -> Iterator[None]:
    with with_values(remedy, memory_hold=lambda known, kind, now, **_: None):
        yield


@governor_mutant("new attempts are begun while memory is short")
def _begins_short() -> Iterator[None]:
    with with_values(admission, memory_hold=lambda known, kind, now, **_: None):
        yield


@governor_mutant("others take a slot beside a task that runs alone")
def _company() -> Iterator[None]:
    def alone(known: State, task: str) -> None:
        return None

    with with_values(decide, kept_apart=alone), with_values(review, kept_apart=alone):
        yield


@governor_mutant("the chosen victim is not stopped")
def _spared() -> Iterator[None]:
    with with_values(governing, is_victim=lambda known, attempt: None):
        yield


@governor_mutant("the victim of before is stopped in its next launch")
def _stopped_again() -> Iterator[None]:
    with with_values(evolve_governor, is_victim=lambda known, attempt: None):
        yield


@governor_mutant("the smallest is ended first")
def _smallest() -> Iterator[None]:
    before = victims._helpful

    def turned(reading: Any, loads: Sequence[Load]) -> list[Load]:
        found = before(reading, loads)
        return [min(found, key=lambda load: load.memory_mb)] if found else []

    with with_values(victims, _helpful=turned):
        yield


@governor_mutant("there is no pause between two victims")
def _no_pause() -> Iterator[None]:
    with with_values(victims, passed=lambda since, span_s, now: True):
        yield


@governor_mutant("nobody is stopped before others for a limit of its own")
def _no_own_limit() -> Iterator[None]:
    with with_values(governing, _limit_mb=lambda known, agent: 0.0):
        yield


@governor_mutant("a budget of memory is not kept")
def _no_budget() -> Iterator[None]:
    before = governing.reading_of

    def whole(measure: Any, limits: Any) -> Any:
        return before(measure, replace(limits, memory_budget_mb=None))

    with with_values(governing, reading_of=whole):
        yield


@governor_mutant("what one model takes is expected of another")
def _any_model() -> Iterator[None]:
    before = projection.expected_mb

    def wide(footprints: Any, kind: tuple[str, str, str], *more: Any) -> float:
        return before(footprints, (kind[0], "", ""), *more)

    with with_values(governing, expected_mb=wide):
        yield


@governor_mutant("what worktrees in the making will take is not counted")
def _no_worktrees() -> Iterator[None]:
    before = projection.shortage

    def blind(*given: Any, preparing_mb: float, **more: Any) -> Any:
        return before(*given, **more)

    with with_values(governing, shortage=blind):
        yield


@mutant("there is no pause between two starts", where=_pauses)
def _no_pause_between_starts() -> Iterator[None]:
    with with_values(admission, paused_until=lambda known, now: None):
        yield


@governor_mutant("the parallel limit falls to nothing")
def _to_nothing() -> Iterator[None]:
    before = pressure._parallel

    def lower(known: Governed, want: Any, *more: Any) -> Governed:
        found = before(known, want, *more)
        return found if want is None else replace(found, parallel=0)

    with with_values(pressure, _parallel=lower):
        yield


@governor_mutant("a level never ends")
def _never_ends() -> Iterator[None]:
    with with_values(pressure, EASE_S=1e12):
        yield


@governor_mutant("it is not seen that memory is short")
def _not_seen() -> Iterator[None]:
    before = pressure.level_of

    def worse(reading: Any, bounds: Any, *, relief: bool = False) -> Any:
        level, text = before(reading, bounds, relief=relief)
        return (level, text) if relief else (Level.NONE, "")

    with with_values(pressure, level_of=worse):
        yield


@governor_mutant("what the watchdog ended is told as a crash")
def _note_unread() -> Iterator[None]:
    def rule(seen: ob.WatchdogActed, state: State, now: float) -> list[ev.Event]:
        return []

    with with_rule(record, ob.WatchdogActed, rule):
        yield
