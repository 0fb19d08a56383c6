"""`gangsaw status`: what every task is doing, from the projections alone."""

from __future__ import annotations

from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.cli.watching import watch
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.views.status import status_object, status_text


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the status object.")
@click.option(
    "--watch", "watching", is_flag=True, help="Show it again whenever it changes, until the end."
)
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(as_json: bool, watching: bool, run_id: str | None) -> int:
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
        if watching:
            return _watch(control, journal, run, as_json)
        status = status_object(journal, run, holder_of(control, journal, run))
    if as_json:
        output.say_json(status)
    else:
        output.say("\n".join(status_text(status, clock.now_s(), output.heading)))
    return 0


def _watch(control: Control, journal: Journal, run: str, as_json: bool) -> int:
    """Show the status whenever it changes, until nobody works on the run any more."""

    def look() -> tuple[dict[str, Any], list[str], bool]:
        holder = holder_of(control, journal, run)
        status = status_object(journal, run, holder)
        return status, status_text(status, clock.now_s(), output.heading), holder is None

    return watch(look, as_json=as_json)
