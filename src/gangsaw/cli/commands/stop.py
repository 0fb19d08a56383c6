"""`gangsaw stop`: stop every agent of the run, gently, and end the engine."""

from __future__ import annotations

import click

from gangsaw.cli.ending import end_everything


@click.command("stop")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as an object.")
def command(key: str, as_json: bool) -> int:
    """Stop every agent of this repository's run, gently, and end the engine.

    Agents get their grace to end by themselves, then they are killed. What they have committed
    and what they have not is kept; `gangsaw run` goes on.

    \b
    Examples:
      gangsaw stop
    """
    return end_everything("stop", key, as_json=as_json)
