"""Events of a task file that is changed while its run goes on. `events` has them in its union; who
speaks of one takes it from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.edits import Marked, Record
from gangsaw.core.model import Task
from gangsaw.core.standing import Entry
from gangsaw.core.subjects import OfRun, OfTask


@dataclass(frozen=True, slots=True)
class SourceTaken(OfRun):
    """A new version of the task file was taken up, as a whole: tasks that came with it, tasks that
    say something else, tasks that people have settled, and those of which they have taken that
    back. What is being worked on, or has landed, keeps its version for now. `moved` are records in
    another of its files; with `paths` these are all its files from now on. `unread` and `notes`
    tell what in it could not be read, and what was newly noted, each with its place. `changed`
    are the names of the files that are other ones than before, as far as that is known. Landed
    tasks whose records are open again are written once more (`restored`), or, if that was done
    before, `left`. `again`: what their file had refused to say, it is asked anew."""

    kind: ClassVar[str] = "source.taken"
    added: tuple[Record, ...] = ()
    edited: tuple[Task, ...] = ()
    marked: tuple[Marked, ...] = ()
    opened: tuple[str, ...] = ()
    moved: tuple[Entry, ...] = ()
    paths: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceRefused(OfRun):
    """The present version of the task file cannot be used; nothing of it is taken up."""

    kind: ClassVar[str] = "source.refused"
    reason: str


@dataclass(frozen=True, slots=True)
class EditTaken(OfTask):
    """What the file has said of the task since its attempt began (or its landing) holds now."""

    kind: ClassVar[str] = "task.edit_taken"


WatchEvent = SourceTaken | SourceRefused | EditTaken
