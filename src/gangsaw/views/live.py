"""What `gangsaw run` shows while it runs: on a terminal one live line per agent below the facts,
otherwise one line per fact."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from gangsaw.core.events import Delivered, DeliveryBlocked, Event, Landed
from gangsaw.core.phases import AGENT_ALIVE
from gangsaw.core.state import Attempt, State
from gangsaw.core.status import Status, view
from gangsaw.core.watching import closed_counts
from gangsaw.views.facts import clock, fact_line, landed_count, one_line
from gangsaw.views.landing_lines import together_line
from gangsaw.views.status import named
from gangsaw.views.text import count_of, flat

REDRAW_EVERY_S = 0.2
SIGNS = {
    Status.WORKING: "●",
    Status.CHECKING: "●",
    Status.REVIEWING: "●",
    Status.LANDING: "●",
    Status.QUEUED: "○",
    Status.HELD: "○",
    Status.WAITING: "○",
    Status.NEEDS_YOU: "!",
}
WAITING_SHOWN = 5
HELD_MAX = 3
"""Reasons told at the end of a run, and tasks named with each."""


class Output:
    """A stream that may lose its reader: the run goes on without it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream

    def write(self, text: str) -> None:
        """Write and flush, as long as there is anybody to read."""
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            # The terminal was closed or the pipe's reader has gone; agents must not suffer from it.
            self._stream = None


class News:
    """The facts as lines; a delivery that still waits for the same reason is told once."""

    def __init__(self) -> None:
        self._blocked = ""

    def lines(self, state: State, events: Sequence[Event], now: float) -> list[str]:
        """The lines of a turn's events."""
        found = []
        moves: dict[str, list[Landed]] = {}
        for event in events:
            if isinstance(event, Landed):
                moves.setdefault(event.head or event.commit, []).append(event)
            if isinstance(event, DeliveryBlocked):
                if event.text == self._blocked:
                    continue
                self._blocked = event.text
            elif isinstance(event, Delivered):
                self._blocked = ""
            line = fact_line(state, event, now)
            if line is not None:
                found.append(line)
            if isinstance(event, Landed) and _is_last_of_move(event):
                together = together_line(moves[event.head or event.commit])
                if together is not None:
                    found.append(f"{clock(now - state.started_at):>6}  {together}")
        return found


def _is_last_of_move(event: Landed) -> bool:
    """Whether the integration branch was moved to this one, and not past it."""
    return not event.head or event.checked in ("", event.tree)


class Facts:
    """One line per fact."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Output(stream)
        self._news = News()

    def told(
        self, state: State, events: Sequence[Event], now: float, activities: Mapping[str, str]
    ) -> None:
        """Print the turn's facts."""
        for line in self._news.lines(state, events, now):
            self._stream.write(f"{line}\n")

    def close(self) -> None:
        """Nothing is open."""


class Live:
    """Facts scroll by; below them stand the live attempts, redrawn at a bounded rate."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Output(stream)
        self._news = News()
        self._drawn = 0
        self._drawn_at = 0.0

    def told(
        self, state: State, events: Sequence[Event], now: float, activities: Mapping[str, str]
    ) -> None:
        """Print the turn's facts above the live lines, and redraw these."""
        lines = self._news.lines(state, events, now)
        tick = time.monotonic()
        if not lines and tick - self._drawn_at < REDRAW_EVERY_S:
            return
        self._drawn_at = tick
        width, height = shutil.get_terminal_size()
        block = [
            line[: width - 1]
            for line in _fitting(live_lines(state, activities, now), max(2, height - 2))
        ]
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        text = "".join(f"{line}\n" for line in (*lines, *block))
        self._stream.write(f"{up}\x1b[J{text}")
        self._drawn = len(block)

    def close(self) -> None:
        """Take the live lines away; the facts stay."""
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
        self._drawn = 0


def _fitting(lines: list[str], most: int) -> list[str]:
    """At most so many lines: the last one, about the whole, stays; what is hidden is counted."""
    if len(lines) <= most:
        return lines
    shown = lines[: most - 2]
    return [*shown, f"  … {len(lines) - 1 - len(shown)} more", lines[-1]]


