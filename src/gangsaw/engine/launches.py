"""The launches that are alive: their output read by offset, their end noticed, as observations."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from gangsaw.agents import Reader
from gangsaw.core.launch import Ended, OutcomeKind, TurnOutcome
from gangsaw.core.observations import (
    LaunchExited,
    LaunchLost,
    LaunchStarted,
    Noted,
    Observation,
    OutputGrew,
    WatchdogActed,
)
from gangsaw.engine.gathering import Gathered, Heard
from gangsaw.engine.prices import Pricer
from gangsaw.engine.room import Room
from gangsaw.engine.scrubbing import Scrubber
from gangsaw.engine.watchdog import acted
from gangsaw.procs import (
    Absent,
    Broken,
    Dying,
    ExitRecord,
    Finished,
    Foreign,
    Headless,
    Lost,
    NotExecuted,
    Running,
    StartedRecord,
    Starting,
    Watch,
    end_strays,
    kill,
    probe,
    settle,
    stop,
    strays,
)
from gangsaw.procs.records import read_started

CHUNK_BYTES = 1 << 18
READ_PER_LOOK = 8 << 20
"""Bytes of output read at one look. What is left is read at the next, which follows at once: the
others' turns do not wait for the one that writes most."""
OUTPUT_READ_MAX = 256 << 20
"""Of what is further behind than this only the end is read, and the first `READ_PER_LOOK` of all,
where agents name their session."""
LOOK_EVERY_S = 1.0
STARTING_LOOK_S = 0.05
STARTING_MAX_S = 30.0
STDERR_TAIL_BYTES = 16_384
NO_WORKTREE = "its worktree has vanished"
VANISHED = "its folder was removed while it was alive; whatever was left of it has been ended"


@dataclass(slots=True)
class Launch:
    """One registered launch and how far its output has been read; `behind`: there was more of it
    than one look takes. `trace` finds its processes should its folder vanish."""

    attempt: str
    launch: int
    folder: Path
    reader: Reader
    since: float
    trace: Trace
    offset: int = 0
    started: bool = False
    looked_at: float = 0.0
    behind: bool = False
    heard: Heard = field(default_factory=Heard)
    pricer: Pricer = field(default_factory=lambda: Pricer(None))


@dataclass(frozen=True, slots=True)
class Trace:
    """How the processes of a launch are found without its folder: what their mark begins with,
    and where they work or write."""

    mark_prefix: str
    places: tuple[Path, ...]

    def end(self) -> int | None:
        """KILL them all; how many there were, `None` while some are still there."""
        count = end_strays(self.mark_prefix, self.places)
        return None if strays(self.mark_prefix, self.places) else count

    def lost(self, attempt: str, launch: int, *, begun: bool, text: str) -> LaunchLost | None:
        """What is to be told of a launch whose folder knows nothing of it: the folder was removed
        under it, which ends it here, or (`text`) it never ran. `None` while it does not end."""
        ended = self.end()
        if ended is None:
            return None
        if begun or ended:
            return LaunchLost(attempt, launch, True, VANISHED)
        return LaunchLost(attempt, launch, False, text)


