"""Golden logs: histories that every later version must be able to fold to the same state.

`python -m gangsaw.testing.golden tests/core/golden/NAME` writes `NAME.jsonl`, a few simulated runs
that hold every kind of event (or those named after it), one event a line, and `NAME.expected.json`,
what they fold to. A golden log is written once, for a release, and never again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from gangsaw.core.events import EVENT_CLASSES, RunStarted
from gangsaw.core.evolve import evolve
from gangsaw.core.state import State
from gangsaw.core.status import view
from gangsaw.core.wire import decode_event, encode
from gangsaw.testing.simulation import Schedule

SEEDS_MAX = 4000
EVENTS_MAX = 200
"""Longest run that is taken into a golden log."""

Line = dict[str, Any]


def collect(kinds: Iterable[str]) -> list[Schedule]:
    """Few short schedules that together hold these kinds of events."""
    missing = set(kinds)
    chosen: list[Schedule] = []
    for wanted in (12, 6, 3, 1):
        if wanted > len(missing):
            continue
        for seed in range(SEEDS_MAX):
            if not missing:
                return chosen
            if len(missing) < wanted:
                break  # none can have so many
            schedule = Schedule(seed)
            schedule.run()
            found = missing & {event.kind for _, event in schedule.log}
            if len(found) >= wanted and len(schedule.log) <= EVENTS_MAX:
                chosen.append(schedule)
                missing -= found
    raise RuntimeError(f"no schedule has {sorted(missing)}")


def lines_of(schedules: Iterable[Schedule]) -> Iterator[Line]:
    """The logs, one after the other, as they are written."""
    seq = 0
    for schedule in schedules:
        for at, event in schedule.log:
            seq += 1
            yield {
                "seq": seq,
                "at": at,
                "kind": event.kind,
                "subject": event.subject,
                "body": encode(event),
            }


def fold_lines(lines: Iterable[Line]) -> list[State]:
    """The states of the runs in a golden log."""
    states: list[State] = []
    for line in lines:
        event = decode_event(line["kind"], line["body"])
        if isinstance(event, RunStarted):
            states.append(State())
        evolve(states[-1], event, line["at"])
    return states


def summary(state: State) -> dict[str, Any]:
    """What must stay the same about a folded run."""
    return {
        "end": state.end,
        "head": state.head,
        "delivered": state.delivery.delivered,
        "landed": state.landed,
        "queue": state.queue,
        "open_tasks": state.open_tasks,
        "tokens": state.usage.tokens,
        "cost_usd": state.usage.cost_usd,
        "answers": len(state.answers),
        "tasks": {name: _task(state, name) for name in state.tasks},
        "attempts": {
            name: [attempt.phase, attempt.launch, attempt.commit, attempt.failed]
            for name, attempt in state.attempts.items()
        },
    }


def digest(state: State) -> str:
    """A hash of everything in the state: equal for states that are equal bit by bit, orders of
    dictionaries included. `touched` is left out: it is the notebook of whoever writes rows."""
    whole = [(field.name, getattr(state, field.name)) for field in fields(state)]
    kept = [(name, _plain(value)) for name, value in whole if name != "touched"]
    return hashlib.sha256(json.dumps(kept, separators=(",", ":")).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value as JSON from which it could be told from any other."""
    match value:
        case None | bool():
            return value
        case Enum():
            return [type(value).__name__, value.name]
        case int() | str():
            return value
        case float():
            return ["float", value.hex()]
        case dict():
            return ["dict", [[_plain(key), _plain(inner)] for key, inner in value.items()]]
        case set() | frozenset():
            return ["set", sorted(map(_plain, value))]
        case list() | tuple():
            return [type(value).__name__, [_plain(inner) for inner in value]]
        case _ if is_dataclass(value):
            return [
                type(value).__name__,
                *(_plain(getattr(value, field.name)) for field in fields(value)),
            ]
        case _:
            raise TypeError(f"no plain form of {type(value).__name__}")


def _task(state: State, name: str) -> dict[str, Any]:
    known = state.task_states[name]
    seen = view(state, name, state.ended_at or state.started_at)
    return {
        "status": seen.status,
        "attempts": known.attempts,
        "tries": known.tries,
        "landed_commit": known.landed_commit,
        "given_up": known.given_up,
    }


def main(argv: list[str]) -> int:
    """Write a golden log beside its expectation; the arguments are their path without suffix, and
    kinds of events."""
    path = Path(argv[0])
    lines = list(lines_of(collect(argv[1:] or EVENT_CLASSES)))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.with_suffix(".jsonl").write_text(text, encoding="utf-8")
    found = [summary(state) for state in fold_lines(lines)]
    path.with_suffix(".expected.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(f"{len(lines)} events of {len(found)} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
