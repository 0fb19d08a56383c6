"""`gangsaw plan check|show|schema`: a plan's faults, its picture, its schema."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import click

from gangsaw.cli import output
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here
from gangsaw.core.errors import UserError
from gangsaw.plan import (
    Complaint,
    PlanRead,
    mermaid,
    picture,
    plan_json,
    plan_schema,
    read_plan_file,
    read_roles,
)

PLAN_NAMES = ("plan.yaml", "plan.yml", "plan.json")
WIDTH_MAX = 160
FAULTY = 2


@click.group("plan")
def command() -> None:
    """Check or draw a plan, or print the schema of plan files.

    \b
    A plan is a YAML (or JSON) file:
      version: 1
      goal: what all of it is for
      defaults:
        checks: ["pytest -q"]
      tasks:
        - id: schema
          prompt: Write the database schema into db/schema.sql.
          scope: [db/]
        - id: api
          needs: [schema]
          prompt: Write the API.
          scope: [src/api/]
    """


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the complaints as an object.")
def check(file: Path | None, config: Path | None, as_json: bool) -> int:
    """Tell every fault of FILE (default: plan.yaml) at once, each with its place and a remedy.

    Exit code 0: it can be run (there may be warnings); 2: it cannot.

    \b
    Examples:
      gangsaw plan check
      gangsaw plan check backlog.yaml --json
    """
    path = _plan_path(file)
    read = _read(path, config)
    if as_json:
        output.say_json(
            {
                "schema_version": 1,
                "file": str(path),
                "ok": read.plan is not None,
                "errors": [_object(each) for each in read.errors],
                "warnings": [_object(each) for each in read.warnings],
                "tasks": len(read.plan.tasks) if read.plan else None,
            }
        )
        return 0 if read.plan is not None else FAULTY
    _warn(read)
    if read.plan is None:
        return _refuse(path, read)
    count, many = len(read.plan.tasks), "" if len(read.plan.tasks) == 1 else "s"
    output.say(f"{path}: {count} task{many}, no faults; try: gangsaw run --dry-run {path}")
    return 0


@command.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a Mermaid graph.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan with all defaults applied.")
@click.option("--width", type=click.IntRange(min=20), help="Columns to use.")
def show(file: Path | None, as_mermaid: bool, as_json: bool, width: int | None) -> int:
    """Draw the graph of FILE (default: plan.yaml).

    \b
    Examples:
      gangsaw plan show
      gangsaw plan show --mermaid > plan.mmd
    """
    path = _plan_path(file)
    read = _read(path)
    if not as_json:
        _warn(read)
    if read.plan is None:
        return _refuse(path, read)
    if as_json:
        output.say_json(plan_json(read.plan))
    elif as_mermaid:
        output.say(mermaid(read.plan).rstrip("\n"))
    else:
        columns = width or min(WIDTH_MAX, shutil.get_terminal_size((100, 24)).columns)
        output.say(picture(read.plan, width=columns).rstrip("\n"))
    return 0


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of plan files, for editors.

    \b
    Examples:
      gangsaw plan schema > plan.schema.json
    """
    output.say(json.dumps(plan_schema(), indent=2, ensure_ascii=False))
    return 0


def _plan_path(file: Path | None) -> Path:
    if file is not None:
        return file
    for name in PLAN_NAMES:
        if Path(name).is_file():
            return Path(name)
    raise UserError("cannot find a plan: there is no plan.yaml here; try: gangsaw plan check FILE")


def _read(path: Path, config: Path | None = None) -> PlanRead:
    """The plan, checked against the agents and checks of the settings where there are any."""
    from gangsaw.cli.place import common_dir_of
    from gangsaw.cli.project import open_project

    if common_dir_of(here()) is None:
        return read_plan_file(path, source=str(path))
    project = open_project(here(), os.environ, config)
    settings = project.settings
    known = [agent.name for agent in settings.agents] or None
    roles = read_roles(project.repo.main_root or project.repo.root)
    return read_plan_file(
        path, source=str(path), known_agents=known, checked=bool(settings.checks), roles=roles
    )


def _warn(read: PlanRead) -> None:
    for complaint in read.warnings:
        output.warn(f"warning: {complaint}")


def _refuse(path: Path, read: PlanRead) -> int:
    for complaint in read.errors:
        output.warn(str(complaint))
    many = "" if len(read.errors) == 1 else "s"
    output.complain(f"cannot use {path}: {len(read.errors)} fault{many}; mend them and try again")
    return FAULTY


def _object(each: Complaint) -> dict[str, Any]:
    return {
        "source": each.source, "line": each.line, "col": each.col, "text": each.text,
        "remedy": each.remedy,
    }  # fmt: skip
