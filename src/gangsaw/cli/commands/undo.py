"""`gangsaw undo`: take a landing or a cancel back."""

from __future__ import annotations

from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.closing import wait_until_put_away
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.cli.requests import Answered, Recorded, Wish, ask, tell
from gangsaw.core.errors import UserError
from gangsaw.core.spans import span
from gangsaw.store.journal import Journal
from gangsaw.store.lock import WriterLock
from gangsaw.store.rows import TaskRow
from gangsaw.views.text import flat

SCHEMA_VERSION = 1
ROWS_MAX = 20
"""What can be undone that the text lists; the object has all."""
POLL_S = 0.1
_WHAT = {"landed": "landing", "cancelled": "cancel"}


@click.command("undo")
@click.argument("task", required=False)
@click.option(
    "--wait", is_flag=True, help="Wait until a live run has undone it; exit code 1 if it cannot."
)
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the answer (or the list) as an object."
)
def command(task: str | None, wait: bool, key: str, as_json: bool) -> int:
    """Take back the landing of TASK, or its cancelling. Without TASK: what can be undone.

    A landing is undone by a commit that reverts it, checked together with everything else that
    landed and put on the integration branch like any other. Tasks that need TASK are stopped, or
    wait, until it has landed again. A cancelled task goes on from the work that was kept.

    \b
    Examples:
      gangsaw undo
      gangsaw undo api
      gangsaw undo api --wait
      gangsaw retry api --from last     takes an undone landing up again
    """
    if task is None:
        return _list(as_json=as_json)
    control = find_control()
    if wait and WriterLock.holder(control.lock) is None:
        raise UserError(
            f"cannot wait for the undo of {task}: no gangsaw is running; "
            f"try gangsaw undo {task}, then gangsaw run"
        )
    wait_until_put_away(task)
    wish = Wish("undo", task, key=key)
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        after = journal.last_seq(run)
        reply = ask(wish)
        if wait and isinstance(reply, Answered) and reply.ok:
            reply = _outcome(journal, run, task, after) or reply
    return tell(wish, reply, as_json=as_json) or int(wait and isinstance(reply, Recorded))


def _outcome(journal: Journal, run: str, task: str, after: int) -> Answered | None:
    """How the undo of a landing ended; `None` for that of a cancel, or when no engine is left."""
    control = find_control()
    alive = True
    while alive:
        alive = WriterLock.holder(control.lock) is not None
        kinds = {row.kind: row.body for row in journal.read(run, after, subject=task)}
        if "undone" in kinds:
            return Answered(True, f"{task} is undone: {str(kinds['undone']['commit'])[:10]}")
        if "undo.failed" in kinds:
            return Answered(False, str(kinds["undo.failed"]["text"]))
        if "undo.wanted" not in kinds:
            return None
        clock.pause(POLL_S)
    return Answered(False, "gangsaw has ended before it was done; go on with: gangsaw run")


def _list(*, as_json: bool) -> int:
    with reading(find_control()) as journal:
        run = chosen_run(journal, None).run
        rows = [row for row in journal.tasks(run) if row.status in _WHAT]
    rows.sort(key=lambda row: (-(row.ended_at or 0.0), row.position))
    if as_json:
        found = [_entry(row) for row in rows]
        output.say_json({"schema_version": SCHEMA_VERSION, "run": run, "can_be_undone": found})
        return 0
    if not rows:
        output.say("nothing can be undone: nothing has landed or was cancelled")
        return 0
    now = clock.now_s()
    width = max(len(row.task) for row in rows[:ROWS_MAX])
    for row in rows[:ROWS_MAX]:
        ago = f"{span(now - row.ended_at)} ago" if row.ended_at is not None else ""
        what = f"{row.status} {ago}".strip()
        output.say(f"  {flat(row.task):<{width}}  {what:<22}  gangsaw undo {flat(row.task)}")
    if len(rows) > ROWS_MAX:
        output.say(f"  … and {len(rows) - ROWS_MAX} more: gangsaw undo --json")
    return 0


def _entry(row: TaskRow) -> dict[str, Any]:
    return {
        "task": row.task, "what": _WHAT[row.status], "at": row.ended_at,
        "commit": row.landed_commit, "command": f"gangsaw undo {row.task}",
    }  # fmt: skip
