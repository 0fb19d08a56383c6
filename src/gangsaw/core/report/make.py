"""From what was written down to the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gangsaw.core.model import task_of
from gangsaw.core.report.delays import chain_of, retries_of, returned_of, waits_of
from gangsaw.core.report.follow import At, Follower
from gangsaw.core.report.landings import check_reports, conflict_report, queue_report
from gangsaw.core.report.machine import machine_of
from gangsaw.core.report.money import spent_of
from gangsaw.core.report.seen import Seen, allowed_s, pct, seconds_of, times_of
from gangsaw.core.report.shares import (
    agent_report,
    agents_of,
    slot_reports,
    task_report,
    track_report,
    tracks_of,
)
from gangsaw.core.report.values import AT_WORK, BY_ITSELF, AttemptLine, RunReport, Totals, at_once
from gangsaw.core.status import Status, view


def report_of(events: Iterable[At], now: float | None = None) -> RunReport:
    """The report of a run from its events with their moments, in order, from the first on.

    `now` (epoch seconds): the run goes on, and what goes on is measured up to then; without it, up
    to the run's end or its last event. Raises `ValueError` where there are no events.
    """
    follower = Follower().follow(events)
    if not follower.state.run:
        raise ValueError("a log that begins with no run")
    return _report(Seen(follower, now))


def _report(seen: Seen) -> RunReport:
    state = seen.state
    return RunReport(
        run=state.run,
        goal=state.goal,
        state=state.end.value if state.end is not None else "open",
        target=state.target,
        integration=state.integration,
        started_at=seen.began,
        ended_at=state.ended_at,
        as_of=seen.as_of,
        totals=totals_of(seen),
        tasks=tuple(task_report(seen, name) for name in state.tasks),
        agents=tuple(agent_report(seen, name) for name in agents_of(seen)),
        tracks=tuple(track_report(seen, name) for name in tracks_of(seen)),
        slots=slot_reports(seen),
        chain=chain_of(seen),
        retries=retries_of(seen),
        returned=returned_of(seen),
        waits=waits_of(seen),
        checks=check_reports(seen),
        queue=queue_report(seen),
        conflicts=conflict_report(seen),
        spent=spent_of(seen),
        machine=machine_of(seen),
        timeline=tuple(
            AttemptLine(name, task_of(name), stretches) for name, stretches in seen.lines.items()
        ),
    )


def totals_of(seen: Seen) -> Totals:
    """The run as a whole."""
    follower, state = seen.follower, seen.state
    every = [each for line in seen.lines.values() for each in line]
    outcomes = Counter(view(state, name, seen.as_of).status for name in state.tasks)
    known = (Status.LANDED, Status.DONE, Status.FAILED, Status.NEEDS_YOU, Status.CANCELLED)
    serial_s, busy_s = seconds_of(every, *BY_ITSELF), seconds_of(every, *AT_WORK)
    slots_s = allowed_s(seen, "")
    return Totals(
        wall_s=seen.wall_s,
        serial_s=serial_s,
        speedup=serial_s / seen.wall_s if seen.wall_s else None,
        slots_s=slots_s,
        held_s=sum(each.seconds for each in every if each.slot is not None),
        busy_s=busy_s,
        utilisation_pct=pct(busy_s, slots_s),
        busy_max=max((count for _, count in at_once(every)), default=0),
        times=times_of(every),
        tasks=len(state.tasks),
        landed=outcomes[Status.LANDED],
        done=outcomes[Status.DONE],
        failed=outcomes[Status.FAILED],
        needs_you=outcomes[Status.NEEDS_YOU],
        cancelled=outcomes[Status.CANCELLED],
        undone=outcomes[Status.UNDONE],
        open=len(state.tasks) - sum(outcomes[each] for each in (*known, Status.UNDONE)),
        attempts=len(state.attempts),
        turns=len(follower.launches),
        engine_starts=follower.engines.starts,
        engine_crashes=follower.engines.crashes,
        down_s=follower.engines.down_s,
        clock_jumps=follower.jumps,
    )
