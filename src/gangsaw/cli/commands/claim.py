"""`gangsaw claim PATH…`: an agent keeps others off paths."""

from __future__ import annotations

import click

from gangsaw.cli.caller import require_agent
from gangsaw.cli.paths_below import paths_below
from gangsaw.cli.requests import Recorded, Wish, ask, tell


@click.command("claim")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(paths: tuple[str, ...], as_json: bool) -> int:
    """For agents: keep others off these files, folders or patterns, besides your task's scope.

    All of them are yours, or none. Exit code 1: somebody else's scope or claim has one of them, and
    the answer says whose. A claim ends with the attempt. Tasks whose scope meets it wait for that.

    \b
    Examples:
      gangsaw claim src/config.py docs/
      gangsaw claim 'migrations/*.sql' || gangsaw siblings
    """
    wish = Wish("claim", paths=paths_below(paths), agent=require_agent("claim"))
    reply = ask(wish)
    # Nobody has granted it yet.
    return tell(wish, reply, as_json=as_json) or int(isinstance(reply, Recorded))
