"""What the governor's events do to the state; used by `evolve` only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import indexes as ix
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.governing import is_victim, kind_of
from gangsaw.core.machine import Machine
from gangsaw.core.policy.projection import PEAKS_LOOKED_AT
from gangsaw.core.replacing import replace
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def seen(event: MachineGoverned, state: State, at: float) -> None:
    """What is known of the machine and of what each agent uses."""
    state.governor = Machine(event.reading, event.governed, at, event.worktree_mb)
    for used in event.used:
        attempt = state.attempts[used.attempt]
        peak_mb = max(attempt.peak_mb, used.memory_mb)
        ix.put_attempt(state, replace(attempt, memory_mb=used.memory_mb, peak_mb=peak_mb))
    if event.before is not event.governed.level:
        # What holds them has changed.
        state.touched.update(name for _, name in state.ready)


def _begun(event: ev.TurnWanted, state: State, at: float) -> None:
    state.launched_at = at
    attempt = state.attempts[event.attempt]
    ix.put_attempt(state, replace(attempt, memory_mb=0.0, peak_mb=0.0))


def _admitted(event: ev.AttemptAdmitted, state: State, at: float) -> None:
    state.launched_at = at


def _over(event: ev.TurnExited | ev.TurnLost, state: State, at: float) -> None:
    """A victim is over, and its peak is learned."""
    attempt = state.attempts[event.attempt]
    machine = state.governor
    if machine is not None and is_victim(state, attempt) is not None:
        state.governor = replace(machine, governed=replace(machine.governed, gone_at=at))
    if attempt.peak_mb > 0:
        agent, model, kind = kind_of(attempt)
        for key in dict.fromkeys(((agent, model, kind), (agent, model, ""), (agent, "", ""))):
            known = (*state.footprints.get(key, ()), attempt.peak_mb)
            state.footprints[key] = known[-PEAKS_LOOKED_AT:]


AFTER: dict[type[Any], Rule] = {
    ev.AttemptAdmitted: _admitted,
    ev.TurnWanted: _begun,
    ev.TurnExited: _over,
    ev.TurnLost: _over,
}
"""What follows, besides, from events of other subjects."""
