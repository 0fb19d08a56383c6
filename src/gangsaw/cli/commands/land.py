"""`gangsaw land TASK`: before all others."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("land")
@click.argument("task")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, key: str, as_json: bool) -> int:
    """Land TASK before all others, and alone, as soon as its work is there and green. Where it
    waits for a person, this agrees to it.

    It is checked like everything else; only its place in the landing queue is another one.

    \b
    Examples:
      gangsaw land ui
      gangsaw queue
    """
    wish = Wish("land", task, key=key)
    return tell(wish, ask(wish), as_json=as_json)
