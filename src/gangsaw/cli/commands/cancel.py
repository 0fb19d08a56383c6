"""`gangsaw cancel TASK`: give a task up."""

from __future__ import annotations

import click

from gangsaw.cli.requests import Wish, ask, tell


@click.command("cancel")
@click.argument("task")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, key: str, as_json: bool) -> int:
    """Give a task up; its agent, if any, is stopped, and its work is kept.

    \b
    Examples:
      gangsaw cancel api
      gangsaw retry api        takes it up again
    """
    wish = Wish("cancel", task, key=key)
    return tell(wish, ask(wish), as_json=as_json)
