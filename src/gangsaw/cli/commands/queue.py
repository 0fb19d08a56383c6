"""`gangsaw queue`: what lands next and what each change waits for; pause, freeze, resume."""

from __future__ import annotations

from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.cli.watching import watch
from gangsaw.core.errors import UserError
from gangsaw.core.evolve import evolve
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.store.rows import Row
from gangsaw.views.queue import queue_object, queue_rows, queue_text


@click.command("queue")
@click.option("--json", "as_json", is_flag=True, help="Print the queue, or the answer, as JSON.")
@click.option("--watch", "watching", is_flag=True, help="Show it again whenever it changes.")
@click.option("--pause", is_flag=True, help="Form no further batch.")
@click.option("--freeze", is_flag=True, help="Let nothing land either.")
@click.option("--resume", is_flag=True, help="Go on, after either.")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(
    as_json: bool, watching: bool, pause: bool, freeze: bool, resume: bool, key: str,
    run_id: str | None,
) -> int:  # fmt: skip
    """What is checked together now, what lands next, and what each change waits for.

    When a change is expected to land is a guess from what checks took so far, if all are green.
    While the queue is paused, agents go on, and what is being checked still lands; while it is
    frozen, checks go on and nothing lands.

    \b
    Examples:
      gangsaw queue
      gangsaw queue --watch
      gangsaw queue --pause
      gangsaw queue --json | jq '.changes[] | select(.conflicts_with)'

    The schema of the object: gangsaw schema queue; of an answer: gangsaw schema answer
    """
    verbs = {"queue-pause": pause, "queue-freeze": freeze, "queue-resume": resume}
    asked = [verb for verb, wanted in verbs.items() if wanted]
    if len(asked) > 1:
        raise UserError(
            "cannot do two things to the queue at once; try one of --pause, --freeze, --resume",
            exit_code=2,
        )
    if asked:
        wish = Wish(asked[0], key=key)
        return tell(wish, ask(wish), as_json=as_json)
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        seen = _Reader(control, journal, run)
        if watching:
            return watch(seen.look, as_json=as_json)
        queue, lines, _ = seen.look()
    if as_json:
        output.say_json(queue)
    else:
        output.say("\n".join(lines))
    return 0


class _Reader:
    """Reads on where it stopped: a long run is not folded anew for every look."""

    def __init__(self, control: Control, journal: Journal, run: str) -> None:
        self._control, self._journal, self._run = control, journal, run
        self._state, self._seq = State(), 0
        self._rows: list[Row] = []

    def look(self) -> tuple[dict[str, Any], list[str], bool]:
        """The queue now, the same as lines, and whether nobody works on the run any more."""
        holder = holder_of(self._control, self._journal, self._run)
        for row in self._journal.read(self._run, self._seq):
            evolve(self._state, decode_event(row.kind, row.body), row.at)
            self._seq = row.seq
            self._rows = queue_rows(self._rows, row)
        pid = None if holder is None else holder.pid or self._state.engine_pid
        now = clock.now_s()
        queue = queue_object(self._state, self._rows, pid, now)
        return queue, queue_text(queue, now, output.heading), holder is None
