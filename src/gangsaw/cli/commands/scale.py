"""`gangsaw scale N`: change how many agents run at once."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("scale")
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(number: int, key: str, as_json: bool) -> int:
    """Let at most N agents run at once, from now on.

    Fewer than now run: those that run go on, and no new ones start until there is room.

    \b
    Examples:
      gangsaw scale 2
    """
    wish = Wish("scale", number=number, key=key)
    return tell(wish, ask(wish), as_json=as_json)
