"""`gangsaw doctor`: what is missing or odd, and the command that mends it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gangsaw.cli import output
from gangsaw.cli.agent_checkup import AgentReport
from gangsaw.cli.checkup import check_up
from gangsaw.cli.config_option import config_option
from gangsaw.cli.findings import Level
from gangsaw.views.text import flat

_SIGNS = {Level.OK: "✓", Level.ODD: "!", Level.WRONG: "✗"}


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as an object.")
def command(config: Path | None, as_json: bool) -> int:
    """Look at git, Python, this repository, its settings, the agents and the machine.

    Agents are asked for their version only; whether one is signed in is told by the variables and
    files that a sign-in leaves. Nothing is spent, and no value is printed.

    Exit code 0: it can run (with what is odd, marked '!'); 1: something is wrong.

    \b
    Examples:
      gangsaw doctor
      gangsaw doctor --json
    """
    found = check_up(dict(os.environ), config)
    findings = found.findings
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
                "agents": [_agent_object(report) for report in found.agents],
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


def _agent_object(report: AgentReport) -> dict[str, object]:
    known = report.known
    tested = list(known.tested) if known and any(known.tested) else None
    return {
        "name": report.name,
        "kind": report.kind,
        "program": report.program,
        "path": report.path,
        "version": report.version or None,
        "tested": tested,
        "range": report.range.value,
        "signed_in": report.signed_in,
        "signed_in_by": report.signed_in_by or None,
        "node": report.node or None,
        "install": (known.install if known else "") or None,
        "sign_in": (known.sign_in if known else "") or None,
        "traps": list(known.traps) if known else [],
    }
