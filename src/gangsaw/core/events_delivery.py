"""Events of a push: what was delivered reaches the remote, or does not.

Their own module only for its size; `events` is where everything else takes them from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfRun


@dataclass(frozen=True, slots=True)
class Pushed(OfRun):
    """The remote's branch contains `commit`."""

    kind: ClassVar[str] = "pushed"
    commit: str
    remote: str


@dataclass(frozen=True, slots=True)
class PushFailed(OfRun):
    """The remote did not take `commit`. `passing`: it may by itself, later (no network)."""

    kind: ClassVar[str] = "push.failed"
    commit: str
    remote: str
    text: str
    passing: bool = False
