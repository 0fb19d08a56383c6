"""`gangsaw events`: everything that happened in a run, in order."""

from __future__ import annotations

from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.store.journal import Journal
from gangsaw.store.rows import Row
from gangsaw.views.event_lines import event_line, is_about

FOLLOW_EVERY_S = 0.2


@click.command("events")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("-f", "--follow", is_flag=True, help="Go on until no gangsaw runs any more.")
@click.option("--task", metavar="TASK", help="Only of this task and its attempts.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
@click.option("--after", default=0, metavar="SEQ", help="Only those after this number.")
def command(as_json: bool, follow: bool, task: str | None, run_id: str | None, after: int) -> int:
    """Everything that happened, in order, since the run began.

    \b
    Examples:
      gangsaw events
      gangsaw events --follow --json | jq -c 'select(.kind == "landed")'
      gangsaw events --task api --after 120

    The schema of a line: gangsaw schema events
    """
    control = find_control()
    with reading(control) as journal:
        row = chosen_run(journal, run_id)
        run, since = row.run, row.started_at or 0.0
        if task is not None:
            from gangsaw.cli.requests import require_task

            require_task(journal, run, task)
        seq = _print(journal, run, after, task, since, as_json=as_json)
        while follow:
            alive = holder_of(control, journal, run) is not None
            seq = _print(journal, run, seq, task, since, as_json=as_json)
            if not alive:
                break
            clock.pause(FOLLOW_EVERY_S)
    return 0


def _print(
    journal: Journal, run: str, after: int, task: str | None, since: float, *, as_json: bool
) -> int:
    """Print the events after `after`; the seq of the last one."""
    for row in journal.read(run, after):
        after = row.seq
        if task is not None and not is_about(row.subject, task):
            continue
        if as_json:
            output.say_json_line(event_object(row))
        else:
            output.say(event_line(row, since))
    return after


def event_object(row: Row) -> dict[str, Any]:
    """One line of `events --json`."""
    return {
        "seq": row.seq, "at": row.at, "kind": row.kind, "subject": row.subject, "body": row.body
    }  # fmt: skip
