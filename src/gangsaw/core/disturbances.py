"""Events about what happens to the engine from outside: the clock, the disk, its branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gangsaw.core.subjects import OfRun
from gangsaw.core.terms import Jump


@dataclass(frozen=True, slots=True)
class ClockJumped(OfRun):
    """Time passed that no agent and no wait is to be charged with; `seconds` is negative where
    the clock was set back."""

    kind: ClassVar[str] = "clock.jumped"
    seconds: float
    why: Jump


@dataclass(frozen=True, slots=True)
class JournalWaited(OfRun):
    """For `seconds` there was no room to write the journal, and nothing was begun."""

    kind: ClassVar[str] = "journal.waited"
    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class IntegrationRestored(OfRun):
    """The integration branch was deleted (`found` is empty) or moved to something else by somebody,
    and was put back to `commit`. What was found is held by a ref."""

    kind: ClassVar[str] = "integration.restored"
    commit: str
    found: str = ""
