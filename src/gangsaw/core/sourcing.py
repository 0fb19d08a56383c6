"""What is reported of a plan's source → facts: is it news, and is it still what is wanted?"""

from __future__ import annotations

from gangsaw.core import observations as ob
from gangsaw.core.actions import WriteStanding
from gangsaw.core.events_sources import SourceEvent, StandingRefused, StandingWritten
from gangsaw.core.standing import standing_of
from gangsaw.core.state import State

WRITING = WriteStanding.__name__
REASON_MAX = 300


def said(seen: ob.StandingSaid, state: State) -> list[SourceEvent]:
    """A file says what it was asked to. It is news even if the task stands otherwise by now: that
    is what the file says until it is written again."""
    if seen.task not in state.entries:
        return []
    return [StandingWritten(seen.task, seen.standing, seen.commit, seen.kept, seen.phase)]


def not_said(seen: ob.StandingNotSaid, state: State) -> list[SourceEvent]:
    """A file refused what is still wanted of it."""
    if seen.task not in state.untold or standing_of(state, seen.task)[0] is not seen.standing:
        return []
    return [StandingRefused(seen.task, seen.standing, seen.commit, seen.reason[:REASON_MAX])]


def refusals(state: State, task: str, text: str) -> list[SourceEvent]:
    """The effect itself raised."""
    if task not in state.untold:
        return []
    return [StandingRefused(task, *standing_of(state, task), text[:REASON_MAX])]
