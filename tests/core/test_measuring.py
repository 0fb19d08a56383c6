"""When a reading of the machine is worth an event, and what is learned from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gangsaw.core import observations as ob
from gangsaw.core.events_machine import MachineMeasured
from gangsaw.core.evolve import evolve
from gangsaw.core.measures import AgentMemory, Measure
from gangsaw.core.measuring import LEAST_S, MOST_S, learned_mb
from gangsaw.core.record import record
from gangsaw.core.state import State
from tests.core.core_stage import state_after, working

FIRST = Measure(10_000, 8_000, 5_000, 50.0, 30.0, (AgentMemory("a.1", 100),))


@pytest.fixture
def state() -> State:
    """Two agents at work, since 100."""
    return state_after("task a\ntask b\nlimits max_agents=3\n" + working("a", "b"))


def take(state: State, measure: Measure, at: float) -> bool:
    """Whether a reading becomes an event; the state takes it in."""
    events = record(ob.MachineSeen(measure), state, at)
    for event in events:
        evolve(state, event, at)
    return any(isinstance(event, MachineMeasured) for event in events)


def grown(*peaks: int) -> tuple[AgentMemory, ...]:
    return tuple(AgentMemory(f"{name}.1", mb) for name, mb in zip("ab", peaks, strict=False))


def test_the_first_comes_with_the_first_agent(state: State) -> None:
    begun = state.started_at
    assert not take(state, replace(FIRST, agents=()), begun)
    assert take(state, FIRST, begun + 1)
    assert not take(state, replace(FIRST, memory_available_mb=1), begun + LEAST_S)


@pytest.mark.parametrize(
    ("change", "after_s", "event"),
    [
        ({}, LEAST_S, False),
        ({}, MOST_S, True),
        ({"memory_available_mb": 7_501}, LEAST_S, False),
        ({"memory_available_mb": 7_500}, LEAST_S, True),
        ({"memory_available_mb": 7_500}, LEAST_S - 1, False),
        ({"disk_used_pct": 50.9}, LEAST_S, False),
        ({"disk_used_pct": 51.0}, LEAST_S, True),
        ({"cpu_used_pct": 100.0}, LEAST_S, False),
        ({"agents": grown(132)}, LEAST_S, False),
        ({"agents": grown(133)}, LEAST_S, True),
        ({"agents": grown(50)}, LEAST_S, False),
        ({"agents": grown(100, 10)}, LEAST_S, True),
        ({"agents": ()}, MOST_S, False),
        # The clock was set back: what is on record is not to be trusted to be late enough.
        ({"memory_available_mb": 1}, -50.0, True),
    ],
)
def test_what_has_changed_by_much_is_news_at_a_bounded_rate(
    state: State, change: dict[str, object], after_s: float, event: bool
) -> None:
    at = state.started_at + 1000
    assert take(state, FIRST, at)
    assert take(state, replace(FIRST, **change), at + after_s) is event  # type: ignore[arg-type]


def test_peaks_stay(state: State) -> None:
    at = state.started_at + 100
    take(state, replace(FIRST, agents=grown(100, 400)), at)
    take(state, Measure(10_000, 2_000, 900, 91.0, None, grown(700)), at + MOST_S)
    take(state, replace(FIRST, agents=grown(300)), at + 2 * MOST_S)
    book = state.machine
    assert (book.memory_peak_pct, book.cpu_peak_pct, book.disk_peak_pct) == (80.0, 30.0, 91.0)
    assert book.at == at + 2 * MOST_S
    assert book.last == replace(FIRST, agents=grown(300))
    assert state.memory_peaks == {"a.1": 700, "b.1": 400}


def test_what_an_agent_takes_is_the_most_that_was_seen(state: State) -> None:
    take(state, replace(FIRST, agents=grown(100, 400)), state.started_at + 100)
    agent = state.attempts["a.1"].agent
    assert learned_mb(state, [agent, "other"]) == {agent: 400}


def test_an_attempt_that_nobody_knows_is_left_out(state: State) -> None:
    stray = replace(FIRST, agents=(*FIRST.agents, AgentMemory("zz.9", 5)))
    take(state, stray, state.started_at + 100)
    assert list(state.memory_peaks) == ["a.1"]
