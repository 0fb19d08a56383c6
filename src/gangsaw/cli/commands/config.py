"""`gangsaw config`: the settings in force, and who said so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gangsaw.cli import output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here
from gangsaw.cli.project import open_project
from gangsaw.cli.secrecy import without_secrets
from gangsaw.core.model import Deliver
from gangsaw.plan.complaint import dotted
from gangsaw.plan.effective import Setting, in_force, toml_key, toml_value

ORIGIN_COLUMN = 40


@click.command("config")
@click.option("--origin", is_flag=True, help="Say behind each setting where it came from.")
@config_option
@click.option("-n", "--max-agents", type=click.IntRange(1), help="As of gangsaw run.")
@click.option("--agent", help="As of gangsaw run.")
@click.option(
    "--deliver", type=click.Choice([mode.value for mode in Deliver]), help="As of gangsaw run."
)
@click.option("--budget", type=click.FloatRange(0), help="As of gangsaw run.")
@click.option("--budget-tokens", type=click.IntRange(0), help="As of gangsaw run.")
@click.option("--budget-day", type=click.FloatRange(0), help="As of gangsaw run.")
@click.option("--budget-day-tokens", type=click.IntRange(0), help="As of gangsaw run.")
@click.option("--batched/--no-batched", "batched", default=None, help="As of gangsaw run.")
@click.option("--json", "as_json", is_flag=True, help="Print them as an object.")
def command(
    origin: bool,
    config: Path | None,
    max_agents: int | None,
    agent: str | None,
    deliver: str | None,
    budget: float | None,
    budget_tokens: int | None,
    budget_day: float | None,
    budget_day_tokens: int | None,
    batched: bool | None,
    as_json: bool,
) -> int:
    """The settings in force here, as gangsaw.toml would say them.

    The first of these that says something has the last word: a flag, a variable of the
    environment, the file of --config (or of the variable CONFIG_FILE),
    ~/.config/gangsaw/config.toml, gangsaw.toml, the default.

    \b
    Examples:
      gangsaw config
      gangsaw config --origin
      MEMORY_THRESHOLD=85 gangsaw config --origin --config machine.env
      gangsaw config --json | jq -r '.settings[] | select(.origin.kind != "default").key'

    The schema of the object: gangsaw schema settings
    """
    said = {
        "max_agents": max_agents, "agent": agent, "deliver": deliver, "budget": budget,
        "budget_tokens": budget_tokens, "budget_day": budget_day,
        "budget_day_tokens": budget_day_tokens, "batched": batched,
    }  # fmt: skip
    flags = {
        f"--{key.replace('_', '-')}": ("run", key, value)
        for key, value in said.items()
        if value is not None
    }
    project = open_project(here(), os.environ, config, flags)
    for warning in project.warnings:
        output.warn(f"warning: {warning}")
    settings = in_force(project.settings, project.sources)
    if as_json:
        files = [read.source for read in reversed(project.sources.files)]
        shown = [_object(each) for each in settings]
        output.say_json({"schema_version": 1, "files": files, "settings": shown})
    else:
        output.say("\n".join(_lines(settings, origin)))
    return 0


def _object(setting: Setting) -> dict[str, Any]:
    origin = setting.origin
    return {
        "key": dotted(setting.path),
        "value": _without_secrets(setting.value),
        "origin": {
            "kind": origin.kind.value,
            "name": origin.name or None,
            "line": origin.line or None,
        },
    }


def _without_secrets(value: Any) -> Any:
    match value:
        case str():
            return without_secrets(value)
        case list():
            return [_without_secrets(each) for each in value]
        case dict():
            return {key: _without_secrets(each) for key, each in value.items()}
        case _:
            return value


def _lines(settings: tuple[Setting, ...], origin: bool) -> Iterator[str]:
    table = ""
    for setting in settings:
        *tables, key = map(str, setting.path)
        header = ".".join(map(toml_key, tables))
        if header != table:
            yield from ([""] if table else [])
            yield f"[{header}]"
            table = header
        value = _without_secrets(setting.value)
        text = f"# {key}: not set" if value is None else f"{key} = {toml_value(value)}"
        if origin and value is not None:
            text = f"{text:<{ORIGIN_COLUMN}} # {setting.origin}"
        yield text
