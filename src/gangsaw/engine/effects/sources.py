"""The task file that a plan came from: how its tasks stand, written back."""

from __future__ import annotations

import threading
from pathlib import Path

from gangsaw.core import actions as ac
from gangsaw.core.observations import Observation, StandingNotSaid, StandingSaid
from gangsaw.core.standing import MISSING
from gangsaw.engine.world import Job, World
from gangsaw.sources import Report, dialect
from gangsaw.sources.writing import Unwritten, Wish, write_back


def write_standing(action: ac.WriteStanding, world: World) -> Job:
    """Have the task's file say where it stands, or say why it does not."""
    task_file, entry = world.state.task_file, world.state.entries[action.about]
    assert task_file is not None  # there are entries only with one
    path, shown = Path(task_file.paths[entry.document]), task_file.shown[entry.document]
    name, known = task_file.dialect, world.state.task_states[action.about]
    at = known.ended_at or known.started_at or 0.0

    def job(unwanted: threading.Event) -> list[Observation]:
        report = Report(entry.key, action.standing, action.commit, at=at)
        written = write_back(path, shown, dialect(name), [Wish(report, action.was)])
        task, standing, commit = action.about, action.standing, action.commit
        if isinstance(written, Unwritten):
            return [StandingNotSaid(task, standing, commit, written.reason)]
        kept = next((found.value for key, found in written.kept if key == entry.key), "")
        return [StandingSaid(task, standing, commit, MISSING if written.missing else kept)]

    return job
