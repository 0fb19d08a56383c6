"""`gangsaw schedule up|down|status|logs|export`: a plan that is run again and again."""

from __future__ import annotations

import sys
from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import find_control
from gangsaw.cli.source_options import source_options
from gangsaw.core import schedule as sc
from gangsaw.core.errors import UserError
from gangsaw.core.schedule import Schedule
from gangsaw.engine.scheduler import decode_fact, fold_log
from gangsaw.store.lock import WriterLock
from gangsaw.store.schedule_log import LogRow, SchedulePlace, read_log
from gangsaw.views.schedule import fact_line, schedule_text

FOLLOW_EVERY_S = 0.2
UNKEPT = 1


@click.group("schedule")
def command() -> None:
    """Run a plan again and again, in the background. A tick runs what has not landed yet.

    In front: gangsaw run plan.yaml --every 10m --for 6h

    \b
    Examples:
      gangsaw schedule up plan.yaml --every 10m --for 6h
      gangsaw schedule up plan.yaml --cron "0 3 * * 1-5"
      gangsaw schedule up --from roadmap --every 10m --for 6h
      gangsaw schedule status
      gangsaw schedule logs -f
      gangsaw schedule down
    """


def _up(context: click.Context, /, **options: Any) -> None:
    """Keep a schedule in the background: `gangsaw run PLAN --every TIME --detach`."""
    from gangsaw.cli.commands.run import command as run
    from gangsaw.cli.scheduling import keep_in_background

    if not options.get("every_s") and not options.get("cron"):
        sources = (context.get_parameter_source(name) for name in context.params)
        if any(source is click.core.ParameterSource.COMMANDLINE for source in sources):
            raise click.UsageError("how often? Try --every 10m, or --cron TEXT")
        context.exit(keep_in_background(find_control()))
    assert run.callback is not None
    run.callback(**{**options, "detach": True})


def _make_up() -> click.Command:
    """`up` takes the options of `gangsaw run`, but for those that make no sense of a schedule."""
    from gangsaw.cli.commands.run import command as run

    without = {"detach", "new", "dry_run", "unlanded", "plain", "as_json", "on_interrupt", "tick"}
    kept = [each for each in run.params if each.name not in without]
    defaults = dict.fromkeys(without, False) | {"on_interrupt": None, "tick": None}

    @click.pass_context
    def callback(context: click.Context, /, **options: Any) -> None:
        _up(context, **{**defaults, **options})

    text = """Keep a schedule in the background. Without PLAN: go on with the one that is not over.

    The options are those of gangsaw run; each tick's run has them.

    \b
    Examples:
      gangsaw schedule up plan.yaml --every 10m --for 6h
      gangsaw schedule up plan.yaml --cron "0 3 * * 1-5" --budget 5
      gangsaw schedule up --from roadmap --every 10m --for 6h
      gangsaw schedule up
    """
    return click.Command("up", params=kept, callback=callback, help=text)


command.add_command(_make_up())


@command.command("keep", hidden=True)
def keep() -> int:
    """Keep the open schedule, in front: what `up` starts."""
    from gangsaw.cli.scheduling import keep_open_one

    return keep_open_one(find_control())


@command.command("down")
@click.option("--wait", "wait", is_flag=True, help="Let the current run end by itself first.")
@click.option("--kill", "kill", is_flag=True, help="End the current run's agents at once.")
def down(wait: bool, kill: bool) -> int:
    """End the schedule. The run of its current tick is stopped, as by gangsaw stop.

    Nothing is lost: gangsaw run goes on with a run that was stopped. A run that is none of the
    schedule's goes on.
    """
    from gangsaw.cli.schedule_ending import end_schedule

    if wait and kill:
        raise click.UsageError("--wait and --kill exclude each other")
    return end_schedule(find_control(), "wait" if wait else "kill" if kill else "stop")


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as an object.")
def status(as_json: bool) -> int:
    """When the next tick is, how many there were, and what they came to.

    Exit code 1 if the schedule is not over and nobody keeps it, else 0.

    The schema of the object: gangsaw schema schedule
    """
    from gangsaw.cli.scheduling import status_of

    place, state = _found()
    holder = WriterLock.holder(place.lock)
    now = clock.now_s()
    found = status_of(state, None if holder is None else holder.pid, now)
    if as_json:
        output.say_json(found)
    else:
        output.say("\n".join(schedule_text(found, now)))
    return UNKEPT if state.is_open and holder is None else 0


