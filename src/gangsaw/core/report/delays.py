"""Why a run took as long as it did."""

from __future__ import annotations

from gangsaw.core.report.critical import Facts, critical_chain
from gangsaw.core.report.seen import Seen, seconds_of
from gangsaw.core.report.values import AT_WORK, Link, Retry, Returned, Wait


def chain_of(seen: Seen) -> tuple[Link, ...]:
    """What, one after the other, the last landing had to wait for; empty where nothing landed."""
    follower, state = seen.follower, seen.state
    if not follower.finished:
        return ()
    last_at, last = max(follower.finished, key=lambda each: each[0])
    facts = Facts(
        needs={name: task.needs for name, task in state.tasks.items()},
        attempts=seen.of_task,
        lines=seen.lines,
        landings={task: at - seen.began for at, task in follower.finished},
        ends_s={
            name: line[-1].until_s if line else state.attempts[name].since - seen.began
            for name, line in seen.lines.items()
        },
        freed=follower.freed,
        holds=follower.waits.before,
        began_at=seen.began,
    )
    return critical_chain(facts, last, last_at - seen.began)


def retries_of(seen: Seen) -> tuple[Retry, ...]:
    """Failed attempts by cause."""
    by_cause: dict[str, list[tuple[str, bool]]] = {}
    for name, (cause, counted) in seen.follower.failed.items():
        by_cause.setdefault(cause, []).append((name, counted))
    return tuple(
        Retry(
            cause=cause,
            attempts=len(found),
            counted=sum(counted for _, counted in found),
            lost_s=sum(seconds_of(seen.lines.get(name, ()), *AT_WORK) for name, _ in found),
        )
        for cause, found in sorted(by_cause.items())
    )


def returned_of(seen: Seen) -> tuple[Returned, ...]:
    """How often work went back to its agent, by why."""
    return tuple(Returned(*each) for each in sorted(seen.follower.returned.items()))


def waits_of(seen: Seen) -> tuple[Wait, ...]:
    """What tasks waited for, the longest first."""
    by_reason: dict[str, dict[str, float]] = {}
    for (task, reason), seconds in seen.waits.items():
        if seconds > 0.0:
            by_reason.setdefault(reason, {})[task] = seconds
    found = []
    for reason, tasks in by_reason.items():
        longest = max(tasks, key=lambda task: (tasks[task], task))
        total_s = sum(tasks.values())
        found.append(Wait(reason, len(tasks), total_s, tasks[longest], longest))
    return tuple(sorted(found, key=lambda wait: (-wait.seconds, wait.reason)))
