"""`gangsaw resume`: start agents again after a pause."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("resume")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(key: str, as_json: bool) -> int:
    """Start agents again after `gangsaw pause`.

    \b
    Examples:
      gangsaw resume
    """
    wish = Wish("resume", key=key)
    return tell(wish, ask(wish), as_json=as_json)
