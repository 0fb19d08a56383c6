"""Follows a run event by event and writes down what the report needs: who was at what, when, in
which slot; what launches used; what checks and the landing queue did.

What an attempt is at is read from the phase table, by the one `evolve` that everything else uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gangsaw.core import events as ev
from gangsaw.core import events_radar as radar
from gangsaw.core import events_resolving as resolving
from gangsaw.core.events_governor import MachineGoverned
from gangsaw.core.events_machine import MachineMeasured
from gangsaw.core.evolve import evolve
from gangsaw.core.launch import OutcomeKind
from gangsaw.core.machine import Level
from gangsaw.core.measures import Measure
from gangsaw.core.model import TurnKind
from gangsaw.core.phases import ENDED, HOLDS_SLOT, Phase
from gangsaw.core.report.noted import Allowed, Engines, Freed, Launched, Open, Queue, Tally
from gangsaw.core.report.values import Doing, Stretch
from gangsaw.core.report.waits import Waits
from gangsaw.core.state import Attempt, State
from gangsaw.core.terms import Cause, CheckResult, Judgement

At = tuple[float, ev.Event]

_BY_PHASE = {
    Phase.PREPARING: Doing.SET_UP,
    Phase.READY: Doing.SET_UP,
    Phase.STARTING: Doing.SET_UP,
    Phase.EXITED: Doing.SET_UP,
    Phase.INSPECTING: Doing.SET_UP,
    Phase.VERIFYING: Doing.CHECK,
    Phase.VERIFIED: Doing.WAIT,
    Phase.RETURNED: Doing.WAIT,
    Phase.PARKED: Doing.WAIT,
    Phase.REVIEWING: Doing.WAIT,
    Phase.QUEUED: Doing.QUEUE,
    Phase.LANDING: Doing.LANDING,
}


def doing_of(attempt: Attempt) -> Doing | None:
    """What the attempt is at; `None` once it is over."""
    if attempt.phase in (Phase.RUNNING, Phase.STOPPING):
        if not attempt.started:
            return Doing.SET_UP
        return Doing.REVIEW if attempt.why is TurnKind.REVIEW else Doing.WORK
    return _BY_PHASE.get(attempt.phase)


class Follower:
    """The fold. `state` is the run's own; everything else is written down beside it."""

    def __init__(self) -> None:
        self.state = State()
        self.waits = Waits(self.state)
        self.last_at = 0.0
        self.stretches: dict[str, list[Stretch]] = {}
        self.open: dict[str, Open] = {}
        self.freed: list[Freed] = []
        self.launches: dict[tuple[str, int], Launched] = {}
        self.failed: dict[str, tuple[str, bool]] = {}
        """Attempt → why it ended without landing, and whether that counted."""
        self.returned: dict[str, int] = {}
        self.sealed: dict[str, tuple[int, int, int]] = {}
        """Task → size of the last change that was sealed."""
        self.finished: list[tuple[float, str]] = []
        """Every landing, and every end of a task without worktree, in order."""
        self.checks: dict[str, Tally] = {}
        self.queue = Queue()
        self.overlaps: dict[str, str] = {}
        """Key → `open`, `ended` or `resolved`."""
        self.resolved: list[str] = []
        self.engines = Engines()
        self.jumps = 0
        self.pressed: list[tuple[float, bool]] = []
        """Moments at which the machine was, or no longer was, short of memory or disk."""
        self.short = {"disk": False, "memory": False}
        self.stopped: set[tuple[str, int]] = set()
        """Launches that were stopped for want of memory."""
        self.governed: list[MachineGoverned] = []
        self.measures: list[tuple[float, Measure]] = []
        self.allowed: list[Allowed] = []
        self._free: set[int] = set()
        self._slots = 0

    def follow(self, events: Iterable[At]) -> Follower:
        """Take in events with their moments, in order; the events of one turn have the same."""
        moment: float | None = None
        for at, event in events:
            if moment is not None and at != moment:
                self.waits.look(moment)
            moment = at
            self._take(event, at)
        if moment is not None:
            self.waits.look(moment)
        return self

    def _take(self, event: ev.Event, at: float) -> None:
        state = self.state
        before = state.attempts.get(event.subject)
        note = _NOTES.get(type(event))
        if note is not None:
            note(self, event, at, before)
        limits, seating = state.limits, state.seating
        evolve(state, event, at)
        if state.limits is not limits or state.seating is not seating:
            self.allowed.append(Allowed(at, state.limits, state.seating))
        after = state.attempts.get(event.subject)
        if after is not None and after is not before:
            self._move(after, at)
        self.last_at = at

    def _move(self, attempt: Attempt, at: float) -> None:
        """Begin a new stretch where the attempt is at something else now."""
        doing, known = doing_of(attempt), self.open.get(attempt.id)
        slot = self._slot_of(attempt, known, at)
        if known is not None:
            if (known.doing, known.slot, known.agent) == (doing, slot, attempt.seat):
                return
            self.stretches[attempt.id].append(self._closed(known, at))
        if doing is None:
            self.open.pop(attempt.id, None)
            return
        self.stretches.setdefault(attempt.id, [])
        self.open[attempt.id] = Open(doing, at, slot, attempt.seat)

    def _closed(self, known: Open, at: float) -> Stretch:
        began = self.state.started_at
        return Stretch(known.doing, known.since - began, at - began, known.slot, known.agent)

    def _slot_of(self, attempt: Attempt, known: Open | None, at: float) -> int | None:
        had = known.slot if known is not None else None
        holds = attempt.phase in HOLDS_SLOT or attempt.phase is Phase.VERIFIED
        if holds and had is None:
            if not self._free:
                self._slots += 1
                return self._slots
            lowest = min(self._free)
            self._free.remove(lowest)
            return lowest
        if had is not None and not holds:
            self._free.add(had)
            self.freed.append(Freed(at, attempt.id, attempt.phase in ENDED))
        elif attempt.phase in ENDED and known is not None:
            self.freed.append(Freed(at, attempt.id, ended=True))
        return had if holds else None

    def lines(self, until: float) -> dict[str, tuple[Stretch, ...]]:
        """Attempt → its stretches, those that go on up to `until` (epoch seconds)."""
        found = {name: list(known) for name, known in self.stretches.items()}
        for name, known in self.open.items():
            found[name].append(self._closed(known, max(until, known.since)))
        return {
            name: tuple(each for each in known if each.until_s > each.since_s)
            for name, known in found.items()
        }

    def count_checks(self, results: tuple[CheckResult, ...], *, partial: bool = False) -> None:
        """Write down what checks (`partial`: some of their tests) said of one tree."""
        for result in results:
            tally = self.checks.setdefault(result.name, Tally())
            tally.keys.add(result.of)
            if result.seen_at:
                tally.seen += 1
                continue
            if partial:
                tally.partial += 1
            else:
                tally.green += result.judgement is Judgement.PASSED
                tally.red += result.judgement is Judgement.FAILED
                tally.inconclusive += result.judgement is Judgement.INCONCLUSIVE
                tally.repeated += result.red_runs
            tally.seconds += result.duration_s
            tally.cpu_s += result.cpu_s


