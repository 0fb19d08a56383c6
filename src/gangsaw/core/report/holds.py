"""When each task began to wait, and for what: the scheduler's own answer, asked of every task
after every moment of the log.

These lines are in no log. `waits` gives the same sums and asks only where the answer can have
changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from gangsaw.core import events as ev
from gangsaw.core.evolve import evolve
from gangsaw.core.report.waits import waits_for
from gangsaw.core.state import State

HELD = "task.held"
UNHELD = "task.unheld"


@dataclass(frozen=True, slots=True)
class Held:
    """From this moment (epoch seconds) on the task waits for `reason`; for nothing where it is
    empty. With the tasks that are in its way, and until when, where that is known."""

    at: float
    task: str
    reason: str
    tasks: tuple[str, ...] = ()
    until: float | None = None
    text: str = ""

    @property
    def kind(self) -> str:
        """What the line is called."""
        return HELD if self.reason else UNHELD


class HoldWatch:
    """Follows a run from its first event on."""

    def __init__(self) -> None:
        self._state = State()
        self._said: dict[str, tuple[str, tuple[str, ...]]] = {}

    def take(self, event: ev.Event, at: float) -> None:
        """The next event, at its moment."""
        evolve(self._state, event, at)

    def look(self, at: float) -> list[Held]:
        """What is news, now that every event of this moment is taken."""
        return [held for name in self._state.tasks for held in self._ask(name, at)]

    def _ask(self, name: str, at: float) -> list[Held]:
        reason, hold = waits_for(self._state, name, at)
        tasks = hold.tasks if hold is not None else ()
        if (said := (reason or "", tasks)) == self._said.get(name, ("", ())):
            return []
        self._said[name] = said
        until, text = (hold.until, hold.text) if hold is not None else (None, "")
        return [Held(at, name, reason or "", tasks, until, text)]
