"""The task file that a plan came from: how its tasks stand, written back."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from gangsaw.core import actions as ac
from gangsaw.core.observations import Observation, StandingNotSaid, StandingSaid
from gangsaw.core.standing import HOLDER, MISSING, Standing
from gangsaw.core.state import State, TaskState
from gangsaw.engine.asking import asking
from gangsaw.engine.world import Job, World
from gangsaw.sources import Report, dialect, programs
from gangsaw.sources.writing import Unwritten, Wish, write_back

NOTE_MAX = 200
"""Characters of what is noted about a task."""


def write_standing(action: ac.WriteStanding, world: World) -> Job:
    """Have the task's file say where it stands, or say why it does not."""
    task_file, entry = world.state.task_file, world.state.entries[action.about]
    assert task_file is not None  # there are entries only with one
    path, shown = Path(task_file.paths[entry.document]), task_file.shown[entry.document]
    name, through, ask = task_file.dialect, task_file.through, asking(world.environ)
    report = report_of(world.state, action.about, action.standing, action.commit, action.phase)

    def job(unwanted: threading.Event) -> list[Observation]:
        wishes = [Wish(report, action.was)]
        with world.task_file_lock:
            if through:
                written = programs.tell(name, path, ask, wishes)
            else:
                written = write_back(path, shown, dialect(name), wishes)
        task, standing, commit = action.about, action.standing, action.commit
        if isinstance(written, Unwritten):
            return [StandingNotSaid(task, standing, commit, written.reason)]
        kept = next((found.value for key, found in written.kept if key == entry.key), "")
        return [
            StandingSaid(task, standing, commit, MISSING if written.missing else kept, action.phase)
        ]

    return job


def report_of(state: State, task: str, standing: Standing, commit: str, phase: str) -> Report:
    """What is said of a task that stands so."""
    assert state.task_file is not None  # there are entries only with one
    entry, known = state.entries[task], state.task_states[task]
    at = known.ended_at or known.started_at or 0.0
    report = Report(entry.key, standing, commit, phase, at)
    if not state.task_file.phased:
        return report
    return replace(report, holder=HOLDER, note=_note(standing, known))


def _note(standing: Standing, known: TaskState) -> str:
    """What is worth a line in the task's record: why its last attempt, or all of it, came to
    nothing."""
    words = " ".join((known.given_up or known.last_text).split())[:NOTE_MAX]
    if not words or standing is Standing.DONE:
        return ""
    return f"gangsaw: given up: {words}" if known.given_up else f"gangsaw: not landed yet: {words}"
