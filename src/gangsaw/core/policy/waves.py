"""Which tasks start together where a run goes in waves?

A wave is what is ready when it is formed, as many as there may be agents. Nobody joins it later,
and the next one is formed when nothing of it can go on by itself: that is slower than starting each
task as soon as it may, and is what `batched` asks for.
"""

from __future__ import annotations

from gangsaw.core.events_waves import WaveFormed
from gangsaw.core.phases import Phase
from gangsaw.core.policy.seats import nobody_for
from gangsaw.core.state import State, is_live


def form(state: State, now: float) -> list[WaveFormed]:
    """The next wave; nothing while one is on its way, or nothing is ready."""
    halted = state.paused or state.stopping or not state.head
    if not state.limits.batched or halted or open_tasks(state):
        return []
    ready = [name for _, name in state.ready if _may_join(state, name, now)]
    members = tuple(ready[: state.limits.max_agents])
    return [WaveFormed(state.waves + 1, members)] if members else []


def open_tasks(state: State) -> tuple[str, ...]:
    """Those of the present wave that may go on by themselves."""
    return tuple(name for name in state.wave if _is_open(state, name))


def waits_for_wave(state: State, name: str) -> bool:
    """Whether the task is not in the present wave, in a run that goes in waves."""
    return state.limits.batched and name not in state.wave


def _may_join(state: State, name: str, now: float) -> bool:
    known = state.task_states[name]
    return known.retry_at <= now and not (known.resolver or nobody_for(state, state.tasks[name]))


def _is_open(state: State, name: str) -> bool:
    known, attempt = state.task_states[name], state.attempt_of(name)
    if known.closed or known.resolver:
        return False
    if attempt is None or not is_live(attempt):
        return not (known.unmet or nobody_for(state, state.tasks[name]))
    for_person = attempt.phase is Phase.PARKED and attempt.parked_until is None
    return not (for_person or attempt.phase is Phase.REVIEWING)
