"""Played agents under played shims: they live on when the engine dies, and leave exit records."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import TypeVar

from gangsaw.core import observations as ob
from gangsaw.core.launch import (
    Note,
    OutcomeKind,
    QuestionNoted,
    SessionNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.testing.simulation.plans import Temper


class Ending(Enum):
    """How a launch is going to end."""

    DONE = auto()
    FAILED = auto()
    KILLED = auto()
    LIMITED = auto()
    REFUSED = auto()
    HANGS = auto()
    CHATTERS = auto()
    LOST = auto()
    HEADLESS = auto()
    NEVER_RAN = auto()


class Left(Enum):
    """What a launch that ends well leaves in its worktree."""

    GOOD = auto()
    RED = auto()
    EMPTY = auto()
    UNCOMMITTED = auto()
    UNMERGED = auto()
    STRAYED = auto()


@dataclass(slots=True)
class Launch:
    """One turn folder. `over` is its exit record, or the proof that there will be none. A launch
    is `headless` once its shim is dead and its agent lives: nothing will record how it ends."""

    attempt: str
    number: int
    why: TurnKind
    ending: Ending
    left: Left
    lasts_s: float
    started: bool = False
    alive: bool = True
    headless: bool = False
    notes: list[Note] = field(default_factory=list)
    over: ob.LaunchExited | ob.LaunchLost | None = None
    seen: int = 0
    """How many notes have been made already."""


def random_launch(rng: Random, temper: Temper, attempt: str, number: int, why: TurnKind) -> Launch:
    """A launch with its fate."""
    ending = _pick(
        rng,
        Ending.DONE,
        (Ending.NEVER_RAN, temper.never_ran),
        (Ending.LOST, temper.lost),
        (Ending.HEADLESS, temper.headless),
        (Ending.KILLED, temper.killed),
        (Ending.HANGS, temper.hang),
        (Ending.CHATTERS, temper.chatter),
        (Ending.LIMITED, temper.limited),
        (Ending.REFUSED, temper.refused),
        (Ending.FAILED, temper.exit_bad),
    )
    left = _pick(
        rng,
        Left.GOOD,
        (Left.RED, temper.red),
        (Left.EMPTY, temper.empty),
        (Left.UNCOMMITTED, temper.uncommitted),
        (Left.UNMERGED, temper.unmerged),
        (Left.STRAYED, temper.strayed),
    )
    launch = Launch(
        attempt,
        number,
        why,
        ending,
        left,
        rng.choice((1.0, 5.0, 20.0, 50.0)) * (0.5 + rng.random()),
    )
    launch.notes = _notes(rng, attempt, number)
    return launch


Fate = TypeVar("Fate", Ending, Left)


def _pick(rng: Random, otherwise: Fate, *choices: tuple[Fate, float]) -> Fate:
    for choice, chance in choices:
        if chance and rng.random() < chance:
            return choice
    return otherwise


def _notes(rng: Random, attempt: str, number: int) -> list[Note]:
    notes: list[Note] = []
    if rng.random() < 0.4:
        notes.append(SessionNoted(f"s-{attempt}"))
    if rng.random() < 0.3:
        notes.append(UsageNoted(10, 5, 0, 0.25))
    if rng.random() < 0.05:
        notes.append(QuestionNoted(f"what now? ({number})"))
    if rng.random() < 0.2:
        cost = rng.choice((None, 0.5, 1.25))
        notes.append(UsageNoted(20, 10, 5, cost))
    return notes


def exit_of(rng: Random, launch: Launch, now: float, *, stopped: bool = False) -> ob.LaunchExited:
    """The exit record of a launch that ends now."""
    about, number = launch.attempt, launch.number
    if stopped or launch.ending is Ending.KILLED:
        outcome = TurnOutcome(OutcomeKind.CRASHED, "killed by signal 15")
        return ob.LaunchExited(about, number, outcome, None, 15)
    match launch.ending:
        case Ending.FAILED:
            return ob.LaunchExited(
                about, number, TurnOutcome(OutcomeKind.FAILED, "exit 1"), 1, None
            )
        case Ending.LIMITED:
            back_at = rng.choice((None, now + 30.0, now - 5.0))
            outcome = TurnOutcome(OutcomeKind.LIMITED, "usage limit", back_at)
            return ob.LaunchExited(about, number, outcome, 1, None)
        case Ending.REFUSED:
            outcome = TurnOutcome(OutcomeKind.REFUSED, "not logged in")
            return ob.LaunchExited(about, number, outcome, 1, None)
        case _:
            return ob.LaunchExited(about, number, TurnOutcome(OutcomeKind.DONE), 0, None)
