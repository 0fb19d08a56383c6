"""`gangsaw schema`: JSON Schemas of what gangsaw reads and prints."""

from __future__ import annotations

import click

from gangsaw.cli import output
from gangsaw.core.errors import UserError

READ = ("plan", "config")


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """Print the JSON Schema called NAME; without NAME, the names.

    \b
    Examples:
      gangsaw schema
      gangsaw schema status
      gangsaw schema config
    """
    from gangsaw.views.schemas import PRINTED, printed_schema

    names = [*READ, *PRINTED]
    if name is None:
        for each in names:
            output.say(each)
        return 0
    if name in READ:
        from gangsaw.plan import config_schema, plan_schema

        output.say_schema(plan_schema() if name == "plan" else config_schema())
    elif name in PRINTED:
        output.say_schema(printed_schema(name))
    else:
        raise UserError(f"cannot find the schema '{name}'; try one of: {', '.join(names)}")
    return 0
