"""`gangsaw kill`: end every agent of the run at once."""

from __future__ import annotations

import click

from gangsaw.cli.ending import end_everything


@click.command("kill")
@click.option("--key", default="", help="Asked twice with one key, it is done once.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as an object.")
def command(key: str, as_json: bool) -> int:
    """End every agent and check of this repository's run at once, and the engine.

    Only processes that gangsaw itself started here are ended, whole trees of them; also those
    that a killed engine has left. Work that is on disk is kept; `gangsaw run` goes on.

    \b
    Examples:
      gangsaw kill
    """
    return end_everything("kill", key, as_json=as_json)
