"""What other runs of the repository have used on a day, from their own events."""

from __future__ import annotations

from gangsaw.core.days import begins_at, day_of
from gangsaw.core.observations import ElsewhereSpent
from gangsaw.store.journal import Journal

_KIND = "usage.reported"


def spent_elsewhere(journal: Journal, run: str, now: float) -> ElsewhereSpent:
    """What all runs but this one have used on the day of this moment. Only one engine works on a
    repository at a time: while this one does, no other run uses anything."""
    day = day_of(now)
    begin = begins_at(day)
    tokens, reported, estimated = 0, 0.0, 0.0
    for row in journal.runs():
        if row.run == run or (row.ended_at is not None and row.ended_at < begin):
            continue
        last: dict[tuple[str, int], tuple[int, float, float]] = {}
        for event in journal.read(row.run):
            if event.kind != _KIND or event.at >= begins_at(day + 1):
                continue
            body = event.body
            key = (event.subject, body["launch"])
            cost, guess = body["cost_usd"], body.get("estimated_usd")
            used = (
                body["input_tokens"] + body["output_tokens"] + body["cached_tokens"],
                cost or 0.0,
                (guess or 0.0) if cost is None else 0.0,
            )
            before = last.get(key, (0, 0.0, 0.0))
            last[key] = used
            if event.at >= begin:
                tokens += used[0] - before[0]
                reported += used[1] - before[1]
                estimated += used[2] - before[2]
    return ElsewhereSpent(day, tokens, round(reported, 9), round(estimated, 9))