@command.command("logs")
@click.argument("tick", required=False, type=click.IntRange(1))
@click.option("-f", "--follow", is_flag=True, help="Go on until nobody keeps it any more.")
@click.option("--all", "former", is_flag=True, help="Of former schedules too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def logs(tick: int | None, follow: bool, former: bool, as_json: bool) -> int:
    """What became of every tick: when it was due, when it began, which run, how it ended, or why
    there was none. With TICK: what the run of that tick has said.

    \b
    Examples:
      gangsaw schedule logs
      gangsaw schedule logs -f
      gangsaw schedule logs 3
      gangsaw schedule logs --json | jq -r 'select(.kind == "tick.ended") | .body.text'

    The schema of a line: gangsaw schema schedule-logs
    """
    place, state = _found()
    if tick is not None:
        return _said(place, state, tick)
    shown = 0
    while True:
        alive = WriterLock.holder(place.lock) is not None
        rows = read_log(place.log)
        for number, row in enumerate(rows):
            if number >= shown and (former or number >= _first(rows)):
                _show(row, as_json)
        shown = len(rows)
        sys.stdout.flush()
        if not (follow and alive):
            return 0
        clock.pause(FOLLOW_EVERY_S)


def _first(rows: list[LogRow]) -> int:
    """Where the last schedule begins."""
    return max((n for n, row in enumerate(rows) if row.kind == "schedule.begun"), default=0)


def _show(row: LogRow, as_json: bool) -> None:
    if as_json:
        output.say_json_line({"at": row.at, "kind": row.kind, "body": row.body})
    elif row.kind in sc.FACTS:
        output.say(fact_line(decode_fact(row), row.at))


def _said(place: SchedulePlace, state: Schedule, tick: int) -> int:
    assert state.begun is not None
    path = place.output(state.begun.schedule, tick)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise UserError(
            f"cannot find what tick {tick} has said: it began no run, or it is too long ago; "
            "try: gangsaw schedule logs",
            exit_code=1,
        ) from None
    output.say(text.rstrip("\n"))
    return 0


def _found() -> tuple[SchedulePlace, Schedule]:
    """The schedule of this repository. `UserError` where there was none."""
    place = SchedulePlace(find_control().root)
    state = fold_log(read_log(place.log))
    if state.begun is None:
        raise UserError(
            "cannot find a schedule: there was none here yet; "
            "try: gangsaw schedule up PLAN --every 10m --for 6h",
            exit_code=1,
        )
    return place, state


@command.command("export")
@click.argument("plan", required=False)
@click.option("--systemd", "form", flag_value="systemd", help="A user service and its timer.")
@click.option("--crontab", "form", flag_value="crontab", help="A line for crontab -e.")
@click.option("--ci", "form", flag_value="ci", help="A workflow for a CI service.")
@click.option("--every", metavar="TIME", help="How often: 10m, 2h.")
@click.option("--cron", metavar="TEXT", help="The same as cron text.")
@source_options("A task file of another kind: PATH, NAME or NAME:PATH.")
def export(
    plan: str | None, source: str | None, form: str | None, every: str | None, cron: str | None
) -> int:
    """Print what has somebody else keep the schedule: systemd, cron, or a CI service. Without PLAN
    it is the schedule of this repository.

    \b
    Examples:
      gangsaw schedule export --systemd
      gangsaw schedule export plan.yaml --every 10m --crontab
      gangsaw schedule export plan.yaml --cron "0 3 * * *" --ci > .github/workflows/gangsaw.yml
    """
    from gangsaw.cli.schedule_export import exported

    if form is None:
        raise click.UsageError("for whom? Try --systemd, --crontab or --ci")
    if plan is not None and source is not None:
        raise click.UsageError("name a plan, or a source with --from, not both")
    output.say(exported(form, plan, source, every, cron))
    return 0
