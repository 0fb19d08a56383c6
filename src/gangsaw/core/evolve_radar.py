"""What the radar's events do to the state; used by `evolve` only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core import events_radar as er
from gangsaw.core import indexes as ix
from gangsaw.core.overlapping import ADVICE_KEY
from gangsaw.core.overlaps import INTEGRATION, KnownOverlap
from gangsaw.core.replacing import replace
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _seen(event: er.OverlapSeen, state: State, at: float) -> None:
    known = state.overlaps.get(event.key)
    if known is None:
        state.overlap_count += 1
        known = KnownOverlap(event.key, event.ours, event.attempt, (), event.stale, at)
    known = replace(known, files=event.files, stale=event.stale)
    state.overlaps[event.key] = known
    before = state.advised.get(known.pair, ())
    state.advised[known.pair] = tuple(dict.fromkeys((*before, *known.paths)))
    _touch(state, event.key)


def _ended(event: er.OverlapEnded, state: State, at: float) -> None:
    _touch(state, event.key)
    _withdraw(state, state.overlaps.pop(event.key))


def _resolved(event: er.OverlapResolved, state: State, at: float) -> None:
    known = state.overlaps[event.key]
    state.overlaps[event.key] = replace(known, resolved_by=event.by, note=event.note)
    _touch(state, event.key)
    _withdraw(state, known)


def _failed(event: er.RadarFailed, state: State, at: float) -> None:
    state.radar_troubles = (*state.radar_troubles, event.text)


def _withdraw(state: State, ended: KnownOverlap) -> None:
    """Advice about it that nobody has been given yet is out of date, and was never said."""
    task = state.attempts[ended.theirs].task
    known = state.task_states[task]
    prefix = f"{ADVICE_KEY}{ended.key}-"
    left = tuple(said for said in known.messages if not said.key.startswith(prefix))
    if len(left) != len(known.messages):
        ix.set_task(state, task, replace(known, messages=left))
        state.advised.pop(ended.pair, None)


def _touch(state: State, key: str) -> None:
    """The rows of both tasks are to be written again."""
    known = state.overlaps[key]
    for name in (known.ours, known.theirs):
        if name != INTEGRATION:
            state.touched.add(state.attempts[name].task)


RULES: dict[type[Any], Rule] = {
    er.OverlapSeen: _seen,
    er.OverlapEnded: _ended,
    er.OverlapResolved: _resolved,
    er.RadarFailed: _failed,
}
