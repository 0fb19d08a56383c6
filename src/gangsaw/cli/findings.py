"""One thing that a check-up looked at, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    ODD = "odd"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` is what to do about it. Lines of `text` after the first are
    less important."""

    level: Level
    about: str
    text: str
    mend: str = ""
