"""Checks, the landing queue and conflicts of a run."""

from __future__ import annotations

from collections import Counter

from gangsaw.core.events_resolving import MODEL, PERSON
from gangsaw.core.report.seen import Seen
from gangsaw.core.report.values import CheckReport, ConflictReport, QueueReport


def check_reports(seen: Seen) -> tuple[CheckReport, ...]:
    """How often each check ran, what it said and took."""
    known = seen.state.known_checks
    return tuple(
        CheckReport(
            check=name,
            green=tally.green,
            red=tally.red,
            inconclusive=tally.inconclusive,
            repeated=tally.repeated,
            partial=tally.partial,
            seen=tally.seen,
            seconds=tally.seconds,
            cpu_s=tally.cpu_s,
            flaky=sum(known[key].flakes for key in tally.keys & known.keys()),
        )
        for name, tally in seen.follower.checks.items()
    )


def queue_report(seen: Seen) -> QueueReport:
    """Landings, batches, and how long work waited for its landing."""
    queue = seen.follower.queue
    waits = queue.waited_s
    return QueueReport(
        landings=len(waits),
        batches=queue.batches,
        runs=queue.runs,
        red=queue.red,
        sent_back=queue.sent_back,
        conflicts=queue.conflicts,
        missed=queue.missed,
        waited_s=sum(waits),
        waited_max_s=max(waits, default=0.0),
    )


def conflict_report(seen: Seen) -> ConflictReport:
    """Overlaps that were seen, and conflicts by who resolved them."""
    follower = seen.follower
    overlaps, ways = Counter(follower.overlaps.values()), Counter(follower.resolved)
    return ConflictReport(
        overlaps=len(follower.overlaps),
        overlaps_open=overlaps["open"],
        overlaps_taken_care_of=overlaps["resolved"],
        resolved_mechanically=ways.total() - ways[MODEL] - ways[PERSON],
        resolved_by_agents=ways[MODEL],
        resolved_by_people=ways[PERSON],
    )
