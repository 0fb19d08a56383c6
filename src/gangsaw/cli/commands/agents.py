"""`gangsaw agents`: the agents of a run; `gangsaw agents add|remove NAME`: one more, one less."""

from __future__ import annotations

import os
from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, here, holder_of, reading
from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.core.staffing import ADD, REMOVE
from gangsaw.engine.loop import fold
from gangsaw.plan.origins import OriginKind
from gangsaw.store.errors import NoJournal
from gangsaw.views.agents import agents_before_any_run, agents_object, agents_text

_KEY = click.option("--key", default="", help="Asked twice with one key, it is done once.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as an object.")


@click.group("agents", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the agents as an object.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
@click.pass_context
def command(context: click.Context, as_json: bool, run_id: str | None) -> None:
    """The agents of the run: how many of each are at work, how many may be, and what waits for it.

    Before anything has run, the agents of the settings.

    \b
    Examples:
      gangsaw agents
      gangsaw agents add codex
      gangsaw agents remove codex

    The schema of the object: gangsaw schema agents; of an answer: gangsaw schema answer
    """
    if context.invoked_subcommand is not None:
        return
    now = clock.now_s()
    try:
        found = _of_run(run_id, now)
    except NoJournal:
        if run_id is not None:
            raise
        found = _of_settings(now)
    if as_json:
        output.say_json(found)
    else:
        output.say(agents_text(found, now))


def _of_run(run_id: str | None, now: float) -> dict[str, Any]:
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        state, _ = fold(journal, run)
        holder = holder_of(control, journal, run)
    return agents_object(state, now, holder.pid if holder is not None else None)


def _of_settings(now: float) -> dict[str, Any]:
    from gangsaw.cli.project import open_project

    project = open_project(here(), os.environ)
    said = project.sources
    configured = [
        agent.name
        for agent in project.settings.agents
        if said.of(("agents", agent.name, "kind")).kind is not OriginKind.DEFAULT
    ]
    return agents_before_any_run(project.settings.limits, configured, now)


@command.command("add")
@click.argument("name", metavar="NAME")
@_KEY
@_JSON
@click.pass_context
def add(context: click.Context, name: str, key: str, as_json: bool) -> None:
    """Let the agent take work of this run from now on, as [agents.NAME] of the settings is now.

    Tasks that name it go to it, and those that name none after the agents that had them before. An
    agent that is there already is taken up anew: with its slots, program and account of now.

    \b
    Examples:
      gangsaw agents add codex
    """
    _ask(context, Wish(ADD, text=name, key=key), as_json=as_json)


@command.command("remove")
@click.argument("name", metavar="NAME")
@_KEY
@_JSON
@click.pass_context
def remove(context: click.Context, name: str, key: str, as_json: bool) -> None:
    """Let the agent begin no task of this run any more. What it has begun it brings to its end.

    A task that names it goes to its fallback or waits, and says so: gangsaw why TASK

    \b
    Examples:
      gangsaw agents remove codex
    """
    _ask(context, Wish(REMOVE, text=name, key=key), as_json=as_json)


def _ask(context: click.Context, wish: Wish, *, as_json: bool) -> None:
    context.exit(tell(wish, ask(wish), as_json=as_json))
