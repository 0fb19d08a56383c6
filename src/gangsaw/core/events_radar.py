"""Events of the overlap radar: which pieces of live work would not merge.

`events` has them in its union; who speaks of one takes it from here. The subject is the attempt
that was admitted later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.overlaps import OverlapFile
from gangsaw.core.subjects import OfAttempt, OfRun


@dataclass(frozen=True, slots=True)
class OverlapSeen(OfAttempt):
    """The attempt and `ours` (an earlier attempt, or `@integration`) would not merge in `files`.
    With a `key` that is known already: the files are others now. `stale`: with what has landed."""

    kind: ClassVar[str] = "overlap.seen"
    key: str
    ours: str
    files: tuple[OverlapFile, ...]
    stale: bool = False


@dataclass(frozen=True, slots=True)
class OverlapEnded(OfAttempt):
    """The two merge now, or one of them is over."""

    kind: ClassVar[str] = "overlap.ended"
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class OverlapResolved(OfAttempt):
    """A person says that it is taken care of: it holds nobody, and nobody is told of it again."""

    kind: ClassVar[str] = "overlap.resolved"
    key: str
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RadarFailed(OfRun):
    """The radar could not look, for this reason; the run goes on without its advice."""

    kind: ClassVar[str] = "radar.failed"
    text: str


RadarEvent = OverlapSeen | OverlapEnded | OverlapResolved | RadarFailed
