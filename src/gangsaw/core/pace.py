"""What a run has learned of how long things take, and what its tasks are ranked by."""

from __future__ import annotations

from dataclasses import dataclass, field

from gangsaw.core.expected import Expected
from gangsaw.core.learning import Pupil
from gangsaw.core.model import Limits


@dataclass(slots=True)
class Pace:
    """`weights_ms` is how long each task is expected to take, by what the ranks were `given`.
    `taught` counts the tasks that landed in this run; at `look_at` of them it is looked whether
    what they taught differs."""

    pupil: Pupil = field(default_factory=Pupil)
    given: Expected = field(default_factory=lambda: Expected(Limits(), Pupil().learned))
    weights_ms: dict[str, int] = field(default_factory=dict)
    taught: int = 0
    look_at: int = 1
