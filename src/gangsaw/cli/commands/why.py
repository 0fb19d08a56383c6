"""`gangsaw why TASK`: the scheduler's own answer to why a task is where it is."""

from __future__ import annotations

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.cli.requests import require_task
from gangsaw.core.events import BatchFormed
from gangsaw.core.wire import decode_event
from gangsaw.engine.loop import fold
from gangsaw.views.why import subjects_of, why_object, why_text


@click.command("why")
@click.argument("task")
@click.option("--json", "as_json", is_flag=True, help="Print everything as an object.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(task: str, as_json: bool, run_id: str | None) -> int:
    """Why TASK is where it is: what it waits for, what happened, what its checks said.

    \b
    Examples:
      gangsaw why api
      gangsaw why api --json | jq .hold

    The schema of the object: gangsaw schema why
    """
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        task = require_task(journal, run, task)
        state, _ = fold(journal, run)
        told = [
            (row.seq, row.at, decode_event(row.kind, row.body))
            for subject in subjects_of(state, task)
            for row in journal.read(run, subject=subject)
        ]
        own = {attempt.id for attempt in state.attempts.values() if attempt.task == task}
        told += [
            (row.seq, row.at, decode_event(row.kind, row.body))
            for row in journal.read(run, subject="")
            if row.kind == BatchFormed.kind and not own.isdisjoint(row.body["members"])
        ]
    last = state.attempt_of(task)
    logs = control.root / "attempts" / run / (last.id if last else "")
    why = why_object(state, task, told, str(logs), clock.now_s())
    if as_json:
        output.say_json(why)
    else:
        output.say("\n".join(why_text(why, output.heading)))
    return 0
