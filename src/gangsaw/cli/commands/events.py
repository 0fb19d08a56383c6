"""`gangsaw events`: everything that happened in a run, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.store.rows import Row
from gangsaw.views.event_lines import event_line, is_about

if TYPE_CHECKING:
    from gangsaw.core.report.holds import Held

FOLLOW_EVERY_S = 0.2


@click.command("events")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("-f", "--follow", is_flag=True, help="Go on until no gangsaw runs any more.")
@click.option("--task", metavar="TASK", help="Only of this task and its attempts.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
@click.option("--after", default=0, metavar="SEQ", help="Only those after this number.")
@click.option("--holds", is_flag=True,
              help="Also when each task began to wait, and for what. These lines are reckoned, and "
                   "in no log; they have the number of the event before them.")  # fmt: skip
def command(
    as_json: bool, follow: bool, task: str | None, run_id: str | None, after: int, holds: bool
) -> int:
    """Everything that happened, in order, since the run began.

    \b
    Examples:
      gangsaw events
      gangsaw events --follow --json | jq -c 'select(.kind == "landed")'
      gangsaw events --task api --after 120
      gangsaw events --task api --holds

    The schema of a line: gangsaw schema events
    """
    control = find_control()
    with reading(control) as journal:
        row = chosen_run(journal, run_id)
        run, since = row.run, row.started_at or 0.0
        if task is not None:
            from gangsaw.cli.requests import require_task

            task = require_task(journal, run, task)
        printer = _Printer(task, since, after, as_json=as_json)
        lines = _Held(printer) if holds else printer
        lines.print(journal.read(run, 0 if holds else after))
        while follow:
            alive = holder_of(control, journal, run) is not None
            lines.print(journal.read(run, printer.seq))
            if not alive:
                break
            clock.pause(FOLLOW_EVERY_S)
    return 0


class _Printer:
    """Prints events after `after`, of one task if one is named; `seq` is the last one's."""

    def __init__(self, task: str | None, since: float, after: int, *, as_json: bool) -> None:
        self._task, self._since, self._after, self._as_json = task, since, after, as_json
        self.seq = after

    def print(self, rows: Iterable[Row]) -> None:
        """Print what of these is asked for."""
        for row in rows:
            self.seq = max(self.seq, row.seq)
            if row.seq <= self._after or (self._task and not is_about(row.subject, self._task)):
                continue
            if self._as_json:
                output.say_json_line(event_object(row))
            else:
                output.say(event_line(row, self._since))


class _Held:
    """Prints, besides, what each task waits for, after the last event of each moment."""

    def __init__(self, printer: _Printer) -> None:
        from gangsaw.core.report.holds import HoldWatch

        self._printer, self._watch = printer, HoldWatch()

    def print(self, rows: Iterable[Row]) -> None:
        """Print these, and what follows from them. The events of one moment come together."""
        from gangsaw.core.wire import decode_event

        last: Row | None = None
        for row in rows:
            if last is not None and row.at != last.at:
                self._look(last)
            self._printer.print([row])
            self._watch.take(decode_event(row.kind, row.body), row.at)
            last = row
        if last is not None:
            self._look(last)

    def _look(self, last: Row) -> None:
        self._printer.print(
            Row(last.seq, held.at, held.kind, held.task, json.dumps(held_body(held)))
            for held in self._watch.look(last.at)
        )


def held_body(held: Held) -> dict[str, Any]:
    """The body of a line about what a task waits for."""
    return {"reason": held.reason, "tasks": held.tasks, "until": held.until, "text": held.text}


def event_object(row: Row) -> dict[str, Any]:
    """One line of `events --json`."""
    return {
        "seq": row.seq, "at": row.at, "kind": row.kind, "subject": row.subject, "body": row.body
    }  # fmt: skip
