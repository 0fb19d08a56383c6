"""A schedule as an object, as lines, and its log told line by line."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from gangsaw.core import schedule as sc
from gangsaw.core.rhythm import Rhythm
from gangsaw.core.schedule import Fact, Schedule
from gangsaw.core.spans import length, span
from gangsaw.views.text import count_of, flat

SCHEMA_VERSION = 1
TEXT_MAX = 300
LATE_MIN_S = 5.0
"""A tick that began so much after it was due is said to be late."""


def rhythm_text(rhythm: Rhythm) -> str:
    """`every 10m`, or `by cron "0 3 * * *" (Europe/Vienna)`."""
    if rhythm.every_s:
        return f"every {length(rhythm.every_s)}"
    return f'by cron "{rhythm.cron}"' + (f" ({rhythm.zone})" if rhythm.zone else "")


def schedule_object(
    state: Schedule, now: float, zone: tzinfo, pid: int | None, run: str
) -> dict[str, Any]:
    """The object of `gangsaw schedule status --json`. `pid` keeps the schedule, `run` is the one
    that the current tick has begun or gone on with (empty: none yet)."""
    begun = state.begun
    assert begun is not None
    found = sc.look(state, now, zone)
    current, last = state.current, state.last
    upcoming = found.due if found.due is not None else found.next
    return {
        "schema_version": SCHEMA_VERSION,
        "schedule": begun.schedule,
        "state": _state(state, pid),
        "reason": state.ended,
        "plan": begun.plan,
        "every_s": begun.rhythm.every_s or None,
        "cron": begun.rhythm.cron or None,
        "zone": begun.rhythm.zone,
        "repeat": begun.repeat,
        "begun_at": state.begun_at,
        "end_at": state.end_at,
        "next_at": upcoming,
        "next_tick": None if upcoming is None else state.ticks + found.missed + 1,
        "ticks": state.ticks,
        "ran": state.ran,
        "skipped": state.skipped,
        "missed": state.missed,
        "pid": pid,
        "current": None if current is None else {
            "tick": current.tick, "due": current.due, "since": state.current_since, "run": run,
            "resumes": state.resumes,
        },
        "last": None if last is None else {
            "tick": last.tick, "run": last.run if isinstance(last, sc.TickEnded) else "",
            "code": last.code, "text": last.text,
        },
        "exit_code": state.code,
    }  # fmt: skip


def _state(state: Schedule, pid: int | None) -> str:
    if state.ended:
        return "ended"
    if pid is None:
        return "unkept"
    return "closing" if state.closing else "kept"


def schedule_text(found: dict[str, Any], now: float) -> list[str]:
    """The same as lines."""
    rhythm = Rhythm(found["every_s"] or 0.0, found["cron"] or "", found["zone"])
    head = f"{found['schedule']} · {found['plan']} {rhythm_text(rhythm)}"
    if found["end_at"] is not None:
        head += f" until {_when(found['end_at'], now)}"
    lines = [head]
    counts = f"{count_of(found['ticks'], 'tick')} so far: {found['ran']} ran, "
    lines.append(f"{counts}{found['skipped']} skipped, {found['missed']} missed")
    if (current := found["current"]) is not None:
        run = f" · {current['run']}" if current["run"] else ""
        ago = span(now - current["since"])
        lines.append(f"now   tick {current['tick']}{run} · began {ago} ago; see: gangsaw status")
    if (last := found["last"]) is not None:
        run = f"{last['run']} · " if last["run"] else ""
        text = flat(last["text"], TEXT_MAX)
        lines.append(f"last  tick {last['tick']} · {run}{text} · exit {last['code']}")
    return [*lines, *_coming(found, now)]


def _coming(found: dict[str, Any], now: float) -> list[str]:
    match found["state"]:
        case "ended":
            return [f"over: {found['reason']}"]
        case "unkept":
            return ["nobody keeps it: no tick will come; to go on with it: gangsaw schedule up"]
        case "closing":
            return ["it ends with the current tick"]
    if found["next_at"] is None:
        return ["no further tick"]
    wait = span(found["next_at"] - now)
    return [
        f"next  tick {found['next_tick']} at {_when(found['next_at'], now)}, in {wait} "
        f"(pid {found['pid']})"
    ]


def _when(at: float, now: float) -> str:
    """The time of day, with the date where it is another day."""
    moment, today = datetime.fromtimestamp(at), datetime.fromtimestamp(now)
    return moment.strftime("%H:%M:%S" if moment.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def fact_line(fact: Fact, at: float) -> str:
    """One line of the log, for people."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}  {_told(fact, at)}"


def _told(fact: Fact, at: float) -> str:
    match fact:
        case sc.ScheduleBegun():
            long = "" if fact.for_s is None else f" for {length(fact.for_s)}"
            by = f", by {fact.by}" if fact.by else ""
            what = f"{' '.join(fact.named)} {rhythm_text(fact.rhythm)}"
            return f"{fact.schedule} begun: {what}{long}{by}"
        case sc.SchedulerStarted():
            return f"kept by gangsaw (pid {fact.pid})"
        case sc.SchedulerEnded():
            return f"not kept any more ({fact.reason}); to go on: gangsaw schedule up"
        case sc.TickBegun():
            what = f"goes on with {fact.goes_on}" if fact.goes_on else "begins a run"
            late = f", {span(at - fact.due)} late" if at - fact.due >= LATE_MIN_S else ""
            return f"tick {fact.tick} {what} (due {_due(fact.due)}{late})"
        case sc.TickResumed():
            return f"tick {fact.tick} resumed: {fact.text}"
        case sc.TickEnded():
            run = f"{fact.run} " if fact.run else ""
            return f"tick {fact.tick} ended: {run}{flat(fact.text, TEXT_MAX)} · exit {fact.code}"
        case sc.TickSkipped():
            code = f" · exit {fact.code}" if fact.code else ""
            text = flat(fact.text, TEXT_MAX)
            return f"tick {fact.tick} skipped (due {_due(fact.due)}): {text}{code}"
        case sc.TicksMissed():
            return _missed(fact)
        case sc.ClockSet():
            way = "forward" if fact.seconds > 0 else "back"
            return f"the clock was set {way} by {span(abs(fact.seconds))}; what is due moves along"
        case sc.ClosingAsked():
            return f"{fact.by} asked for the end: no further tick"
        case sc.ScheduleEnded():
            return f"over: {fact.reason}"


def _missed(fact: sc.TicksMissed) -> str:
    if fact.first == fact.last:
        return f"tick {fact.first} missed (due {_due(fact.due)}): {fact.text}"
    return (
        f"ticks {fact.first} to {fact.last} missed (due {_due(fact.due)} to "
        f"{_due(fact.last_due)}): {fact.text}"
    )


def _due(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%H:%M:%S}"
