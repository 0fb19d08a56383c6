"""What the meters' events do to the state; used by `evolve` only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangsaw.core.events_machine import MachineMeasured
from gangsaw.core.measures import MachineBook
from gangsaw.core.state import State

Rule = Callable[[Any, State, float], None]


def _measured(event: MachineMeasured, state: State, at: float) -> None:
    book, measure = state.machine, event.measure
    state.machine = MachineBook(
        last=measure,
        at=at,
        memory_peak_pct=max(book.memory_peak_pct, measure.memory_used_pct),
        cpu_peak_pct=max(book.cpu_peak_pct, measure.cpu_used_pct or 0.0),
        disk_peak_pct=max(book.disk_peak_pct, measure.disk_used_pct),
    )
    for one in measure.agents:
        state.memory_peaks[one.attempt] = max(one.peak_mb, state.memory_peaks.get(one.attempt, 0))


RULES: dict[type[Any], Rule] = {MachineMeasured: _measured}
