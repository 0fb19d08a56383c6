"""The task file beside a run: looked at cheaply, read again when it was changed and stands still.

All of it happens in a thread of its own; the loop is woken only for news. A look is a `stat` of
each file. A change counts when the next look finds the file as this one did, so that nobody's
half-written text is read, and when its bytes are other ones than those that were read last.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gangsaw.core import observations as ob
from gangsaw.core.errors import UserError
from gangsaw.core.model import Plan
from gangsaw.core.state import State
from gangsaw.engine.asking import asking
from gangsaw.engine.clock import Clock
from gangsaw.engine.order import agents_of
from gangsaw.engine.recruits import program_missing
from gangsaw.engine.world import World
from gangsaw.plan import Complaint, read_roles
from gangsaw.sources import Document, Expected
from gangsaw.sources.programs import document_of
from gangsaw.sources.rereading import Reread, files_now, reread, since

LOOK_EVERY_S = 1.0
PAUSE_FACTOR = 20
"""After a reading nobody looks for so many times as long as that took."""
TOLD_MAX = 20
"""Faults of single records that are told of one version; the rest is counted."""
CHANGED_MAX = 20
"""Names of changed files that are told of one version."""
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
        self._digests: dict[str, bytes] | None = None
        self._read_writes = 0
        self._blocked: set[str] = set()
        self._back: set[str] = set()
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
                self.look(at_once=True)
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
                self.look()
            pause_s = max(self._every_s, PAUSE_FACTOR * (self._clock.awake() - began_s))

    def look(self, *, at_once: bool = False) -> None:
        """Look once; with `at_once` what is there counts although it may not stand still yet."""
        known = _Known(self._state)
        try:
            if known.task_file.through:
                self._ask(known)
            else:
                self._look_at_files(known, at_once)
        except UserError as error:
            if error.text != self._trouble:
                self._found = ob.SourceUnread(known.change, error.text)
            self._read_stats, self._digests, self._trouble = None, None, error.text
        except Exception as error:  # an effect's border: a fault of a parser ends no watching
            text = f"{type(error).__name__}: {error}"[:TEXT_MAX]
            text = f"cannot read {known.task_file.shown[0]} again: {text}"
            if text != self._trouble:
                self._found = ob.SourceUnread(known.change, text)
            self._read_stats, self._trouble = self._stats, text
        finally:
            if self._found is not None:
                self._wake()

    def _look_at_files(self, known: _Known, at_once: bool) -> None:
        stats = _stats(files_now(known.task_file)[0])
        stands_still, self._stats = stats == self._stats, stats
        if not (stands_still or at_once):
            return
        is_due = self._has_come_back([each[0] for each in stats]) or self._has_written(known)
        if stats == self._read_stats and not is_due:
            return
        digests = {each[0]: _digest(each[0]) for each in stats}
        if digests != self._digests or is_due:
            # Kept before it is read: what cannot be is not read again until it is another.
            before, self._digests = self._digests, digests
            self._read_stats = stats
            self._found = self._read(known, _changed(digests, before))
        self._read_stats, self._trouble = stats, ""

    def _has_written(self, known: _Known) -> bool:
        """Whether we have written since the last reading. Then the same bytes as at that are news:
        somebody has put them back."""
        before, self._read_writes = self._read_writes, known.writes
        return known.writes != before

    def _has_come_back(self, paths: Sequence[str]) -> bool:
        """Whether some file was not there or could not be written, and can be now."""
        before = self._blocked
        self._blocked = {path for path in paths if not os.access(path, os.W_OK)}
        self._back |= before - self._blocked
        return bool(before - self._blocked)

    def _ask(self, known: _Known) -> None:
        """A program never shows a half-written text, so the first look at it counts."""
        ask, path = asking(self._world.environ), known.task_file.paths[0]
        text = document_of(known.task_file.dialect, Path(path), ask)
        digests = {path: hashlib.sha256(text.text.encode("utf-8")).digest()}
        self._back |= {path} if self._trouble else set()
        if self._has_written(known) or digests != self._digests:
            self._digests = digests
            self._found = self._read(known, (), [text])
        self._trouble = ""

    def _read(
        self,
        known: _Known,
        changed: Sequence[str],
        given: Sequence[Document] | None = None,
    ) -> Found:
        world = self._world
        try:
            read = reread(
                known.task_file,
                known.entries,
                _expected(world),
                lambda plan: _checked(world, plan),
                given,
                None if self._former is None else self._former.unread,
                known.finished,
            )
        except UserError as error:
            return ob.SourceUnread(known.change, error.text)
        before, self._former = self._former, read
        unread: tuple[Complaint, ...] = read.unread
        notes: tuple[Complaint, ...] = ()
        if before is not None:
            unread, notes = since(unread, before.unread), since(read.notes, before.notes)
        fresh = before is not None and bool(unread or notes)
        called = dict(zip(read.paths, read.shown, strict=True))
        returned = tuple(at for at, path in enumerate(read.paths) if path in self._back)
        self._back.clear()
        names = tuple(called[path] for path in changed[:CHANGED_MAX] if path in called)
        return ob.SourceSeen(
            known.change, read.records, read.paths, read.shown, _told(unread), _told(notes), fresh,
            names, returned, known.writes,
        )  # fmt: skip


class _Known:
    """What the state knows when a look begins; all that is read is compared with that."""

    def __init__(self, state: State) -> None:
        assert state.task_file is not None  # see `SourceWatch.begin`
        self.task_file = state.task_file
        self.change, self.writes = state.source.changes, state.source.writes
        self.entries = state.entries
        """Replaced as a whole, never changed: see `evolve_watching`."""
        tasks = state.task_states
        self.finished = tuple(name for name in list(tasks) if tasks[name].finished)


def _changed(now: Mapping[str, bytes], before: Mapping[str, bytes] | None) -> list[str]:
    """The paths of what is another, new, or gone; none where nothing was read before."""
    if before is None:
        return []
    return [path for path, digest in now.items() if digest != before.get(path, _digest(""))]


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


def _digest(path: str) -> bytes:
    """Of all bytes of the file; one that is not there has none."""
    own = hashlib.sha256()
    with suppress(OSError), open(path, "rb") as file:
        own = hashlib.file_digest(file, "sha256")
    return own.digest()
