"""At every prefix of a log its fold is the live state, bit by bit."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from gangsaw.core.events import Event, TurnWanted
from gangsaw.core.evolve import evolve
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event, encode
from gangsaw.core.work import turn
from gangsaw.testing.golden import digest
from gangsaw.testing.simulation import Schedule

SEEDS = 2000 if os.environ.get("GANGSAW_LONG") else 40
REFOLDS = 5
"""Prefixes of a log that are folded anew from its beginning."""

Encoding = Callable[[Event], dict[str, Any]]


def line(at: float, event: Event, encoding: Encoding) -> str:
    """The event as it lies in the journal."""
    return json.dumps([at, event.kind, encoding(event)], separators=(",", ":"), allow_nan=False)


def read(state: State, text: str) -> None:
    at, kind, body = json.loads(text)
    evolve(state, decode_event(kind, body), at)


def fold(lines: list[str]) -> State:
    state = State()
    for text in lines:
        read(state, text)
    return state


def walk(seed: int, encoding: Encoding = encode) -> tuple[int, int]:
    """Live through the seed's schedule once more beside the fold of its log; how many events and
    how many moments of the live state were compared."""
    schedule = Schedule(seed, remember=True)
    schedule.run()
    assert schedule.history is not None
    log, digests = list[str](), list[str]()
    live, told, copy = State(), State(), State()

    def take(at: float, event: Event) -> None:
        log.append(line(at, event, encoding))
        read(copy, log[-1])
        evolve(told, event, at)
        digests.append(digest(copy))
        assert digests[-1] == digest(told), f"seed {seed}, event {len(log)}: {event}"

    at, started = schedule.log[0]
    evolve(live, started, at)
    take(at, started)
    for moment in schedule.history:
        events, _ = turn(live, moment.at, moment.seen)
        assert tuple(events) == moment.events
        if not moment.kept:  # the engine died before it could write: the log is what is known
            live = fold(log)
        else:
            for event in events:
                take(moment.at, event)
        assert digest(live) == digests[-1], f"seed {seed}, at {moment.at}"
    for at_most in range(1, len(log) + 1, max(1, len(log) // REFOLDS)):
        assert digest(fold(log[:at_most])) == digests[at_most - 1]
    return len(log), len(schedule.history)


@pytest.mark.guarantee("G2")
def test_every_prefix_folds_to_the_live_state(
    record_property: Callable[[str, object], None],
) -> None:
    events = turns = 0
    for seed in range(SEEDS):
        more_events, more_turns = walk(seed)
        events, turns = events + more_events, turns + more_turns
    record_property(
        "figure",
        f"prefixes: {events} of {SEEDS} logs fold to the same hash as the events as they "
        f"happened, and as the live state after each of {turns} turns",
    )


def test_a_field_that_is_lost_in_the_log_is_found() -> None:
    def lossy(event: Event) -> dict[str, Any]:
        body: dict[str, Any] = encode(event)
        if isinstance(event, TurnWanted):
            body.pop("onto")
        return body

    with pytest.raises(AssertionError, match="TurnWanted"):
        deque((walk(seed, lossy) for seed in range(SEEDS)), maxlen=0)


def test_the_hash_sees_every_field() -> None:
    seen = {digest(State())}
    for name, value in (
        ("run", "r2"),
        ("paused", True),
        ("started_at", 1.0),
        ("busy", {"": 1}),
        ("busy", {"": 1.0}),
        ("green", {"t": frozenset({"a"})}),
        ("landed", ["a"]),
        ("live", {"a.1": None, "b.1": None}),
        ("live", {"b.1": None, "a.1": None}),
    ):
        state = State()
        setattr(state, name, value)
        seen.add(digest(state))
    assert len(seen) == 10
