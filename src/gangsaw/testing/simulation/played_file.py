"""The task file that some simulated runs are begun from: it says what it is told, refuses at times,
and people settle records in it. Its chances are its own, so that it moves no others."""

from __future__ import annotations

from random import Random

from gangsaw.core import actions as ac
from gangsaw.core import observations as ob
from gangsaw.core.model import Plan
from gangsaw.core.standing import Entry, Standing, TaskFile
from gangsaw.core.state import State
from gangsaw.testing.simulation.broken import Broken

SHARE = 0.3
"""Of all schedules, those with a task file."""


class PlayedFile:
    """What the file says of each task, and how often it refuses."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self._rng = Random(f"{seed} file")
        self.task_file: TaskFile | None = None
        self.says: dict[str, Standing] = {}
        self._refuses = 0.0
        self.settled: set[str] = set()
        """Records that a person has settled, which nobody may write over."""
        self.lost: set[str] = set()
        """Records whose tick somebody has written over since it was made."""
        if self._rng.random() < SHARE:
            entries = tuple(self._entry(task.id) for task in plan.tasks)
            self.task_file = TaskFile(
                "simulated", ("/tasks.md",), ("tasks.md",), entries, self._rng.random() < 0.5
            )
            self.says = {entry.task: entry.standing for entry in entries}
            self._refuses = self._rng.choice((0.0, 0.1, 0.5))

    def _entry(self, task: str) -> Entry:
        standing = self._rng.choice((Standing.OPEN, Standing.OPEN, Standing.RUNNING))
        return Entry(task, f"key of {task}", standing=standing)

    def write(self, action: ac.WriteStanding, *, calm: bool) -> list[ob.Observation]:
        """Have the file say it, as the real effect would."""
        about = (action.about, action.standing, action.commit)
        phase = action.phase
        if not calm and self._rng.random() < self._refuses:
            return [ob.StandingNotSaid(*about, "the file refuses")]
        if not calm and self._rng.random() < self._refuses / 4:
            self.settled.add(action.about)
        if action.about in self.settled:
            return [ob.StandingSaid(*about, kept="dropped", phase=phase)]
        self.says[action.about] = action.standing
        self.lost.discard(action.about)
        return [ob.StandingSaid(*about, phase=phase)]

    def check(self, finished: set[str], state: State) -> None:
        """Raise `Broken` if the file of a run that rests says something else than what is so."""
        for task, said in self.says.items():
            told = state.told.get(task)
            if task in self.settled or task in self.lost or (told is not None and told.refused):
                continue
            if (said is Standing.DONE) != (task in finished):
                raise Broken(f"the file says that {task} is {said.value}")
