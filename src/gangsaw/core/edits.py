"""What a task file says after it was changed, and what of it waits: values only.

Of each task three versions are known: the one that was accepted (`State.tasks`), the latest that
the file has said, and through `standing` what gangsaw itself has written there. An edit of a task
that is being worked on, or has landed, waits here; no running attempt ever sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gangsaw.core.model import Task
from gangsaw.core.standing import Entry, Standing


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a task file as it is now: its `entry` has the standing that the file gives it.
    `task` is what it would be as a task, read as if it were open; `None` where it is none, or
    needs what is on hold."""

    entry: Entry
    task: Task | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What people have settled about a task in its file; `missing`: its record is gone."""

    standing: Standing
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """A task and its new mark."""

    task: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for the end of an attempt (or the undo of a landing): a new version of the task, a
    mark, or both."""

    task: Task | None = None
    mark: Mark | None = None


@dataclass(slots=True)
class SourceBook:
    """What is known of a task file that is watched. `changes` counts the versions that were taken
    up or refused: a reading that was begun at another count is out of date. `fault` is why the
    present version is not taken up. Tasks in `closed` were closed by their mark."""

    changes: int = 0
    fault: str = ""
    later: dict[str, Held] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
