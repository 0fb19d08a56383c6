"""Others who write the task file of a simulated run: an editor that saves an older text over ticks
of ours, and somebody who claims a record that waits. By chance of its own, so that all else that
people do to the file is what it was. What a reading shows of it must be heeded in the next turn."""

from __future__ import annotations

from random import Random

from gangsaw.core.edits import Mark
from gangsaw.core.observations import SourceSeen
from gangsaw.core.standing import Standing
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken
from gangsaw.testing.simulation.played_file import PlayedFile

SHARE = 0.3
"""Of the changes to the file, so many are accompanied by one of these."""

_OPEN = (Standing.OPEN, Standing.RUNNING)


class Rivals:
    """What they do, and whether the run takes note of what was read of that."""

    def __init__(self, seed: int, played: PlayedFile) -> None:
        self._rng, self._played = Random(f"{seed} rivals"), played
        self._shown: SourceSeen | None = None

    def act(self, state: State, names: list[str], marks: dict[str, Mark]) -> None:
        """Perhaps one of them does something to the records that the file has."""
        rng = self._rng
        if rng.random() < SHARE:
            ticked = [name for name in names if name not in marks and _is_ticked(state, name)]
            if ticked:
                name = rng.choice(ticked)
                self._played.says[name] = Standing.OPEN
                self._played.lost.add(name)
        if rng.random() < SHARE:
            waiting = [n for n in names if n not in marks and _waits(state, n)]
            waiting = [n for n in waiting if self._played.says.get(n) is not Standing.RUNNING]
            if waiting:
                name = rng.choice(waiting)
                marks[name] = Mark(Standing.RUNNING, holder="alice")
                self._played.settled.add(name)

    def show(self, seen: SourceSeen | None) -> None:
        """This is all that is read in this turn, if anything is."""
        self._shown = seen

    def require_heeded(self, state: State) -> None:
        """Raise `Broken` if what was read in the last turn is not in the state by now."""
        shown, self._shown = self._shown, None
        if shown is None or state.source.fault or state.end is not None:
            return
        for record in shown.records:
            name, book = record.entry.task, state.source
            known = state.task_states[name]
            waits = not (known.attempts or known.undone or known.finished)
            if record.holder and waits and name not in book.marks:
                raise Broken(f"{name} is in hand of {record.holder}, and is not held")
            # Told once more since, it is news with the next reading only.
            told = name in state.told and state.told[name].number <= shown.writes
            if told and name in self._played.lost and _is_ticked(state, name):
                commit = known.landed_commit
                written = commit in (book.restored.get(name), book.left.get(name))
                if record.entry.standing in _OPEN and not written:
                    raise Broken(f"the tick of {name} is gone, and nobody cares")


def _is_ticked(state: State, name: str) -> bool:
    """Whether we have landed it, and the file was told so and has agreed."""
    known, told = state.task_states.get(name), state.told.get(name)
    if known is None or told is None or not known.landed_commit:
        return False
    return told.standing is Standing.DONE and not told.kept


def _waits(state: State, name: str) -> bool:
    known = state.task_states.get(name)
    if known is None:
        return True
    return not (known.attempts or known.finished or known.undone or known.closed)
