"""`gangsaw reject TASK`: send work back to its agent."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.cli.texts import text_or_file
from gangsaw.core.errors import UserError


@click.command("reject")
@click.argument("task")
@click.argument("text", nargs=-1)
@click.option("-m", "--message", default="", help="The same as TEXT.")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, text: tuple[str, ...], message: str, key: str, as_json: bool) -> int:
    """Send work back to its agent. TEXT says why, in its next prompt; `-` is read from standard
    input.

    \b
    Examples:
      gangsaw reject ui "leave the router alone"
    """
    if text and message:
        raise UserError("cannot take two reasons; try one of TEXT and --message")
    if text:
        message = text_or_file(text)
    wish = Wish("reject", task, message, key=key)
    return tell(wish, ask(wish), as_json=as_json)
