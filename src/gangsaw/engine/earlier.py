"""What earlier runs of this repository have taught of how long things take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gangsaw.core.durations import Durations
from gangsaw.core.events import Event
from gangsaw.core.learning import RULES, Learned, learn
from gangsaw.core.wire import decode_event
from gangsaw.store.journal import Journal, open_journal

RUNS_MAX = 20
EVENTS_MAX = 10_000
"""No more of them, the latest, are looked at when a run begins: that is a tenth of a second."""

_KINDS = frozenset(event.kind for event in RULES)


def durations_of(journal: Journal) -> Durations:
    """What the latest runs in the journal teach, to be written down."""
    return learned_of(journal).written_down()


def learned_of(journal: Journal) -> Learned:
    """What the latest runs in the journal teach."""
    chosen: list[tuple[str, int]] = []
    left = EVENTS_MAX
    for row in reversed(journal.runs()[-RUNS_MAX:]):
        last = journal.last_seq(row.run)
        chosen.append((row.run, max(0, last - left)))
        left -= min(last, left)
        if not left:
            break
    return learn(_teaching(journal, *each) for each in reversed(chosen))


def learned_at(path: Path) -> Learned:
    """The same of the journal at this path; nothing where there is none."""
    if not path.exists():
        return Learned()
    with open_journal(path, writer=False) as journal:
        return learned_of(journal)


def _teaching(journal: Journal, run: str, after: int) -> Iterator[tuple[float, Event]]:
    """The events of the run that teach; none of an attempt that began before the first of them."""
    begun: set[str] = set()
    for row in journal.read(run, after):
        if row.kind == "attempt.admitted":
            begun.add(row.subject)
        if row.kind in _KINDS and (row.subject in begun or row.kind in _OF_NOBODY):
            yield row.at, decode_event(row.kind, row.body)


_OF_NOBODY = frozenset({"candidate.judged", "after.judged"})
"""Checks that are not of one attempt's work alone."""
