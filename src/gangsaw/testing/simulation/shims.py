"""Played agents under played shims: they live on when the engine dies, and leave exit records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from random import Random
from typing import TypeVar

from gangsaw.agents.endings import KIND_OF
from gangsaw.core import observations as ob
from gangsaw.core.conditions import NOT_TOLD, Condition
from gangsaw.core.launch import (
    ConditionNoted,
    Note,
    OutcomeKind,
    QuestionNoted,
    ResultNoted,
    SessionNoted,
    TurnOutcome,
    UsageNoted,
)
from gangsaw.core.model import TurnKind
from gangsaw.testing.simulation.plans import Temper

NOTHING = UsageNoted(0, 0, 0, 0.0)


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


class Style(Enum):
    """What an agent counts when it tells its usage: each launch anew, or the whole session; or the
    tokens of the launch and the money of the session."""

    LAUNCH = auto()
    SESSION = auto()
    MONEY = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """What a launch is begun with: its agent's way to count, the session that it goes on with (or
    opens), and what was really used in that session before."""

    style: Style = Style.LAUNCH
    session: str = ""
    before: UsageNoted = NOTHING


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
    acted: ob.WatchdogActed | None = None
    """The watchdog's note, which says something only of one that was stopped."""
    seen: int = 0
    """How many notes have been made already."""
    style: Style = Style.LAUNCH
    session: str = ""
    whole: UsageNoted = NOTHING
    """What is really used in its session when it ends, told or not."""
    approves: bool | None = None
    """What a reviewer's last word will be, if anything."""


def random_launch(
    rng: Random, temper: Temper, attempt: str, number: int, why: TurnKind, told: Told
) -> Launch:
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
    launch.style, launch.session = told.style, told.session
    launch.notes = _notes(rng, launch, told.before)
    if why is TurnKind.REVIEW:
        text, launch.approves = rng.choice(_WORDS)
        launch.notes.append(ResultNoted(True, text))
    return launch


Fate = TypeVar("Fate", Ending, Left)


def _pick(rng: Random, otherwise: Fate, *choices: tuple[Fate, float]) -> Fate:
    for choice, chance in choices:
        if chance and rng.random() < chance:
            return choice
    return otherwise


def _notes(rng: Random, launch: Launch, before: UsageNoted) -> list[Note]:
    notes: list[Note] = []
    launch.whole = before
    if rng.random() < 0.4:
        notes.append(SessionNoted(launch.session))
    if rng.random() < 0.3:
        notes.append(_used(launch, before, UsageNoted(10, 5, 0, 0.25)))
    if rng.random() < 0.05:
        notes.append(QuestionNoted(f"what now? ({launch.number})"))
    if rng.random() < 0.05:
        notes.append(ConditionNoted(rng.choice(_TOLD), "odd"))
    if rng.random() < 0.2:
        cost = rng.choice((None, 0.5, 1.25))
        notes.append(_used(launch, before, UsageNoted(20, 10, 5, cost)))
    return notes


def _used(launch: Launch, before: UsageNoted, own: UsageNoted) -> UsageNoted:
    """What the agent says it has used, in its way, when it has used this much of its own."""
    money = None if own.cost_usd is None else (before.cost_usd or 0.0) + own.cost_usd
    if money is None:
        own = replace(own, estimated_usd=_worth(own), model="m")
    launch.whole = UsageNoted(
        before.input_tokens + own.input_tokens,
        before.output_tokens + own.output_tokens,
        before.cached_tokens + own.cached_tokens,
        before.cost_usd if money is None else money,
    )
    match launch.style:
        case Style.LAUNCH:
            return own
        case Style.SESSION:
            guess = _worth(launch.whole) if money is None else None
            return replace(launch.whole, cost_usd=money, of_session=True, estimated_usd=guess)
        case Style.MONEY:
            return replace(own, cost_usd=money, cost_of_session=True)


def _worth(used: UsageNoted) -> float:
    """What the tokens cost by a list of prices."""
    return (used.input_tokens + used.output_tokens + used.cached_tokens) / 64


_LATE_FAILURE = 0.03
_REFUSED = tuple(odd for odd, kind in KIND_OF.items() if kind is OutcomeKind.REFUSED)
_PASSES = tuple(odd for odd, kind in KIND_OF.items() if kind is OutcomeKind.LIMITED)
_TOLD = tuple(odd for odd in Condition if odd not in NOT_TOLD)
_FAILS = tuple(odd for odd in _TOLD if odd not in KIND_OF)


_REJECTS = '{"verdict": "reject", "findings": [{"text": "wrong", "file": "a.py", "line": 3}]}'
_WORDS: tuple[tuple[str, bool | None], ...] = (
    ('{"verdict": "approve"}', True),
    ('Fine.\n```json\n{"verdict": "approve", "findings": []}\n```', True),
    (_REJECTS, False),
    ("I cannot say", None),
)
"""What a reviewer says in the end, and what that means."""


def exit_of(rng: Random, launch: Launch, now: float, *, stopped: bool = False) -> ob.LaunchExited:
    """The exit record of a launch that ends now."""
    about, number = launch.attempt, launch.number
    if stopped or launch.ending is Ending.KILLED:
        outcome = TurnOutcome(OutcomeKind.CRASHED, "killed by signal 15")
        return ob.LaunchExited(about, number, outcome, None, 15)
    match launch.ending:
        case Ending.FAILED:
            odd = rng.choice((None, *_FAILS))
            outcome = TurnOutcome(OutcomeKind.FAILED, "exit 1", condition=odd)
            return ob.LaunchExited(about, number, outcome, 1, None)
        case Ending.LIMITED:
            back_at = rng.choice((None, now + 30.0, now - 5.0))
            odd = rng.choice((None, Condition.QUOTA, *_PASSES))
            outcome = TurnOutcome(OutcomeKind.LIMITED, "usage limit", back_at, odd)
            return ob.LaunchExited(about, number, outcome, 1, None)
        case Ending.REFUSED:
            odd = rng.choice((None, *_REFUSED))
            outcome = TurnOutcome(OutcomeKind.REFUSED, "not logged in", condition=odd)
            return ob.LaunchExited(about, number, outcome, 1, None)
        case _ if rng.random() < _LATE_FAILURE:
            late = TurnOutcome(OutcomeKind.DONE, "exit 1", condition=Condition.LATE_FAILURE)
            return ob.LaunchExited(about, number, late, 1, None)
        case _:
            return ob.LaunchExited(about, number, TurnOutcome(OutcomeKind.DONE), 0, None)
