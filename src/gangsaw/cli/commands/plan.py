"""`gangsaw plan check|show|schema`: a plan's faults, its picture, its schema."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gangsaw.cli import output
from gangsaw.cli.commands.plan_convert import command as convert
from gangsaw.cli.config_option import config_option
from gangsaw.cli.place import here, home_of
from gangsaw.cli.source_options import source_options
from gangsaw.cli.taking import PLAN_NAMES, Taken, take
from gangsaw.core.errors import UserError
from gangsaw.plan import Complaint, mermaid, picture, plan_json, plan_schema, read_roles

if TYPE_CHECKING:
    from gangsaw.sources import SourceRead

WIDTH_MAX = 160
FAULTY = 2


FROM = source_options("A task file of another kind: PATH, NAME or NAME:PATH.")


@click.group("plan", invoke_without_command=True)
@FROM
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="With --from: write the plan into FILE, which must not exist.")  # fmt: skip
@click.pass_context
def command(context: click.Context, source: str | None, output: Path | None) -> None:
    """Check or draw a plan, print the schema of plan files, or make one from another task file.

    \b
    gangsaw plan --from specs/003-goals/tasks.md             print it as a plan
    gangsaw plan --from roadmap:ROADMAP.md -o plan.yaml      write it
    gangsaw plan convert --from beads --to csv               write it as another kind

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
    if context.invoked_subcommand is None:
        if source is None:
            click.echo(context.get_help())
            context.exit(0)
        context.exit(_print_plan(source, output))
    if source is not None or output is not None:
        raise click.UsageError(f"write --from behind it: gangsaw plan {context.invoked_subcommand}")


def _print_plan(source: str, output_file: Path | None) -> int:
    """Write a source as a plan file."""
    from gangsaw.sources.plan_text import plan_text

    taken = _take(None, source)
    _warn_briefly(taken)
    if taken.plan.plan is None or taken.read is None:
        return _refuse(taken)
    text = plan_text(taken.read.tree)
    if output_file is None:
        output.say(text.rstrip("\n"))
        return 0
    try:
        with output_file.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(
            f"cannot write {output_file}: {error.strerror}; try another name"
        ) from error
    output.say(f"{output_file}: {_count(taken)}; try: gangsaw plan check {output_file}")
    return 0


command.add_command(convert)


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@FROM
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the complaints as an object.")
def check(file: Path | None, source: str | None, config: Path | None, as_json: bool) -> int:
    """Tell every fault of FILE (default: plan.yaml) at once, each with its place and a remedy.

    FILE may also be a task file of another kind: then every record that could not be read, and
    every need that was inferred, is told with its line; what else is said alike of many records
    is told once, with its first places (--json has all). Exit code 0: it can be run (there may be
    warnings); 2: it cannot.

    \b
    Examples:
      gangsaw plan check
      gangsaw plan check backlog.yaml --json
    """
    taken = _take(file, source, config)
    ok = taken.plan.plan is not None or _is_done(taken)
    if as_json:
        output.say_json(
            {
                "schema_version": 1,
                "file": taken.shown,
                "ok": ok,
                "errors": [_object(each) for each in taken.plan.errors],
                "warnings": [_object(each) for each in taken.plan.warnings],
                "tasks": len(taken.plan.plan.tasks) if taken.plan.plan else None,
                **_of_source(taken),
            }
        )
        return 0 if ok else FAULTY
    _warn(taken)
    for each in taken.read.inferred if taken.read is not None else ():
        output.say(str(each))
    if not ok:
        return _refuse(taken)
    output.say(
        f"{taken.shown}: {_count(taken)}, no faults; try: gangsaw run --dry-run {taken.again}"
    )
    return 0


def _of_source(taken: Taken) -> dict[str, Any]:
    """What is told of a task file that is no plan of ours."""
    read = taken.read
    return {
        "dialect": _kind(read) if read else None,
        "records": len(read.items) if read else None,
        "unread": [_object(each) for each in read.unread] if read else [],
        "inferred": [_object(each) for each in read.inferred] if read else [],
        "notes": [_object(each) for each in read.notes] if read else [],
    }


def _kind(read: SourceRead) -> str:
    return read.dialect.partition("?")[0]


def _is_done(taken: Taken) -> bool:
    return taken.read is not None and taken.read.is_done


def _count(taken: Taken) -> str:
    """How many tasks there are, and of how many records."""
    count = len(taken.plan.plan.tasks) if taken.plan.plan else 0
    said = f"{count} task{'' if count == 1 else 's'}"
    if taken.read is None:
        return said
    records = len(taken.read.items)
    return f"{said} of {records} record{'' if records == 1 else 's'} ({_kind(taken.read)})"


@command.command("show")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--mermaid", "as_mermaid", is_flag=True, help="Print a Mermaid graph.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan with all defaults applied.")
@click.option("--width", type=click.IntRange(min=20), help="Columns to use.")
@FROM
def show(
    file: Path | None, as_mermaid: bool, as_json: bool, width: int | None, source: str | None
) -> int:
    """Draw the graph of FILE (default: plan.yaml).

    \b
    Examples:
      gangsaw plan show
      gangsaw plan show --mermaid > plan.mmd
    """
    taken = _take(file, source)
    plan = taken.plan.plan
    if not as_json:
        _warn_briefly(taken)
    if plan is None:
        return _refuse(taken)
    if as_json:
        output.say_json(plan_json(plan))
    elif as_mermaid:
        output.say(mermaid(plan).rstrip("\n"))
    else:
        columns = width or min(WIDTH_MAX, shutil.get_terminal_size((100, 24)).columns)
        output.say(picture(plan, width=columns).rstrip("\n"))
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


def _take(file: Path | None, source: str | None, config: Path | None = None) -> Taken:
    """The plan, checked against the agents and checks of the settings where there are any."""
    from gangsaw.cli.place import common_dir_of
    from gangsaw.cli.project import open_project

    if file is not None and source is not None:
        raise click.UsageError("name a file, or a source with --from, not both")
    path = None if source is not None else _plan_path(file)
    if common_dir_of(here()) is None:
        return take(path, source, Path.cwd())
    project = open_project(here(), os.environ, config)
    settings = project.settings
    known = [agent.name for agent in settings.agents] or None
    roles = read_roles(project.repo.main_root or project.repo.root)
    return take(
        path,
        source,
        Path.cwd(),
        home=home_of(project.repo),
        known_agents=known,
        checked=bool(settings.checks),
        roles=roles,
    )


def _warn(taken: Taken) -> None:
    for line in taken.told_once:
        output.warn(f"warning: {line}")


def _warn_briefly(taken: Taken) -> None:
    for line in taken.told_briefly:
        output.warn(f"warning: {line}")


def _refuse(taken: Taken) -> int:
    if _is_done(taken):
        held = taken.read is not None and taken.read.is_held
        but = " but what is on hold" if held else ""
        output.complain(f"cannot use {taken.shown}: nothing is left to be done in it{but}")
        return FAULTY
    errors = taken.plan.errors
    for complaint in errors:
        output.warn(str(complaint))
    many = "" if len(errors) == 1 else "s"
    output.complain(f"cannot use {taken.shown}: {len(errors)} fault{many}; mend them and try again")
    return FAULTY


def _object(each: Complaint) -> dict[str, Any]:
    return {
        "source": each.source, "line": each.line, "col": each.col, "text": each.text,
        "remedy": each.remedy,
    }  # fmt: skip
