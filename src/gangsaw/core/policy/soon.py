"""Which tasks may start as soon as what they need has landed, and are worth a moment's wait?

A slot is free when work is checked, what the work was waited for is ready only when it has landed.
If the next best task took the slot in between, the head of the longest chain would wait for the
next slot, for the length of some other task. So as many slots are kept free as tasks of a better
rank are about to be ready; each for a small part of its own length at most.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.expected import OF_LANDING
from gangsaw.core.model import task_of
from gangsaw.core.state import State

WAIT_PART = 0.05
"""A slot is kept for a task for this part of the time that the task is expected to take."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A task that is about to be ready, the tasks whose landing it waits for, and until when a slot
    is kept for it (epoch seconds)."""

    task: str
    needs: tuple[str, ...]
    until: float


def coming(state: State, now: float) -> list[Coming]:
    """Those for which a slot is kept now, best rank first."""
    landing = _landing(state)
    if not landing or state.limits.batched or state.queue_held or state.frozen:
        return []
    asked = {child for task in landing for child in state.dependants[task]}
    found = [_of(state, task, landing) for task in asked]
    kept = [each for each in found if each is not None and each.until > now]
    return sorted(kept, key=lambda each: state.rank[each.task])


def _landing(state: State) -> dict[str, float]:
    """Tasks whose work waits for its landing or is being landed, and since when."""
    if not state.queue and not state.landings:
        return {}
    names = [*state.queue, *(link.about for link in state.landings)]
    attempts = [state.attempts[name] for name in names if name in state.attempts]
    return {task_of(attempt.id): attempt.queued_at for attempt in attempts}


def _of(state: State, task: str, landing: dict[str, float]) -> Coming | None:
    known = state.task_states[task]
    if known.closed or not known.unmet:
        return None
    needs = tuple(need for need in dict.fromkeys(state.tasks[task].needs) if need in landing)
    if known.unmet != len(needs):
        return None
    allowed_s = WAIT_PART * state.pace.weights_ms[task] / 1000.0
    if max(_checks_s(state, need) for need in needs) > allowed_s:
        return None
    return Coming(task, needs, max(landing[need] for need in needs) + allowed_s)


def _checks_s(state: State, task: str) -> float:
    """How long the checks of its landing are expected to take."""
    if not state.gate and not state.tasks[task].checks:
        return 0.0
    checks = {check.key: check for check in (*state.gate, *state.tasks[task].checks)}.values()
    expected = state.pace.given
    return sum(expected.check_s(check).value for check in checks if check.when in OF_LANDING)
