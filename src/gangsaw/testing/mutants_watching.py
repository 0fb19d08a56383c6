"""Planted faults of what is taken up from a task file that changes while its run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gangsaw.core import evolve_watching, indexes, watching
from gangsaw.core.edits import Held, Mark, Marked, Record
from gangsaw.core.events_watching import SourceTaken
from gangsaw.core.observations import SourceSeen
from gangsaw.core.standing import Standing
from gangsaw.core.state import State
from gangsaw.testing.planting import changed_state, mutant, with_values
from gangsaw.testing.simulation.plans import Scene


def _may_have_file(scene: Scene) -> bool:
    return len(scene.plan.tasks) > 1


@mutant("an edit reaches a running attempt", where=_may_have_file)
def _reaches() -> Iterator[None]:
    def at_once(event: SourceTaken, known: State) -> None:
        for name, held in list(known.source.later.items()):
            if held.task is not None:
                known.tasks[name] = held.task

    with changed_state(SourceTaken, at_once):
        yield


@mutant("an edit that waited is forgotten", where=_may_have_file)
def _forgotten() -> Iterator[None]:
    def forget(event: SourceTaken, known: State) -> None:
        for name, held in list(known.source.later.items()):
            known.source.later[name] = Held(None, held.mark)

    with changed_state(SourceTaken, forget):
        yield


@mutant("what people have closed is begun", where=_may_have_file)
def _begun() -> Iterator[None]:
    def close(known: State, name: str, mark: Mark, at: float) -> None:
        known.source.closed.add(name)

    with with_values(evolve_watching, _close=close):
        yield


@mutant("an older reading counts as well", where=_may_have_file)
def _stale() -> Iterator[None]:
    def is_current(change: int, known: State) -> bool:
        return known.task_file is not None and known.task_file.watched and known.end is None

    with with_values(watching, _is_current=is_current):
        yield


@mutant("new needs of a task are not counted", where=_may_have_file)
def _not_counted() -> Iterator[None]:
    def forget(event: SourceTaken, known: State) -> None:
        for name, state in list(known.task_states.items()):
            if state.unmet and name in {task.id for task in event.edited}:
                known.task_states[name] = replace(state, unmet=0)
                indexes.set_task(known, name, known.task_states[name])

    with changed_state(SourceTaken, forget):
        yield


@mutant("tasks that came later are left out", where=_may_have_file)
def _left_out() -> Iterator[None]:
    before = watching._compared

    def compared(found: SourceSeen, known: State) -> SourceTaken:
        return replace(before(found, known), added=())

    with with_values(watching, _compared=compared):
        yield


@mutant("what we have written ourselves counts as people's", where=_may_have_file)
def _ours() -> Iterator[None]:
    before = watching._compared

    def compared(found: SourceSeen, known: State) -> SourceTaken:
        taken = before(found, known)
        done = [r for r in found.records if r.entry.standing is Standing.DONE]
        ours = [
            Marked(r.entry.task, Mark(Standing.DROPPED))
            for r in done
            if r.entry.task in known.landed
        ]
        return replace(taken, marked=(*taken.marked, *ours))

    with with_values(watching, _compared=compared):
        yield


@mutant("what waits for the end of an attempt does not wait", where=_may_have_file)
def _again() -> Iterator[None]:
    with with_values(watching, is_bound=lambda known, name: False):
        yield


@mutant("a tick of ours that somebody has written over is not missed", where=_may_have_file)
def _not_missed() -> Iterator[None]:
    with with_values(watching, _ticks_lost=lambda found, records, known: ((), ())):
        yield


@mutant("a tick that is gone is written again and again", where=_may_have_file)
def _again_and_again() -> Iterator[None]:
    before = watching._ticks_lost

    def lost(
        found: SourceSeen, records: Mapping[str, Record], known: State
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        restored, left = before(found, records, known)
        return (*restored, *left), ()

    with with_values(watching, _ticks_lost=lost):
        yield


@mutant("what somebody else has in hand is begun", where=_may_have_file)
def _in_hand() -> Iterator[None]:
    with with_values(watching, _is_claimed=lambda known, name, record: False):
        yield
