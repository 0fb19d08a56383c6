"""A schedule: ticks, of which each begins at most one run, or goes on with one.

Facts in the order of their log make a `Schedule`; `take_due` says which ticks are to be dealt with
now, and `settle` what became of the one that was begun. Nothing here has a clock: moments come in
as epoch seconds.

A tick is recorded before its engine is started, together with the last run there was then. The
engine begins a run only while that one is still the last (see `engine/unlanded.py`), so that a tick
which is carried out twice, after a crash at whatever moment, begins one run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import assert_never

from gangsaw.core.rhythm import Dues, Rhythm, due_after, dues, first_due

RESUMES_MAX = 5
"""How often the engine of one tick is started again after it was killed."""
RESUME_PAUSE_S, RESUME_PAUSE_MAX_S = 2.0, 60.0
UNFINISHED = 130
"""The exit code of a run that was stopped before its end."""
CLOCK_SLACK_S = 60.0
"""A log from so far in the future says that the clock was set back while nobody looked."""


# --- facts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScheduleBegun:
    """`words` are the options of `gangsaw run` for each tick, given in `folder`. It lasts `for_s`
    seconds (`None`: until somebody ends it). `is_source`: `plan` is what stands behind `--from`."""

    schedule: str
    plan: str
    folder: str
    rhythm: Rhythm
    for_s: float | None = None
    words: tuple[str, ...] = ()
    repeat: bool = False
    tries_max: int = 3
    by: str = ""
    is_source: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """What names the plan on a command line."""
        return ("--from", self.plan) if self.is_source else (self.plan,)


@dataclass(frozen=True, slots=True)
class SchedulerStarted:
    """A process keeps the schedule from now on."""

    pid: int


@dataclass(frozen=True, slots=True)
class SchedulerEnded:
    """It does not any more; the schedule may go on with another."""

    reason: str


@dataclass(frozen=True, slots=True)
class TickBegun:
    """An engine is to be started. `after` is the last run there was (empty: none), with `seq` its
    last event; `goes_on` is the same run where it is unfinished and this tick goes on with it."""

    tick: int
    due: float
    after: str = ""
    goes_on: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class TickResumed:
    """The engine of the tick is to be started once more, since it was killed."""

    tick: int
    text: str


@dataclass(frozen=True, slots=True)
class TickEnded:
    """`code` is the exit code of its run; `run` is empty where it came to none."""

    tick: int
    run: str
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class TickSkipped:
    """No engine was started, and why. `code` is 0 where there was nothing to do."""

    tick: int
    due: float
    text: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class TicksMissed:
    """Ticks that nobody was awake for, told once. They are not caught up with."""

    first: int
    last: int
    due: float
    last_due: float
    text: str


@dataclass(frozen=True, slots=True)
class ClockSet:
    """Somebody set the clock by so many seconds. How long it is until something stays the same."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ClosingAsked:
    """No further tick; the schedule ends with the current one."""

    by: str


@dataclass(frozen=True, slots=True)
class ScheduleEnded:
    """It is over, and why."""

    reason: str


Fact = (
    ScheduleBegun | SchedulerStarted | SchedulerEnded | TickBegun | TickResumed | TickEnded
    | TickSkipped | TicksMissed | ClockSet | ClosingAsked | ScheduleEnded
)  # fmt: skip
FACTS: dict[str, type[Fact]] = {
    "schedule.begun": ScheduleBegun,
    "scheduler.started": SchedulerStarted,
    "scheduler.ended": SchedulerEnded,
    "tick.begun": TickBegun,
    "tick.resumed": TickResumed,
    "tick.ended": TickEnded,
    "tick.skipped": TickSkipped,
    "ticks.missed": TicksMissed,
    "clock.set": ClockSet,
    "closing.asked": ClosingAsked,
    "schedule.ended": ScheduleEnded,
}
"""Name in the log → what it is."""
NAMES = {cls: name for name, cls in FACTS.items()}


# --- what they come to ---------------------------------------------------------------------------


@dataclass(slots=True)
class Schedule:
    """What is known of the last schedule of a log. Moments are epoch seconds.

    `handled` is when the last tick was due that was dealt with in any way, `ticks` its number.
    """

    begun: ScheduleBegun | None = None
    begun_at: float = 0.0
    end_at: float | None = None
    handled: float | None = None
    ticks: int = 0
    current: TickBegun | None = None
    current_since: float = 0.0
    resumes: int = 0
    ran: int = 0
    skipped: int = 0
    missed: int = 0
    code: int = 0
    last: TickEnded | TickSkipped | None = None
    closing: str = ""
    ended: str = ""
    pid: int | None = None
    scheduler_since: float = 0.0
    last_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether there is one that has not ended."""
        return self.begun is not None and not self.ended


def evolve(state: Schedule, fact: Fact, at: float) -> Schedule:
    """The schedule after one more fact: the same value, changed, or a fresh one."""
    state.last_at = at
    match fact:
        case ScheduleBegun():
            end_at = None if fact.for_s is None else at + fact.for_s
            return Schedule(begun=fact, begun_at=at, end_at=end_at, last_at=at)
        case SchedulerStarted():
            state.pid, state.scheduler_since = fact.pid, at
        case SchedulerEnded():
            state.pid = None
        case TickBegun():
            state.current, state.current_since, state.resumes = fact, at, 0
            state.ticks, state.handled, state.ran = fact.tick, fact.due, state.ran + 1
        case TickResumed():
            state.resumes += 1
        case TickEnded():
            state.current, state.last, state.code = None, fact, fact.code
        case TickSkipped():
            state.ticks, state.handled, state.skipped = fact.tick, fact.due, state.skipped + 1
            state.last = fact
            if state.current is None:
                state.code = fact.code
        case TicksMissed():
            state.ticks, state.handled = fact.last, fact.last_due
            state.missed += fact.last - fact.first + 1
        case ClockSet():
            _shift(state, fact.seconds, at)
        case ClosingAsked():
            state.closing = fact.by
        case ScheduleEnded():
            state.ended, state.pid = fact.reason, None
        case _:
            assert_never(fact)
    return state


def _shift(state: Schedule, seconds: float, at: float) -> None:
    if state.end_at is not None:
        state.end_at += seconds
    if state.begun is not None and state.begun.rhythm.every_s:
        state.begun_at += seconds
        state.handled = None if state.handled is None else state.handled + seconds
    elif state.handled is not None:
        # Cron text goes by what the clock shows: an hour shown twice has its ticks twice.
        state.handled = min(state.handled, at)


# --- what is to be done --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A tick to deal with now: to begin, or to say why not. `late_s` is how long ago it was due."""

    tick: int
    due: float
    late_s: float


