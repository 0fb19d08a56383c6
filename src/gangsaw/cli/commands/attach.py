"""`gangsaw attach TASK`: watch an agent live, or take over from it for a while."""

from __future__ import annotations

import sys

import click

from gangsaw.cli import clock, output
from gangsaw.cli.commands.logs import Printer, attempt_folder, turns_of
from gangsaw.cli.living import is_over
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.cli.requests import Wish, ask, require_task, tell
from gangsaw.core.errors import UserError
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.views.text import flat

LOOK_EVERY_S = 0.2


@click.command("attach")
@click.argument("task")
@click.option("--take-over", is_flag=True, help="Stop the agent, and work in its place.")
@click.option("--hand-back", is_flag=True, help="Let the agent go on again.")
def command(task: str, take_over: bool, hand_back: bool) -> int:
    """Watch what the agent of TASK does, until its turn ends or you press Ctrl-C, which does it no
    harm.

    With --take-over the agent is stopped, which costs it no try, and its program is opened here on
    the same session in its worktree; a kind of agent that has no such form gives you a shell there.
    When that ends, the agent is told of it and goes on. Meanwhile the task is yours: nothing of it
    runs, and `gangsaw status` says who has it. Should your terminal die, --hand-back gives it back.

    \b
    Examples:
      gangsaw attach api
      gangsaw attach api --take-over
      gangsaw attach api --hand-back
    """
    if take_over and hand_back:
        raise click.UsageError("--take-over hands back by itself; give one of the two")
    if take_over:
        from gangsaw.cli.taking_over import take_over_task

        return take_over_task(task)
    if hand_back:
        from gangsaw.cli.taking_over import require_nobody_there

        require_nobody_there(task)
        wish = Wish("hand_back", task)
        return tell(wish, ask(wish), as_json=False)
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, None).run
        task = require_task(journal, run, task)
        try:
            return _watch(control, journal, run, task)
        except KeyboardInterrupt:
            output.warn(f"-- left; the agent of {task} goes on")
            return 0


def _watch(control: Control, journal: Journal, run: str, task: str) -> int:
    """Print what the present turn writes, until it is over."""
    row = journal.task(run, task)
    folder = attempt_folder(control, run, task, row.attempts if row else 0)
    turns = turns_of(folder)
    if not turns:
        raise UserError(
            f"cannot watch {task}: its agent has not been started yet; try: gangsaw why {task}"
        )
    here, printer, offset = folder / f"turn-{turns[-1]}", Printer(raw=False), 0
    output.warn(f"-- {folder.name}, turn {turns[-1]}; Ctrl-C leaves it alone")
    while True:
        over = is_over(here)
        offset = printer.copy(here / "out", offset, whole=over)
        sys.stdout.flush()
        if over:
            break
        clock.pause(LOOK_EVERY_S)
    row = journal.task(run, task)
    said = f"{task} is {row.status.replace('_', ' ')}" if row else task
    reason = f": {flat(row.reason)}" if row and row.reason else ""
    output.warn(f"-- the turn is over; {said}{reason}")
    return 0
