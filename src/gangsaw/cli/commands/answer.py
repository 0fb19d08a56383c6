"""`gangsaw answer TASK TEXT`: answer what an agent asks."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.cli.texts import text_or_file


@click.command("answer")
@click.argument("task")
@click.argument("text", nargs=-1, required=True)
@click.option("--key", default="", help="Answered twice with one key, it is answered once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, text: tuple[str, ...], key: str, as_json: bool) -> int:
    """Answer the oldest open question of TASK's agent. TEXT `-` is read from standard input.

    A `gangsaw ask` that waits prints it at once. Where nobody waits any more it is in the prompt of
    the agent's next turn, which an attempt that was parked for it begins with.

    \b
    Examples:
      gangsaw status                     shows who asks what
      gangsaw answer api "Postgres"
    """
    wish = Wish("answer", task, text_or_file(text), key=key)
    return tell(wish, ask(wish), as_json=as_json)
