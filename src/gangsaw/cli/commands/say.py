"""`gangsaw say TASK TEXT`: leave the agent of a task a word."""

from __future__ import annotations

import click

from gangsaw.cli.caller import calling_agent
from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.cli.texts import text_or_file


@click.command("say")
@click.argument("task")
@click.argument("text", nargs=-1, required=True)
@click.option("--key", default="", help="Said twice with one key, it is said once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, text: tuple[str, ...], key: str, as_json: bool) -> int:
    """Leave the agent of TASK a word; it is in the prompt of its next turn. TEXT `-` is read from
    standard input.

    Nothing of the task lands before its agent has read it: finished work goes back for one more
    turn, which uses up none of its turns. An agent may use this too, for the agent of another task.

    \b
    Examples:
      gangsaw say api "use the new client, not requests"
      gangsaw say api - < notes.md
    """
    wish = Wish("say", task, text_or_file(text), key=key, agent=calling_agent())
    return tell(wish, ask(wish), as_json=as_json)
