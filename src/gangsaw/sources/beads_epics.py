"""Epics of Beads: closed with the last of their tasks, opened again if it was us who did that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gangsaw.sources.beads_house import House
from gangsaw.sources.beads_records import Record
from gangsaw.sources.beads_words import CLOSED_EPIC
from gangsaw.sources.protocol import Report, Standing


def epics_of(
    house: House, now: dict[str, Standing], touched: Mapping[str, Report]
) -> Iterator[tuple[Record, Report]]:
    """The epics that these reports close, or open again if it was us who had closed them; inner
    ones first. `now` is kept up to date after each."""
    levels: dict[str, Report] = {}
    for key, report in touched.items():
        for epic in house.above(key):
            levels.setdefault(epic, report)
    order = sorted(levels, key=lambda epic: -len(house.above(epic)))
    for epic in order:
        if epic in touched:
            continue
        report, record = levels[epic], house.records[epic]
        parts = [now[each] for each in house.children.get(epic, ())]
        is_over = all(each in (Standing.DONE, Standing.DROPPED) for each in parts)
        wanted = None
        if is_over and now[epic] in (Standing.OPEN, Standing.RUNNING):
            wanted = Standing.DONE
        elif not is_over and now[epic] is Standing.DONE:
            wanted = Standing.OPEN if record.text("close_reason") == CLOSED_EPIC else None
        if wanted is not None:
            yield record, Report(epic, wanted, at=report.at)
            now[epic] = wanted
