"""How long turns and checks took in earlier runs, as it is written down when a run begins: by these
figures its tasks are ranked, and whoever reads the log later ranks them the same."""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core.model import TurnKind


@dataclass(frozen=True, slots=True)
class TurnTimes:
    """Seconds that an agent was at a stage of tasks that landed, the latest last. `model` is empty
    where none was asked for."""

    agent: str
    model: str
    stage: TurnKind
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CheckTimes:
    """Seconds of green runs of the check with this key, the latest last."""

    key: str
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Durations:
    """What earlier runs have taught; nothing where there was none."""

    turns: tuple[TurnTimes, ...] = ()
    checks: tuple[CheckTimes, ...] = ()


NOTHING_LEARNED = Durations()
