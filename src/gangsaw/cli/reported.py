"""The report of a run, read from its journal: for the command, and for the last line of a run."""

from __future__ import annotations

from collections.abc import Iterator

from gangsaw.core.events import Event
from gangsaw.core.report import RunReport, report_of
from gangsaw.core.wire import decode_event
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal, open_journal

EVENTS_MAX = 50_000
"""The last line of a run has no figure that would take a look at more events than that."""


def events_of(journal: Journal, run: str) -> Iterator[tuple[float, Event]]:
    """The events of a run with their moments, in order."""
    for row in journal.read(run):
        yield row.at, decode_event(row.kind, row.body)


def read_report(journal: Journal, run: str, now: float | None) -> RunReport:
    """The report of a run; `now` (epoch seconds) if it goes on."""
    return report_of(events_of(journal, run), now)


def serial_s(control: Control, run: str) -> float | None:
    """How long all attempts would have taken one after the other; `None` of a very long log."""
    with open_journal(control.journal, writer=False) as journal:
        if journal.last_seq(run) > EVENTS_MAX:
            return None
        return read_report(journal, run, None).totals.serial_s
