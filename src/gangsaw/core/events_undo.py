"""Events of an undo: what a landed task brought is taken back by a landing of its own.

Their own module only for its size; `events` is where everything else takes them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfTask

UNDO = "@undo/"
"""Before a task's id: the subject of the landing that takes the task's landing back."""


def undo_about(task: str) -> str:
    """The subject of the landing that undoes the task."""
    return UNDO + task


def undone_by(about: str) -> str:
    """The task that a landing with this subject undoes; empty for every other subject."""
    return about.removeprefix(UNDO) if about.startswith(UNDO) else ""


@dataclass(frozen=True, slots=True)
class UndoWanted(OfTask):
    """What came in with the commit `landed` is to be taken back."""

    kind: ClassVar[str] = "undo.wanted"
    by: str
    landed: str


@dataclass(frozen=True, slots=True)
class Undone(OfTask):
    """The integration branch is at `commit`, which takes back what `landed` brought."""

    kind: ClassVar[str] = "undone"
    commit: str
    onto: str
    tree: str
    landed: str


@dataclass(frozen=True, slots=True)
class UndoFailed(OfTask):
    """The undo is given up; nothing was moved, the task stays landed."""

    kind: ClassVar[str] = "undo.failed"
    text: str
