"""`gangsaw done`: an agent says that its work is done."""

from __future__ import annotations

import click

from gangsaw.cli.caller import require_agent
from gangsaw.cli.requests import Wish, ask, tell


@click.command("done")
@click.argument("summary", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(summary: tuple[str, ...], as_json: bool) -> int:
    """For agents: say that the work of this turn is done, with a SUMMARY if there is one.

    It proves nothing: what was committed is looked at and checked as ever. But a turn that is
    silent for a minute after it is ended and its work looked at, instead of being taken for stuck.

    \b
    Examples:
      gangsaw done "parser and its tests; the docs are left"
    """
    wish = Wish("done", text=" ".join(summary), agent=require_agent("done"))
    return tell(wish, ask(wish), as_json=as_json)
