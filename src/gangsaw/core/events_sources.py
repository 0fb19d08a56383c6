"""Events of a plan's source, the task file that it was read from. `events` has them in its union;
who speaks of one takes it from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.events_watching import WatchEvent
from gangsaw.core.standing import Standing
from gangsaw.core.subjects import OfTask


@dataclass(frozen=True, slots=True)
class StandingWritten(OfTask):
    """The task's file says where it stands and in which `phase` it is; or, with `kept`, says what
    somebody else has settled (`missing`: it has no such record any more), and is left alone."""

    kind: ClassVar[str] = "standing.written"
    standing: Standing
    commit: str = ""
    kept: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class StandingRefused(OfTask):
    """The task's file could not be written; it is tried again, a few times."""

    kind: ClassVar[str] = "standing.refused"
    standing: Standing
    commit: str
    reason: str


SourceEvent = StandingWritten | StandingRefused | WatchEvent
