"""What two pieces of work have against each other, as values: an overlap of two attempts, or of an
attempt with the integration branch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

INTEGRATION = "@integration"
"""Stands in a pair for what has landed."""


class OverlapKind(StrEnum):
    """What two sides have done to one path."""

    LINES = "lines"
    ADDED = "added"
    BINARY = "binary"
    MODES = "modes"
    DELETED = "deleted"
    RENAMED = "renamed"
    FOLDER = "folder"
    PLACE = "place"
    SUBMODULE = "submodule"
    OTHER = "other"


class Severity(StrEnum):
    """Lines that two agents still at work could keep apart, or something that one of them will have
    to undo."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that both sides changed, in each side's own numbering from 1; no lines: deleted there,
    after line `from`."""

    ours_from: int
    ours_lines: int
    theirs_from: int
    theirs_lines: int


@dataclass(frozen=True, slots=True)
class OverlapFile:
    """One path that does not merge. `hunks` where it is lines that collide, the first ones only."""

    path: str
    kind: OverlapKind
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """`git merge` of the two would stop. `ours` was admitted first, or is `INTEGRATION`.

    `stale`: at least one side conflicts with what has landed, in all of these files; so this is
    said of that side once, and not of each of its pairs.
    """

    ours: str
    theirs: str
    files: tuple[OverlapFile, ...]
    stale: bool = False

    @property
    def pair(self) -> str:
        """Both sides, as a key."""
        return f"{self.ours} {self.theirs}"

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that do not merge."""
        return tuple(file.path for file in self.files)


def severity_of(ours: str, files: tuple[OverlapFile, ...]) -> Severity:
    """Critical where one side is what has landed already, or something else than lines collides."""
    gentle = all(file.kind in (OverlapKind.LINES, OverlapKind.ADDED) for file in files)
    return Severity.WARNING if gentle and ours != INTEGRATION else Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class KnownOverlap:
    """An overlap that stands, as the state keeps it: `since` (epoch seconds) and, where a person
    says that it is taken care of, who."""

    key: str
    ours: str
    theirs: str
    files: tuple[OverlapFile, ...]
    stale: bool
    since: float
    resolved_by: str = ""
    note: str = ""

    @property
    def pair(self) -> str:
        """Both sides, as a key."""
        return f"{self.ours} {self.theirs}"

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return severity_of(self.ours, self.files)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that do not merge."""
        return tuple(file.path for file in self.files)

    def is_of(self, attempt: str) -> bool:
        """Whether it is one of the two."""
        return attempt in (self.ours, self.theirs)

    def other_than(self, attempt: str) -> str:
        """The other side."""
        return self.ours if attempt == self.theirs else self.theirs
