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
    needs what is on hold. `holder` is who has claimed it, where the file says so. `joined`: the
    file calls it done only because what it is a part of was, before it came there."""

    entry: Entry
    task: Task | None
    holder: str = ""
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """What people have settled about a task in its file; `missing`: its record is gone; `holder`:
    somebody else has it in hand."""

    standing: Standing
    missing: bool = False
    holder: str = ""


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
    present version is not taken up. Tasks in `closed` were closed by their mark. `writes` counts
    what gangsaw has written. The file of a task in `restored` has said once that it was open again
    after it had landed as that commit, and that of one in `left` a second time."""

    changes: int = 0
    fault: str = ""
    later: dict[str, Held] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    writes: int = 0
    restored: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