# --- what single events tell besides -------------------------------------------------------------

Note = Callable[[Follower, Any, float, Attempt | None], None]


def _turn_started(who: Follower, event: ev.TurnStarted, at: float, before: Attempt | None) -> None:
    if before is not None:
        who.launches[event.attempt, event.launch] = Launched(event.attempt, before.seat)


def _turn_ended(
    who: Follower, event: ev.TurnExited | ev.TurnLost, at: float, before: Attempt | None
) -> None:
    launched = who.launches.get((event.attempt, event.launch))
    if launched is None or before is None:
        return
    launched.ended = True
    unwished = before.stop_cause is None and not event.no_room
    if isinstance(event, ev.TurnLost):
        launched.crashed = unwished
        return
    launched.crashed = unwished and event.outcome is OutcomeKind.CRASHED
    launched.cpu_s, launched.memory_max_mb = event.cpu_s, event.memory_max_mb


def _verdict(who: Follower, event: ev.VerdictReached, at: float, before: Attempt | None) -> None:
    who.count_checks(event.results)


def _after(who: Follower, event: ev.AfterJudged, at: float, before: Attempt | None) -> None:
    who.count_checks(event.results)


def _judged(who: Follower, event: ev.CandidateJudged, at: float, before: Attempt | None) -> None:
    who.count_checks(event.results, partial=bool(event.only))
    if event.results:
        who.queue.runs += 1
        who.queue.red += event.judgement is Judgement.FAILED


def _found(who: Follower, event: ev.WorkFound, at: float, before: Attempt | None) -> None:
    if before is not None:
        who.sealed[before.task] = (event.files, event.added, event.deleted)


def _queued(who: Follower, event: ev.ChangeQueued, at: float, before: Attempt | None) -> None:
    who.queue.since.setdefault(event.attempt, at)


