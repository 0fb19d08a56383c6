"""The task file beside a run: looked at cheaply, read again when it was changed and stands still.

All of it happens in a thread of its own; the loop is woken only for news. A look is a `stat` of
each file. A change counts when the next look finds the file as this one did, so that nobody's
half-written text is read, and when its bytes are other ones than those that were read last.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gangsaw.core import observations as ob
from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan
from gangsaw.core.standing import TaskFile
from gangsaw.core.state import State
from gangsaw.engine.asking import asking
from gangsaw.engine.clock import Clock
from gangsaw.engine.order import agents_of
from gangsaw.engine.recruits import program_missing
from gangsaw.engine.world import World
from gangsaw.plan import Complaint, read_roles
from gangsaw.sources import Document, Expected
from gangsaw.sources.programs import document_of
from gangsaw.sources.rereading import Reread, files_now, reread, unplaced

LOOK_EVERY_S = 1.0
PAUSE_FACTOR = 20
"""After a reading nobody looks for so many times as long as that took."""
TOLD_MAX = 20
"""Faults of single records that are told of one version; the rest is counted."""
TEXT_MAX = 300
"""Characters of one of them."""
JOIN_S = 60.0
"""How long the end of a reading is waited for when the engine ends."""

LOOK_THROUGH_EVERY_S = 5.0
"""How often a program that keeps the records is asked for them, at most."""

Stats = tuple[tuple[str, int, int, int], ...]
Found = ob.SourceSeen | ob.SourceUnread


def _expected(world: World) -> Expected:
    """The agents, checks and roles that a plan may name, as those of one that begins a run."""
    names = [*(agent.name for agent in world.settings.agents), *world.recruits]
    roles = read_roles(world.repo.main_root or world.repo.root)
    return Expected(names, bool(world.settings.checks), roles)


def _checked(world: World, plan: Plan) -> Plan:
    """The plan as it may be kept. `UserError` for a secret, or an agent without program."""
    used = agents_of(plan, world.state.limits)
    for agent in world.settings.agents:
        if agent.name in used:
            world.secrets.require_none_in_arguments(agent)
            if missing := program_missing(agent, world.environ):
                raise UserError(missing)
    return world.secrets.out_of_plan(plan)


class SourceWatch:
    """Looks at the task file of a run at most every `LOOK_EVERY_S`. One reading is on its way at a
    time: the next is begun when the loop has taken the former into the state, so that it is
    compared with what it was read beside."""

    def __init__(self, world: World, clock: Clock, wake: Callable[[], None]) -> None:
        self._world, self._clock, self._wake = world, clock, wake
        self._state: State = world.state
        self._stats: Stats | None = None
        self._read_stats: Stats | None = None
        self._digest = b""
        self._former: Reread | None = None
        self._found: Found | None = None
        self._is_given = False
        self._every_s, self._trouble = LOOK_EVERY_S, ""
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Look from now on, if the run has a file that is to be watched. What it says now is read
        at once: what was changed while no engine ran holds before anything is begun."""
        task_file = self._state.task_file
        if task_file is not None and task_file.watched:
            if task_file.through:
                self._every_s = LOOK_THROUGH_EVERY_S
            if self._state.end is None:
                self._look(at_once=True)
            self._thread = threading.Thread(target=self._watch, name="source", daemon=True)
            self._thread.start()

    def taken(self) -> None:
        """What was given last is in the state by now."""
        if self._is_given:
            self._found, self._is_given = None, False

    def news(self) -> list[Found]:
        """What was read, once."""
        found = self._found
        if found is None or self._is_given:
            return []
        self._is_given = True
        return [found]

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    # --- in the thread --------------------------------------------------------------------------

    def _watch(self) -> None:
        pause_s = self._every_s
        while not self._closed.wait(pause_s):
            began_s = self._clock.awake()
            if self._found is None and self._state.end is None:
                self._look()
            pause_s = max(self._every_s, PAUSE_FACTOR * (self._clock.awake() - began_s))

    def _look(self, *, at_once: bool = False) -> None:
        task_file, change = self._state.task_file, self._state.source.changes
        assert task_file is not None  # see `begin`
        try:
            if task_file.through:
                self._ask(task_file, change)
                return
            stats = _stats(files_now(task_file)[0])
            stands_still, self._stats = stats == self._stats, stats
            if not (stands_still or at_once) or stats == self._read_stats:
                return
            digest = _digest(each[0] for each in stats)
            if digest != self._digest:
                self._found = self._read(task_file, change)
            self._read_stats, self._digest = stats, digest
        except UserError as error:
            if error.text != self._trouble:
                self._found = ob.SourceUnread(change, error.text)
            self._read_stats = self._stats
            self._trouble = error.text if task_file.through else ""
        except (OSError, ValueError) as error:
            text = f"cannot read {task_file.shown[0]} again: {type(error).__name__}: {error}"
            self._found, self._read_stats = ob.SourceUnread(change, text), self._stats
        finally:
            if self._found is not None:
                self._wake()

    def _ask(self, task_file: TaskFile, change: int) -> None:
        """A program never shows a half-written text, so the first look at it counts."""
        ask = asking(self._world.environ)
        text = document_of(task_file.dialect, Path(task_file.paths[0]), ask)
        self._trouble = ""
        digest = hashlib.sha256(text.text.encode("utf-8")).digest()
        if digest != self._digest:
            self._found = self._read(task_file, change, [text])
        self._digest = digest

    def _read(
        self, task_file: TaskFile, change: int, given: Sequence[Document] | None = None
    ) -> Found:
        # Entries are replaced as a whole, never changed: see `evolve_watching`.
        entries, world = self._state.entries, self._world
        try:
            read = reread(
                task_file, entries, _expected(world), lambda plan: _checked(world, plan), given
            )
        except UserError as error:
            return ob.SourceUnread(change, error.text)
        before, self._former = self._former, read
        notes = () if before is None else _since(read.notes, before.notes)
        fresh = bool(notes or (before is not None and _since(read.unread, before.unread)))
        return ob.SourceSeen(
            change, read.records, read.paths, read.shown, _told(read.unread), _told(notes), fresh
        )


def _since(now: tuple[Complaint, ...], before: tuple[Complaint, ...]) -> tuple[Complaint, ...]:
    """What was not told before, in whatever place it stood then."""
    known = {unplaced(each) for each in before}
    return tuple(each for each in now if unplaced(each) not in known)


def _told(complaints: tuple[Complaint, ...]) -> tuple[str, ...]:
    rest = len(complaints) - TOLD_MAX
    texts = tuple(str(each)[:TEXT_MAX] for each in complaints[:TOLD_MAX])
    return (*texts, f"and {rest} more") if rest > 0 else texts


def _stats(paths: tuple[str, ...]) -> Stats:
    return tuple(map(_stat, paths))


def _stat(path: str) -> tuple[str, int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return path, 0, 0, 0
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _digest(paths: Iterable[str]) -> bytes:
    """Of all bytes of the files; one that is not there has none."""
    digest = hashlib.sha256()
    for path in paths:
        own = hashlib.sha256()
        with suppress(OSError), open(path, "rb") as file:
            own = hashlib.file_digest(file, "sha256")
        digest.update(own.digest())
    return digest.digest()
