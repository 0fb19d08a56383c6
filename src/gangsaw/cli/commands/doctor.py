"""`gangsaw doctor`: what is missing or odd, and the command that mends it."""

from __future__ import annotations

import os

import click

from gangsaw.cli import output
from gangsaw.cli.checkup import Level, check_up
from gangsaw.views.text import flat

_SIGNS = {Level.OK: "✓", Level.ODD: "!", Level.WRONG: "✗"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as an object.")
def command(as_json: bool) -> int:
    """Look at git, Python, this repository, its settings, the agents and the machine.

    Exit code 0: it can run (with what is odd, marked '!'); 1: something is wrong.

    \b
    Examples:
      gangsaw doctor
      gangsaw doctor --json
    """
    findings = list(check_up(dict(os.environ)))
    wrong = [each for each in findings if each.level is Level.WRONG]
    if as_json:
        output.say_json(
            {
                "schema_version": 1,
                "ok": not wrong,
                "findings": [
                    {"level": each.level.value, "about": each.about, "text": each.text,
                     "mend": each.mend or None}
                    for each in findings
                ],
            }
        )  # fmt: skip
        return 1 if wrong else 0
    width = max(len(each.about) for each in findings)
    for each in findings:
        first, *others = each.text.splitlines() or [""]
        output.say(f"{_SIGNS[each.level]} {each.about:<{width}}  {flat(first, 400)}")
        for line in others:
            output.say(f"  {'':<{width}}  {flat(line, 400)}")
        if each.mend:
            output.say(f"  {'':<{width}}  mend: {each.mend}")
    return 1 if wrong else 0
