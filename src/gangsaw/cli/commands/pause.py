"""`gangsaw pause`: start no new agents; those that run go on."""

from __future__ import annotations

import click

from gangsaw.cli import output
from gangsaw.cli.place import find_control
from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.store.lock import WriterLock


@click.command("pause")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")
def command(key: str, as_json: bool) -> int:
    """Start no new agents; those that run go on to their end.

    \b
    Examples:
      gangsaw pause
      gangsaw resume
    """
    wish = Wish("pause", key=key)
    if WriterLock.holder(find_control().lock) is None:
        text = "nothing is running; go on with: gangsaw run"
        if as_json:
            output.say_json({"schema_version": 1, "verb": "pause", "task": None,
                             "outcome": "idle", "ok": True, "text": text})  # fmt: skip
        else:
            output.say(text)
        return 0
    return tell(wish, ask(wish), as_json=as_json)
