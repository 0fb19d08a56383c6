"""`gangsaw retry TASK`: try a failed or cancelled task again."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("retry")
@click.argument("task")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, key: str, as_json: bool) -> int:
    """Try a failed or cancelled task again, with all its attempts.

    \b
    Examples:
      gangsaw retry api
      gangsaw retry api && gangsaw run
    """
    wish = Wish("retry", task, key=key)
    return tell(wish, ask(wish), as_json=as_json)
