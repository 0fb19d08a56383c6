"""`gangsaw status`: what every task is doing, from the projections alone."""

from __future__ import annotations

import sys

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.views.status import status_object, status_text

WATCH_EVERY_S = 1.0


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the status object.")
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until the end.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(as_json: bool, watch: bool, run_id: str | None) -> int:
    """What every task is doing.

    \b
    Examples:
      gangsaw status
      gangsaw status --watch
      gangsaw status --json | jq '.tasks[] | select(.status == "failed")'

    The schema of the object: gangsaw schema status
    """
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        if watch:
            return _watch(control, journal, run, as_json)
        status = status_object(journal, run, holder_of(control, journal, run))
    if as_json:
        output.say_json(status)
    else:
        output.say("\n".join(status_text(status, clock.now_s(), output.heading)))
    return 0


def _watch(control: Control, journal: Journal, run: str, as_json: bool) -> int:
    """Show the status whenever it changes, until nobody works on the run any more."""
    drawn, last = 0, None
    while True:
        holder = holder_of(control, journal, run)
        status = status_object(journal, run, holder)
        lines = status_text(status, clock.now_s(), output.heading)
        if as_json:
            if status != last:
                output.say_json_line(status)
        elif output.is_live():
            drawn = _redraw(lines, drawn)
        elif status != last:
            output.say("\n".join([*lines, ""]))
            sys.stdout.flush()
        last = status
        if holder is None:
            return 0
        clock.pause(WATCH_EVERY_S)


def _redraw(lines: list[str], drawn: int) -> int:
    """Draw the lines over the last ones; how many lines that were."""
    import shutil

    width, height = shutil.get_terminal_size()
    shown = [line[: max(1, width - 1)] for line in lines[: max(1, height - 1)]]
    up = f"\x1b[{drawn}F" if drawn else ""
    sys.stdout.write(f"{up}\x1b[J" + "".join(f"{line}\n" for line in shown))
    sys.stdout.flush()
    return len(shown)
