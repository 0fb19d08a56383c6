"""What Ctrl-C and SIGTERM mean: detach, pause or stop. Asked on a terminal, decided by setting
without one. A second interrupt is taken at its word: everything is killed."""

from __future__ import annotations

import select
import sys
import uuid
from typing import Protocol

from gangsaw.core.observations import Asked, Observation
from gangsaw.core.state import State

QUESTION = (
    "\n[d]etach (agents go on), [p]ause (let them finish), [s]top them, [c]ontinue? "
    "A letter, then Enter: "
)
ANSWER_MAX_S = 30.0
LETTERS = {"d": "detach", "p": "pause", "s": "stop", "c": "continue"}


class Screen(Protocol):
    """Something that can take its live lines away."""

    def close(self) -> None: ...


class Interrupts:
    """Answers the engine when a signal came."""

    def __init__(self, setting: str, screen: Screen) -> None:
        self._setting = setting
        self._screen = screen
        self._asked_before = False
        self.detach_asked = False

    def __call__(self, state: State, by: str) -> list[Observation] | str:
        """Observations to go on with, or the reason to leave at once."""
        if by == "SIGHUP":
            # The terminal is gone; agents go on, and the next engine takes them up.
            return "detached"
        if self._asked_before:
            return [_asked("kill", by)]
        answer = self._choose(by)
        if answer == "continue":
            return []
        self._asked_before = True
        if answer == "detach":
            self.detach_asked = sys.stdin.isatty()
            return "detached"
        if answer == "pause":
            return [_asked("drain", by)]
        return [_asked("stop", by)]

    def _choose(self, by: str) -> str:
        if by != "SIGINT" or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return self._setting
        self._screen.close()
        sys.stderr.write(QUESTION)
        sys.stderr.flush()
        # The engine stands still while it asks, so it does not ask for long.
        answered, _, _ = select.select([sys.stdin], [], [], ANSWER_MAX_S)
        if not answered:
            sys.stderr.write(f"no answer: {self._setting}\n")
            return self._setting
        return LETTERS.get(sys.stdin.readline().strip().lower()[:1], "continue")


def _asked(verb: str, by: str) -> Asked:
    return Asked(key=uuid.uuid4().hex, verb=verb, task="", by=by)
