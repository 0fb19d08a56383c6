"""`gangsaw run`: begin a run, or go on with the last one."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from gangsaw.cli.asked import Asked
from gangsaw.cli.config_option import config_option
from gangsaw.cli.ordering import asked_order, plan_beside
from gangsaw.cli.project import open_project
from gangsaw.cli.schedule_options import schedule_options
from gangsaw.cli.source_options import source_options
from gangsaw.cli.trusting import require_agreement
from gangsaw.core.errors import UserError
from gangsaw.core.model import Deliver
from gangsaw.engine.unlanded import NothingToDo


@click.command(epilog="Exit codes: 0 all landed, 1 something failed, 2 usage, 3 needs a person, "
               "4 stopped by a limit, 130 interrupted.")  # fmt: skip
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@source_options("Run a task file of another kind: PATH, NAME or NAME:PATH.")
@click.option("-n", "--max-agents", type=click.IntRange(1), help="At most so many agents at once.")
@click.option("--batched/--no-batched", "batched", default=None,
              help="In waves: the next start when all that started together ended.")  # fmt: skip
@click.option("--agent", help="The default agent (a name of [agents.NAME]).")
@click.option("--only", "only", multiple=True, metavar="TASK", help="Only this task and its needs.")
@click.option("--epic", "epic", multiple=True, metavar="ID",
              help="Of a task file: only what is a part of this, and its needs.")  # fmt: skip
@click.option(
    "--target", metavar="BRANCH", help="Branch to land on (default: the checked-out one)."
)
@click.option("--deliver", type=click.Choice([mode.value for mode in Deliver]),
              help="When the target branch is moved to what landed.")  # fmt: skip
@click.option("--budget", type=click.FloatRange(0), help="Dollars that the run may cost.")
@click.option("--budget-tokens", type=click.IntRange(0), help="Tokens that the run may use.")
@click.option(
    "--budget-day",
    type=click.FloatRange(0),
    help="Dollars that all runs of the repository may cost on one day (UTC).",
)
@click.option("--budget-day-tokens", type=click.IntRange(0), help="The same in tokens.")
@config_option
@click.option(
    "--new", "new", is_flag=True, help="Begin a new run even if the last is not finished."
)
@click.option("--dry-run/--no-dry-run", default=None,
              help="Show what would start in which order; do nothing.")  # fmt: skip
@click.option("--verbose", is_flag=True,
              help="With --dry-run: also what each agent would be told.")  # fmt: skip
@click.option("--detach", is_flag=True, help="Leave the engine running in the background.")
@click.option("--trust-setup", is_flag=True,
              help="Agree to the setup of [worktree] as it is now; see: gangsaw trust")  # fmt: skip
@click.option("--on-interrupt", type=click.Choice(["detach", "pause", "stop"]),
              help="What Ctrl-C does without a terminal to ask on.")  # fmt: skip
@click.option("--watch/--no-watch", "watch", default=True,
              help="Take up changes of a task file while its run goes on.")  # fmt: skip
@schedule_options
@click.option("--plain", is_flag=True, help="One line per fact, also on a terminal.")
@click.option("--json", "as_json", is_flag=True,
              help="The last line is the status object, or what would be done.")  # fmt: skip
@click.pass_context
def command(context: click.Context, /, plan: Path | None, **options: object) -> None:
    """Run PLAN (default: plan.yaml), or go on with the last run where it stopped.

    \b
    gangsaw run plan.yaml              run it, or go on with it
    gangsaw run --max-agents 6         at most six agents at once
    gangsaw run --dry-run              what would start, in which order
    gangsaw run --detach               in the background; then: gangsaw status --watch
    gangsaw run --every 10m --for 6h   on a schedule; see also: gangsaw schedule --help
    gangsaw run --from roadmap         a task file of another kind; see docs/howto/task-files.md
    """
    asked = Asked(**options)  # type: ignore[arg-type]
    folder = Path.cwd()
    project = open_project(folder, os.environ, asked.config)
    for warning in project.warnings:
        click.echo(f"gangsaw: warning: {warning}", err=True)
    if asked.dry_run is None:
        asked = replace(asked, dry_run=project.settings.dry_run)
    if asked.verbose and not asked.dry_run:
        raise UserError("cannot be verbose about a real run; try: gangsaw run --dry-run --verbose",
                        exit_code=2)  # fmt: skip
    if asked.is_schedule:
        from gangsaw.cli.scheduling import run_on_schedule

        with suppress(NothingToDo):  # there may be something by a later tick
            asked_order(project, folder, plan, asked)
        require_agreement(project.repo, project.settings.worktree.setup, agreed=asked.trust_setup)
        context.exit(run_on_schedule(project, plan or plan_beside(project, folder), asked))
    order = asked_order(project, folder, plan, asked)
    if asked.dry_run:
        from gangsaw.cli.rehearsing import show_rehearsal

        show_rehearsal(project.repo, order, verbose=asked.verbose, as_json=asked.as_json)
        return
    require_agreement(project.repo, project.settings.worktree.setup, agreed=asked.trust_setup)
    if asked.detach:
        from gangsaw.cli.detaching import detach

        detach(project, asked)
    else:
        from gangsaw.cli.driving import drive_in_front

        code = drive_in_front(project, order, asked)
        context.exit(code)
