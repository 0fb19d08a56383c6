"""`gangsaw retry TASK`: try a failed, cancelled or undone task again."""

from __future__ import annotations

import click

from gangsaw.cli.closing import wait_until_put_away
from gangsaw.cli.requests import Wish, ask, tell


@click.command("retry")
@click.argument("task")
@click.option(
    "--from", "turn", metavar="TURN", default="",
    help="Start from the work as it stood after this turn: N of the last attempt, ATTEMPT:N, last.",
)  # fmt: skip
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(task: str, turn: str, key: str, as_json: bool) -> int:
    """Try a failed, cancelled or undone task again, with all its attempts.

    It begins anew on the newest base; with --from, on the work that an earlier attempt had after
    one of its turns. `gangsaw why TASK` names the turns whose work was kept.

    \b
    Examples:
      gangsaw retry api
      gangsaw retry api && gangsaw run
      gangsaw retry api --from 1        what turn 1 of the last attempt left
      gangsaw retry api --from 2:1      the same of attempt 2
    """
    if turn:
        wait_until_put_away(task)
    wish = Wish("retry", task, text=turn, key=key)
    return tell(wish, ask(wish), as_json=as_json)