def live_lines(state: State, activities: Mapping[str, str], now: float) -> list[str]:
    """The live attempts, the first of those that wait, and a line for the whole."""
    width = max([len(name) for name in state.tasks] + [4])
    width = min(width, 24)
    alive = [attempt for attempt in state.live_attempts() if attempt.phase.value not in _OVER]
    lines = [_attempt_line(state, attempt, activities, now, width) for attempt in alive]
    waiting = [name for _, name in state.ready[:WAITING_SHOWN]]
    for name in waiting:
        seen = view(state, name, now)
        lines.append(f"  {SIGNS[seen.status]} {name:<{width}}  {seen.status:<9} {seen.reason}")
    lines.append(_whole_line(state, now))
    return lines


_OVER = frozenset({"landed", "done", "failed"})


def _attempt_line(
    state: State, attempt: Attempt, activities: Mapping[str, str], now: float, width: int
) -> str:
    seen = view(state, attempt.task, now)
    used = state.task_states[attempt.task].usage
    guess = " estimated" if used.estimated_usd else ""
    money = f"  ${used.known_usd:.2f}{guess}" if used.known_usd else ""
    doing = one_line(activities.get(attempt.id, "") or seen.reason)
    elapsed = clock(now - attempt.admitted_at)
    name = f"{attempt.task:<{width}}"
    return f"  {SIGNS.get(seen.status, '·')} {name}  {seen.status:<9} {elapsed:>6}  {doing}{money}"


def _whole_line(state: State, now: float) -> str:
    busy = sum(1 for attempt in state.live_attempts() if attempt.phase in AGENT_ALIVE)
    parts = [f"{busy} of {state.limits.max_agents} agents busy"]
    parts.append(f"{landed_count(state)} of {len(state.tasks)} landed")
    if state.usage.tokens:
        budget = state.limits.budget_usd
        of = f" of ${budget:.2f}" if budget is not None else ""
        parts.append(_dollars(state) + of)
    if state.paused:
        parts.append("paused")
    if state.queue_held:
        parts.append(f"landing queue {'frozen' if state.frozen else 'paused'}")
    parts.append(clock(now - state.started_at))
    return "  " + " · ".join(parts)


def asking(state: State, now: float) -> list[str]:
    """The tasks that need a person."""
    return [name for name in state.tasks if view(state, name, now).status is Status.NEEDS_YOU]


def held_lines(state: State, now: float) -> list[str]:
    """What is held and would start if it were not, by reason, as lines: the first `HELD_MAX`
    reasons. For the end of a run, which would else end without a word about them."""
    found: dict[str, list[str]] = {}
    for _, name in state.ready:
        seen = view(state, name, now)
        if seen.status is Status.HELD and seen.reason:
            found.setdefault(flat(seen.reason), []).append(name)
    return [
        f"{named(names, HELD_MAX)} held: {why}" for why, names in list(found.items())[:HELD_MAX]
    ]


def summary(state: State, now: float, serial_s: float | None = None) -> str:
    """The last line of a run: what landed, how long, and what was survived. `serial_s` is how long
    all attempts would have taken one after the other, as the report has it."""
    done = sum(1 for known in state.task_states.values() if known.finished)
    wall = (state.ended_at or now) - state.started_at
    parts = [f"Landed {done} of {len(state.tasks)} in {clock(wall)}"]
    parts += [f"{count} {words} in its file" for words, count in closed_counts(state).items()]
    if serial_s is not None and serial_s > wall:
        parts.append(f"one after the other would take {clock(serial_s)}")
    if state.candidate_runs and state.landed:
        landings, runs = len(state.landed), state.candidate_runs
        parts.append(f"{count_of(landings, 'landing')} by {count_of(runs, 'run')} of checks")
    parts += _survived(state)
    if state.usage.tokens:
        parts.append(f"{state.usage.tokens} tokens, {_dollars(state)}")
    if state.usage.unpriced:
        parts.append(f"{count_of(state.usage.unpriced, 'turn')} of unknown price")
    return " · ".join(parts)


def _dollars(state: State) -> str:
    """What the run cost, and how much of that was estimated."""
    guess = state.usage.estimated_usd
    of_it = f" (${guess:.2f} of it estimated)" if guess else ""
    return f"${state.usage.known_usd:.2f}{of_it}"


def _survived(state: State) -> list[str]:
    again = sum(max(0, attempt.turns_used - 1) for attempt in state.attempts.values())
    crashes = sum(attempt.crashes for attempt in state.attempts.values())
    retries = sum(max(0, known.attempts - 1) for known in state.task_states.values())
    counts = ((again, "further turn"), (retries, "new attempt"), (crashes, "crash"))
    return [f"{count} {word}{'es' if word == 'crash' and count != 1 else 's' if count != 1 else ''}"
            for count, word in counts if count]  # fmt: skip