class Launches:
    """Registered by a lane, surveyed by the loop. The output of one that has ended is scrubbed."""

    def __init__(self, watch: Watch, room: Room, scrubber: Scrubber | None = None) -> None:
        self._watch, self._room = watch, room
        self._scrubber = scrubber or Scrubber()
        self._mutex = threading.Lock()
        self._live: dict[Path, Launch] = {}
        self._ending: dict[Path, bool] = {}
        self.activities: dict[str, str] = {}

    def register(
        self,
        attempt: str,
        launch: int,
        folder: Path,
        reader: Reader,
        trace: Trace,
        pricer: Pricer | None = None,
    ) -> None:
        """Report on this launch from now on, until its end. Registering twice is once."""
        now = time.monotonic()
        with self._mutex:
            if folder in self._live:
                return
            fresh = Launch(attempt, launch, folder, reader, now, trace)
            fresh.pricer = pricer or fresh.pricer
            self._live[folder] = fresh
        self._watch.add(folder)

    def end(self, folder: Path, *, hard: bool) -> None:
        """Ask the launch to end, now and at every look until it has: a shim that is just starting
        may not be there yet to be asked."""
        with self._mutex:
            self._ending[folder] = hard or self._ending.get(folder, False)
        _ask_to_end(folder, hard=hard)

    def look_again_s(self) -> float | None:
        """Seconds after which to survey although nothing woke us; `None` with nothing alive."""
        with self._mutex:
            live = list(self._live.values())
        if not live:
            return None
        if any(launch.behind for launch in live):
            return 0.0
        return LOOK_EVERY_S if all(launch.started for launch in live) else STARTING_LOOK_S

    def survey(self, changed: set[Path]) -> list[Observation]:
        """What the live launches have to say."""
        now = time.monotonic()
        with self._mutex:
            live = list(self._live.values())
        found: list[Observation] = []
        for launch in live:
            due = now - launch.looked_at >= LOOK_EVERY_S or not launch.started
            if launch.folder in changed or due or launch.behind:
                launch.looked_at = now
                found += self._look(launch, now)
        return found

    def _look(self, launch: Launch, now: float) -> list[Observation]:
        state = probe(launch.folder)
        if launch.folder in self._ending and isinstance(state, Running | Starting):
            _ask_to_end(launch.folder, hard=self._ending[launch.folder])
        match state:
            case Finished(record):
                seen = self._started(launch, read_started(launch.folder))
                notes = self._read(launch)
                if launch.behind:
                    return [*seen, *notes]
                acted = self._acted(launch) if record.stop_asked else []
                last = [*self._last(launch), *acted]
                return [*seen, *notes, *last, self._exited(launch, record)]
            case Lost(started, reason):
                notes = self._read(launch)
                if launch.behind:
                    return notes
                self._forget(launch)
                no_room = not started and self._room.is_to_blame(reason)
                lost = LaunchLost(launch.attempt, launch.launch, started, reason, no_room)
                last = [*self._last(launch), *self._acted(launch)]
                self._scrubber.later(launch.folder)
                return [*notes, *last, lost]
            case Absent():
                return self._absent(launch)
            case Foreign():
                return []  # left alone; an engine does not even start with such a launch alive
            case Headless() | Dying():
                # Looked at again at the next look, not at once: what cannot be ended must not
                # keep the loop busy.
                settle(launch.folder)
                return []
            case Broken(text):
                self._forget(launch)
                return [LaunchLost(launch.attempt, launch.launch, True, text)]
            case Starting():
                if now - launch.since > STARTING_MAX_S:
                    settle(launch.folder)
                return []
            case Running(started_record):
                if not launch.started:
                    self._watch.add(launch.folder)
                seen = self._started(launch, started_record)
                return [*seen, *self._read(launch)]

    def _absent(self, launch: Launch) -> list[Observation]:
        """Its shim died before it began; or the folder was removed under a live turn, which must
        be over before anything else may run."""
        lost = launch.trace.lost(
            launch.attempt, launch.launch, begun=launch.started, text="it never ran"
        )
        if lost is None:
            return []
        self._forget(launch)
        return [lost]

    def _acted(self, launch: Launch) -> list[WatchdogActed]:
        """What the watchdog did to it. Its note is there before it does anything, so it says
        nothing of a launch that nobody stopped."""
        return acted(launch.attempt, launch.launch, launch.folder)

    def _started(self, launch: Launch, record: object) -> list[Observation]:
        """That the agent runs (or ran), told once."""
        if launch.started or not isinstance(record, StartedRecord):
            return []
        launch.started = True
        level = record.containment.value
        return [LaunchStarted(launch.attempt, launch.launch, record.agent.pid, level)]

    def _forget(self, launch: Launch) -> None:
        with self._mutex:
            self._live.pop(launch.folder, None)
            self._ending.pop(launch.folder, None)
        self.activities.pop(launch.attempt, None)

    def _exited(self, launch: Launch, record: ExitRecord) -> LaunchExited:
        self._forget(launch)
        ended, outcome = self._conclude(launch, record)
        self._scrubber.later(launch.folder)
        failed = outcome.kind in (OutcomeKind.FAILED, OutcomeKind.CRASHED)
        said = f"{outcome.text}\n{_tail(launch.folder / 'err').decode('utf-8', 'replace')}"
        return LaunchExited(
            launch.attempt,
            launch.launch,
            outcome,
            ended.code,
            ended.signal,
            record.swept,
            round(record.cpu_s, 3),
            round(record.rss_max_kb / 1024, 1),
            failed and self._room.is_to_blame(said),
        )

    def _conclude(self, launch: Launch, record: ExitRecord) -> tuple[Ended, TurnOutcome]:
        match record.outcome:
            case NotExecuted("ENOENT", "chdir"):
                return Ended(127, None), TurnOutcome(OutcomeKind.FAILED, NO_WORKTREE)
            case NotExecuted(error, step):
                missing = "its program was not found" if error == "ENOENT" else f"{step}: {error}"
                text = f"cannot start the agent: {missing}; try: gangsaw doctor"
                return Ended(127, None), TurnOutcome(OutcomeKind.REFUSED, text)
            case Ended() as ended:
                told = replace(ended, at=record.at)
                return ended, launch.reader.conclude(told, _tail(launch.folder / "err"))

    def _read(self, launch: Launch) -> list[Observation]:
        """Notes in what was written since the last look, as far as one look reads."""
        launch.behind = False
        path = launch.folder / "out"
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return []
        if size <= launch.offset:
            return []
        gathered = Gathered()
        if launch.offset and size - launch.offset > OUTPUT_READ_MAX:
            # The line that is cut off here is none.
            gathered.add(launch.reader.feed(b"\n"))
            launch.offset = size - READ_PER_LOOK
        until = launch.offset + READ_PER_LOOK
        with path.open("rb") as file:
            file.seek(launch.offset)
            while launch.offset < until and (chunk := file.read(CHUNK_BYTES)):
                launch.offset += len(chunk)
                gathered.add(launch.reader.feed(chunk))
        launch.behind = launch.offset < size
        return [OutputGrew(launch.attempt, launch.launch), *self._notes(launch, gathered)]

    def _last(self, launch: Launch) -> list[Observation]:
        """Notes in a last line that has no end."""
        gathered = Gathered()
        gathered.add(launch.reader.feed(b"\n"))
        return self._notes(launch, gathered)

    def _notes(self, launch: Launch, gathered: Gathered) -> list[Observation]:
        if gathered.shown:
            self.activities[launch.attempt] = self._scrubber.secrets.text(gathered.shown)
        heard = launch.heard.listen(gathered.notes())
        priced = launch.pricer.priced(heard)
        return [Noted(launch.attempt, launch.launch, note) for note in priced]


def _ask_to_end(folder: Path, *, hard: bool) -> None:
    if hard:
        kill(folder)
    else:
        stop(folder)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - STDERR_TAIL_BYTES))
            return file.read(STDERR_TAIL_BYTES)
    except FileNotFoundError:
        return b""
