"""`gangsaw approve TASK`: agree to work that waits for a person."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("approve")
@click.argument("task")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, key: str, as_json: bool) -> int:
    """Agree to work that waits for a person; it is queued for landing.

    \b
    Examples:
      gangsaw diff ui && gangsaw approve ui
    """
    wish = Wish("approve", task, key=key)
    return tell(wish, ask(wish), as_json=as_json)
