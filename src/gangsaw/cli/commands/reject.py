"""`gangsaw reject TASK`: send work back to its agent."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("reject")
@click.argument("task")
@click.option("-m", "--message", default="", help="What is wrong with it.")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, message: str, key: str, as_json: bool) -> int:
    """Send work back to its agent, with your reason as its next prompt.

    \b
    Examples:
      gangsaw reject ui -m "leave the router alone"
    """
    wish = Wish("reject", task, message, key=key)
    return tell(wish, ask(wish), as_json=as_json)
