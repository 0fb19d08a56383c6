"""States to ask questions of: a scenario played without looking at what follows from it."""

from __future__ import annotations

from gangsaw.core.state import State
from gangsaw.testing.scenario import Player, Rehearsal

WORKING = "in WorkspaceAt {0}.1 /w\nin LaunchStarted {0}.1 launch=1\n"
FOUND = (
    "in LaunchExited {0}.1 launch=1 outcome=done code=0\n"
    "in WorkInspected {0}.1 launch=1 commit=w-{0} tree=t-{0}\n"
)
BEGIN = "at 100\nin IntegrationAt c0\n"


def state_after(text: str) -> State:
    """The state after a scenario of `task`, `limits`, `gate`, `at` and `in` lines."""
    return played(text).state


def played(text: str) -> Player:
    """The same, with the last turn's events and actions."""
    player = Rehearsal()
    player.play(text)
    return player


def working(*names: str) -> str:
    """Agents at work for the first attempts at these tasks."""
    return BEGIN + "".join(WORKING.format(name) for name in names)


def found(*names: str) -> str:
    """Their work found, each in its own tree."""
    return working(*names) + "".join(FOUND.format(name) for name in names)
