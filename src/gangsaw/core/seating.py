"""What people have changed of a run's agents while it goes on, as values.

It is kept beside the limits, which come anew from the settings with every engine: what was asked
of this run stays with the run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seating:
    """`scaled` are the slots that agents were given by name; `removed` are the agents that take
    no work of this run any more, `joined` those that were added to the ones tasks without an agent
    may go to, in the order in which they came."""

    scaled: tuple[tuple[str, int], ...] = ()
    removed: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()

    def slots_of(self, agent: str) -> int | None:
        """The slots that somebody gave it; `None` if nobody has."""
        return next((slots for name, slots in self.scaled if name == agent), None)
