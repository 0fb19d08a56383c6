"""Events of conflicts that were resolved, and of people who resolve one.

`events` has them in its union; who speaks of one takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfAttempt, OfTask

MODEL, PERSON = "model", "person"
"""The ways in which somebody resolves a conflict; the mechanical ones are git's."""


@dataclass(frozen=True, slots=True)
class ConflictResolved(OfAttempt):
    """The work merges with `onto` now. `how` is `model`, `person` or names mechanical ways, `by`
    the agent or person, `paths` what was in conflict. What came of it is told by the events that
    follow: landed, a red check, sent back."""

    kind: ClassVar[str] = "conflict.resolved"
    how: str
    paths: tuple[str, ...]
    onto: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class ResolvingWanted(OfTask):
    """A person resolves the task's conflict, in a worktree beside its attempts'. Until that is over
    nothing of the task is begun."""

    kind: ClassVar[str] = "resolving.wanted"
    by: str


@dataclass(frozen=True, slots=True)
class ResolvingLeft(OfTask):
    """The person has given it back unresolved."""

    kind: ClassVar[str] = "resolving.left"
    by: str


@dataclass(frozen=True, slots=True)
class ResolutionGiven(OfTask):
    """The person's resolution is held by `ref`: the next attempt is that work, and no agent is
    started for it unless its checks are red."""

    kind: ClassVar[str] = "resolution.given"
    by: str
    ref: str


ResolvingEvent = ConflictResolved | ResolvingWanted | ResolvingLeft | ResolutionGiven
