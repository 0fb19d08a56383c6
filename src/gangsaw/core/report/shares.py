"""The report by task, agent, track and slot."""

from __future__ import annotations

from gangsaw.core.phases import Phase
from gangsaw.core.report.money import money_of
from gangsaw.core.report.seen import Seen, allowed_s, pct, seconds_of, times_of
from gangsaw.core.report.values import (
    AT_WORK,
    AgentReport,
    Doing,
    SlotReport,
    Stretch,
    TaskReport,
    TrackReport,
)
from gangsaw.core.status import view


def task_report(seen: Seen, name: str) -> TaskReport:
    """What became of a task, and what it took."""
    state, follower = seen.state, seen.follower
    task, known = state.tasks[name], state.task_states[name]
    shown = view(state, name, seen.as_of)
    attempts = seen.of_task[name]
    launches = seen.launches.get(name, ())
    stretches = [each for attempt in attempts for each in seen.lines.get(attempt.id, ())]
    files, added, deleted = follower.sealed.get(name, (None, None, None))
    started, ended = known.started_at, known.ended_at
    return TaskReport(
        task=name,
        title=task.title,
        track=task.track,
        outcome=shown.status.value,
        reason=shown.reason,
        commit=known.landed_commit,
        agent=attempts[-1].agent if attempts else "",
        model=attempts[-1].model if attempts else None,
        attempts=len(attempts),
        turns=len(launches),
        crashes=sum(follower.launches[key].crashed for key in launches),
        files=files,
        added=added,
        deleted=deleted,
        started_s=None if started is None else started - seen.began,
        ended_s=None if ended is None else ended - seen.began,
        held_s=seen.held_s.get(name, 0.0),
        times=times_of(stretches),
        money=money_of(seen, launches, seen.used_by.get(name, ())),
    )


def agents_of(seen: Seen) -> list[str]:
    """Those that began an attempt or had a turn, in the order in which they first did."""
    began = [attempt.agent for attempt in seen.state.attempts.values()]
    ran = [launched.agent for launched in seen.follower.launches.values()]
    return list(dict.fromkeys([*ran, *began]))


def agent_report(seen: Seen, agent: str) -> AgentReport:
    """What an agent did, and how well its places were used."""
    state = seen.state
    attempts = [each for each in state.attempts.values() if each.agent == agent]
    launches = [k for k, launch in seen.follower.launches.items() if launch.agent == agent]
    stretches = [e for line in seen.lines.values() for e in line if e.agent == agent]
    busy_s, slots_s = seconds_of(stretches, *AT_WORK), allowed_s(seen, agent)
    landed = [
        each for each in attempts
        if each.id == state.task_states[each.task].current
        and state.task_states[each.task].finished
        # Not what people have ticked in its file, which an attempt had tried before.
        and each.phase in (Phase.LANDED, Phase.DONE)
    ]  # fmt: skip
    return AgentReport(
        agent=agent,
        models=tuple(dict.fromkeys(each.model for each in attempts if each.model)),
        attempts=len(attempts),
        turns=len(launches),
        landed=len(landed),
        work_s=seconds_of(stretches, Doing.WORK),
        review_s=seconds_of(stretches, Doing.REVIEW),
        slots_s=slots_s,
        utilisation_pct=pct(busy_s, slots_s),
        money=money_of(seen, launches, [key for key in launches if key in seen.used]),
    )


def tracks_of(seen: Seen) -> list[str]:
    """The tracks of the plan, in its order."""
    tracks = (task.track for task in seen.state.tasks.values())
    return list(dict.fromkeys(track for track in tracks if track is not None))


def track_report(seen: Seen, track: str) -> TrackReport:
    """From the first to the last thing done on a track, and how much of it was work."""
    state = seen.state
    names = [name for name, task in state.tasks.items() if task.track == track]
    stretches = [
        each
        for name in names
        for attempt in seen.of_task[name]
        for each in seen.lines.get(attempt.id, ())
    ]
    since_s = min((each.since_s for each in stretches), default=None)
    until_s = max((each.until_s for each in stretches), default=None)
    busy_s = seconds_of(stretches, *AT_WORK)
    lasted_s = 0.0 if since_s is None or until_s is None else until_s - since_s
    return TrackReport(
        track=track,
        tasks=len(names),
        landed=sum(state.task_states[name].finished for name in names),
        since_s=since_s,
        until_s=until_s,
        busy_s=busy_s,
        utilisation_pct=pct(busy_s, lasted_s),
    )


def slot_reports(seen: Seen) -> tuple[SlotReport, ...]:
    """How long each slot was held, and an agent was at work in it."""
    held: dict[int, list[tuple[str, Stretch]]] = {}
    for name, line in seen.lines.items():
        for each in line:
            if each.slot is not None:
                held.setdefault(each.slot, []).append((name, each))
    found = []
    for slot, pairs in sorted(held.items()):
        stretches = [each for _, each in pairs]
        busy_s = seconds_of(stretches, *AT_WORK)
        attempts = len({name for name, _ in pairs})
        used_pct = pct(busy_s, seen.wall_s)
        found.append(SlotReport(slot, attempts, seconds_of(stretches), busy_s, used_pct))
    return tuple(found)