def look(state: Schedule, now: float, zone: tzinfo) -> Dues:
    """What is due, and when the next tick is; nothing of a schedule that ends."""
    if state.begun is None or state.ended or state.closing:
        return Dues()
    rhythm = state.begun.rhythm
    if state.handled is None:
        first = first_due(rhythm, state.begun_at, zone)
    else:
        first = due_after(rhythm, state.handled, zone)
    return dues(rhythm, first, now, state.end_at, zone)


def take_due(
    state: Schedule, now: float, zone: tzinfo, cause: str
) -> tuple[TicksMissed | None, Due | None]:
    """Ticks that were missed for `cause`, told once; and the one to deal with now. Of several that
    are due only the latest is dealt with: the others would have found the same work."""
    found = look(state, now, zone)
    missed = None
    if found.missed:
        first, last = state.ticks + 1, state.ticks + found.missed
        missed = TicksMissed(first, last, found.first_missed, found.last_missed, cause)
    if found.due is None:
        return missed, None
    return missed, Due(state.ticks + found.missed + 1, found.due, max(0.0, now - found.due))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the world shows of a tick. `engine`: somebody holds the engine's lock. `child`: the
    process that we started lives; `child_code` is its exit code once it has ended (negative: by
    that signal), `None` if it is unknown, as of one that a former scheduler started; `said` is the
    end of its output. `run` is the last run with its last event `seq` and what its row says; `cut`:
    its engine ended without a word."""

    engine: bool = False
    child: bool = False
    child_code: int | None = None
    said: str = ""
    run: str = ""
    seq: int = 0
    cut: bool = False
    code: int | None = None
    words: str = ""


def settle(state: Schedule, seen: Seen, now: float) -> TickEnded | TickResumed | None:
    """What became of the current tick; `None` while it goes on. A tick whose engine was killed is
    resumed, and nothing is resumed after the schedule's end."""
    tick = state.current
    if tick is None or seen.engine or seen.child:
        return None
    begun_here = bool(seen.run) and seen.run != tick.after
    moved = bool(seen.run) and seen.run == tick.goes_on and seen.seq > tick.seq
    run = seen.run if begun_here or moved else ""
    if run and not seen.cut:
        return TickEnded(tick.tick, run, UNFINISHED if seen.code is None else seen.code, seen.words)
    if seen.child_code is not None and seen.child_code >= 0:
        return TickEnded(tick.tick, run, seen.child_code, seen.said)
    if is_closing(state, now):
        text = "was cut short; to go on with it: gangsaw run" if run else "never began"
        return TickEnded(tick.tick, run, UNFINISHED, text)
    if state.resumes >= RESUMES_MAX:
        text = f"its engine was killed {state.resumes + 1} times"
        return TickEnded(tick.tick, run, 1, f"{text}; see: gangsaw schedule logs {tick.tick}")
    text = f"{run} was cut short and goes on" if run else "its engine was cut short and starts anew"
    return TickResumed(tick.tick, text)


def resume_pause_s(state: Schedule) -> float:
    """How long to wait before the current tick is resumed; 0 for the first time."""
    if not state.resumes:
        return 0.0
    return float(min(RESUME_PAUSE_MAX_S, RESUME_PAUSE_S * 2 ** (state.resumes - 1)))


def is_closing(state: Schedule, now: float) -> bool:
    """Whether no further tick is to begin."""
    return bool(state.closing) or (state.end_at is not None and now >= state.end_at)


def over(state: Schedule, now: float, zone: tzinfo) -> str:
    """Why the schedule is over now; empty while it is not."""
    if not state.is_open or state.current is not None:
        return ""
    if state.closing:
        return f"ended by {state.closing}"
    found = look(state, now, zone)
    return "" if found.due is not None or found.next is not None else "its last tick is done"


def is_spent(state: Schedule, now: float, zone: tzinfo) -> bool:
    """Whether no tick of it can begin any more, though the current one may still go on."""
    found = look(state, now, zone)
    return found.due is None and found.next is None


def set_back(state: Schedule, now: float) -> ClockSet | None:
    """That the clock was set back while no scheduler was there to notice."""
    off_s = now - state.last_at
    return ClockSet(off_s) if state.is_open and off_s < -CLOCK_SLACK_S else None


def same_order(one: ScheduleBegun, other: ScheduleBegun) -> bool:
    """Whether they ask for the same, whoever asked when."""
    return replace(one, schedule="", by="") == replace(other, schedule="", by="")
