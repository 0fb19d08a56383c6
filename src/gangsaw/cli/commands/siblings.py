"""`gangsaw siblings`: who else is at work, on what."""

from __future__ import annotations

import click

from gangsaw.cli import clock, output
from gangsaw.cli.caller import calling_agent
from gangsaw.cli.place import chosen_run, find_control, reading
from gangsaw.engine.loop import fold
from gangsaw.store.control import Control
from gangsaw.views.siblings import siblings_object, siblings_text


@click.command("siblings")
@click.option("--json", "as_json", is_flag=True, help="Print everything as an object.")
def command(as_json: bool) -> int:
    """The other attempts that are alive: what they do, their scopes, and what they have claimed.

    \b
    Examples:
      gangsaw siblings
      gangsaw siblings --json | jq -r '.siblings[].claims[]'

    The schema of the object: gangsaw schema siblings
    """
    agent = calling_agent()
    control = Control(agent.control) if agent else find_control()
    with reading(control) as journal:
        run = agent.run if agent else chosen_run(journal, None).run
        state, _ = fold(journal, run)
        activities = {row.task: row.activity for row in journal.tasks(run) if row.live}
    found = siblings_object(state, agent.task if agent else "", activities, clock.now_s())
    if as_json:
        output.say_json(found)
    else:
        output.say("\n".join(siblings_text(found)))
    return 0