def _returned(who: Follower, event: ev.WorkReturned, at: float, before: Attempt | None) -> None:
    who.returned[event.cause.value] = who.returned.get(event.cause.value, 0) + 1
    who.queue.since.pop(event.attempt, None)
    if before is not None and before.phase is Phase.LANDING:
        who.queue.sent_back += 1


def _failed(who: Follower, event: ev.AttemptFailed, at: float, before: Attempt | None) -> None:
    who.failed[event.attempt] = (event.cause.value, event.counts)
    who.queue.since.pop(event.attempt, None)


def _landed(who: Follower, event: ev.Landed, at: float, before: Attempt | None) -> None:
    if before is not None:
        who.finished.append((at, event.task))
        since = who.queue.since.pop(event.attempt, at)
        who.queue.waited_s.append(max(0.0, at - since))


def _done(who: Follower, event: ev.TaskDone, at: float, before: Attempt | None) -> None:
    who.finished.append((at, event.task))


def _batch(who: Follower, event: ev.BatchFormed, at: float, before: Attempt | None) -> None:
    who.queue.batches += 1


def _clash(who: Follower, event: ev.CandidateConflicted, at: float, _: Attempt | None) -> None:
    who.queue.conflicts += 1


def _missed(who: Follower, event: ev.LandingMissed, at: float, before: Attempt | None) -> None:
    who.queue.missed += 1


def _seen(who: Follower, event: radar.OverlapSeen, at: float, before: Attempt | None) -> None:
    who.overlaps.setdefault(event.key, "open")


def _over(who: Follower, event: radar.OverlapEnded, at: float, before: Attempt | None) -> None:
    if who.overlaps.get(event.key) == "open":
        who.overlaps[event.key] = "ended"


def _cared(who: Follower, event: radar.OverlapResolved, at: float, _: Attempt | None) -> None:
    who.overlaps[event.key] = "resolved"


def _resolved(who: Follower, event: resolving.ConflictResolved, at: float, _: object) -> None:
    who.resolved.append(event.how)


def _engine_up(who: Follower, event: ev.EngineStarted, at: float, _: object) -> None:
    engines = who.engines
    if engines.starts:
        engines.down_s += max(0.0, at - who.last_at)
    engines.crashes += engines.up
    engines.starts += 1
    engines.up = True


def _engine_down(who: Follower, event: ev.EngineStopped, at: float, _: object) -> None:
    who.engines.up = False


def _jumped(who: Follower, event: ev.ClockJumped, at: float, _: object) -> None:
    who.jumps += event.why is ev.Jump.SET


def _measured(who: Follower, event: MachineMeasured, at: float, _: object) -> None:
    who.measures.append((at, event.measure))


def _pressed(who: Follower, event: ev.PressureChanged, at: float, _: object) -> None:
    who.short["disk"] = event.level is not ev.Pressure.NONE
    who.pressed.append((at, any(who.short.values())))


def _governed(who: Follower, event: MachineGoverned, at: float, _: object) -> None:
    who.governed.append(event)
    who.short["memory"] = event.governed.level is not Level.NONE
    who.pressed.append((at, any(who.short.values())))


def _stop(who: Follower, event: ev.StopWanted, at: float, before: Attempt | None) -> None:
    if before is not None and event.cause is Cause.MEMORY:
        who.stopped.add((event.attempt, before.launch))


_NOTES: dict[type[Any], Note] = {
    ev.TurnStarted: _turn_started,
    ev.TurnExited: _turn_ended,
    ev.TurnLost: _turn_ended,
    ev.VerdictReached: _verdict,
    ev.AfterJudged: _after,
    ev.CandidateJudged: _judged,
    ev.WorkFound: _found,
    ev.ChangeQueued: _queued,
    ev.WorkReturned: _returned,
    ev.AttemptFailed: _failed,
    ev.Landed: _landed,
    ev.TaskDone: _done,
    ev.BatchFormed: _batch,
    ev.CandidateConflicted: _clash,
    ev.LandingMissed: _missed,
    radar.OverlapSeen: _seen,
    radar.OverlapEnded: _over,
    radar.OverlapResolved: _cared,
    resolving.ConflictResolved: _resolved,
    ev.EngineStarted: _engine_up,
    ev.EngineStopped: _engine_down,
    ev.ClockJumped: _jumped,
    ev.PressureChanged: _pressed,
    MachineMeasured: _measured,
    MachineGoverned: _governed,
    ev.StopWanted: _stop,
}
