"""`gangsaw release [PATH…]`: an agent lets others have what it has claimed."""

from __future__ import annotations

import click

from gangsaw.cli.caller import require_agent
from gangsaw.cli.paths_below import paths_below
from gangsaw.cli.requests import Wish, ask, tell


@click.command("release")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(paths: tuple[str, ...], as_json: bool) -> int:
    """For agents: let others have these claimed paths again, or without PATH all of them.

    \b
    Examples:
      gangsaw release docs/
      gangsaw release
    """
    wish = Wish("release", paths=paths_below(paths), agent=require_agent("release"))
    return tell(wish, ask(wish), as_json=as_json)
