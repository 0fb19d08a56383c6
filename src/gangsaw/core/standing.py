"""Where a task stands by the file that it came from, and what that file is to say next.

A run that was begun from a task file of another kind writes back how its tasks stand: an effect,
wanted until it is reported, like any other; but never a reason for the run to fail. What the file
refuses is told, tried again a few times, and then left until the task stands otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gangsaw.core.phases import Phase

if TYPE_CHECKING:
    from gangsaw.core.state import State

REFUSED_MAX = 5
"""Tries to have a file say how a task stands."""

PAUSE_S = 0.5
"""After a refusal; it doubles with each."""

HOLDER = "gangsaw"
"""Who claims a record for us, in files that say so."""

MISSING = "missing"
"""What is kept where a file has no such record any more."""

SPAWNED, WORKING, COMMITTED = "spawned", "working", "committed"
"""How far a task at work is: its worktree is there, its agent works, its work is committed."""

HERE = "."
"""The place of a folder that is the root of the repository."""

_FAR = {
    **dict.fromkeys((Phase.PREPARING, Phase.READY, Phase.STARTING), SPAWNED),
    **dict.fromkeys((Phase.VERIFYING, Phase.VERIFIED, Phase.REVIEWING), COMMITTED),
    **dict.fromkeys((Phase.QUEUED, Phase.LANDING), COMMITTED),
}

AT_ONCE_MAX = 16
"""Tasks that are written at a time; the others follow."""


class Standing(StrEnum):
    """Where a record stands by its own file. `RUNNING` is taken up again like `OPEN`; `LATER` is on
    hold, and so is what needs it; `DROPPED` will never be done, and nobody waits for it."""

    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    DROPPED = "dropped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Entry:
    """A task of a plan and its record: the key that the file has for it, in which of its documents,
    and where it stood when the plan was accepted. `mute`: no text has a place for that."""

    task: str
    key: str
    document: int = 0
    standing: Standing = Standing.OPEN
    mute: bool = False


@dataclass(frozen=True, slots=True)
class TaskFile:
    """The source of a plan: its dialect, the files (whole paths) and what they are called, and the
    records of its tasks. `phased`: it says of tasks at work how far they are, too. Is it `watched`
    while the run goes on? `folder` is the whole path of what holds its files, `folder_shown` what
    that is called, where the source is a folder. `narrowed`: only some of its tasks were accepted,
    besides these all that are a part of `epics`. `through`: the records are kept by the program of
    that name, which is asked for them and told; the path is that of the file it copies them to.
    `place` is the path of the file or folder seen from the root of the repository; empty outside of
    it."""

    dialect: str
    paths: tuple[str, ...]
    shown: tuple[str, ...]
    entries: tuple[Entry, ...]
    phased: bool = False
    watched: bool = False
    folder: str = ""
    folder_shown: str = ""
    narrowed: bool = False
    epics: tuple[str, ...] = ()
    through: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the file of a task says by the last that we know: `kept` is what somebody else has
    written there instead. It has `refused` so many times, lastly at `at`, to say that the task is
    `wanted`. `phase` is how far it says that the task is. `number` counts our writings up to
    that."""

    standing: Standing
    commit: str = ""
    kept: str = ""
    refused: int = 0
    at: float = 0.0
    reason: str = ""
    wanted: Standing | None = None
    phase: str = ""
    number: int = 0


def standing_of(state: State, task: str) -> tuple[Standing, str]:
    """Where a task stands now, and the commit that it landed as."""
    known = state.task_states[task]
    if known.finished:
        return Standing.DONE, known.landed_commit
    if known.closed:
        mark = state.source.marks.get(task) if known.cancelled else None
        return (Standing.OPEN if mark is None else mark.standing), ""
    return (Standing.RUNNING if known.attempts else state.entries[task].standing), ""


def file_of(state: State, task: str) -> str:
    """The path of the file that has the record of this task, seen from the root of the repository;
    empty where it has none, or none that a line of a message can hold."""
    task_file, entry = state.task_file, state.entries.get(task)
    if task_file is None or entry is None or not task_file.place:
        return ""
    found = task_file.place
    if task_file.folder:
        path, folder = task_file.paths[entry.document], task_file.folder.rstrip("/")
        if not path.startswith(f"{folder}/"):
            return ""
        name = path.removeprefix(f"{folder}/")
        found = name if found == HERE else f"{found}/{name}"
    return found if found.isprintable() and found == found.strip() else ""


def phase_of(state: State, task: str) -> str:
    """How far a task at work is, where its file has words for that; else empty."""
    if state.task_file is None or not state.task_file.phased:
        return ""
    known = state.task_states[task]
    if not known.attempts or standing_of(state, task)[0] is not Standing.RUNNING:
        return ""
    attempt = state.attempts.get(known.current)
    if attempt is None:
        return WORKING
    # A turn that is about to start is the first one only while none has run.
    far = _FAR.get(attempt.phase, WORKING)
    return WORKING if far == SPAWNED and attempt.ran else far


def was(state: State, task: str) -> Standing:
    """What the task's file says by the last that we know of what we have written there; what
    somebody else has is not ours to change the next time either."""
    told = state.told.get(task)
    if told is None or told.kept:
        return state.entries[task].standing
    return told.standing


def note(state: State, task: str) -> None:
    """Keep in mind whether the file of this task has something to be told."""
    entry = state.entries.get(task)
    if entry is None or entry.mute:
        state.untold.pop(task, None)
        return
    told = state.told.get(task) or Told(entry.standing)
    standing, commit = standing_of(state, task)
    given_up = told.refused >= REFUSED_MAX and told.wanted is standing
    says = (told.standing, told.commit, told.phase)
    if says == (standing, commit, phase_of(state, task)) or given_up:
        state.untold.pop(task, None)
    else:
        state.untold[task] = None


def retry_at(told: Told) -> float:
    """When a file that refused is asked again (epoch seconds)."""
    if not told.refused:
        return 0.0
    return told.at + PAUSE_S * float(2 ** min(told.refused - 1, REFUSED_MAX))


def is_owed(state: State) -> bool:
    """Whether an engine must not leave before it has written: at the end of the run anything that
    is not given up, else what was not refused yet."""
    if state.end is not None:
        return bool(state.untold)
    return any(task not in state.told or not state.told[task].refused for task in state.untold)


def due(state: State, now: float) -> Iterator[str]:
    """Tasks whose file is to be written now."""
    found = 0
    for task in state.untold:
        told = state.told.get(task)
        if told is None or now >= retry_at(told):
            yield task
            found += 1
            if found >= AT_ONCE_MAX:
                return


def next_moment(state: State, now: float) -> float | None:
    """When the next refused one is due, if any is in the future."""
    moments = [retry_at(state.told[task]) for task in state.untold if task in state.told]
    return min((moment for moment in moments if moment > now), default=None)
