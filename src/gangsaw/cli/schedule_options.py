"""The options of `gangsaw run` that make a schedule of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from gangsaw.core.remainder import TRIES_MAX
from gangsaw.core.rhythm import EVERY_MIN_S
from gangsaw.core.spans import seconds_of

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def _length(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """The seconds of a length of time."""
    if text is None:
        return None
    found = seconds_of(text)
    if found is None or found < EVERY_MIN_S:
        raise click.BadParameter(f"'{text}' is no length of time; try 90s, 10m, 2h or 1h30m")
    return found


def _cron(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    from gangsaw.core.rhythm import cron_fault

    fault = cron_fault(text)
    if fault:
        raise click.BadParameter(f'{fault}; try "*/10 * * * *", or --every 10m')
    return " ".join(text.split())


def schedule_options(command: Decorated) -> Decorated:
    """The command with the options of a schedule."""
    options = (
        click.option("--unlanded", is_flag=True,
                     help="Only what earlier runs have not landed; first the unfinished run."),
        click.option("--every", "every_s", metavar="TIME", callback=_length,
                     help="Again and again: 90s, 10m, 1h30m; each time what has not landed."),
        click.option("--for", "for_s", metavar="TIME", callback=_length,
                     help="With --every or --cron: for so long (default: without end)."),
        click.option("--cron", metavar="TEXT", callback=_cron,
                     help='The same by cron text, such as "0 3 * * 1-5".'),
        click.option("--repeat", is_flag=True,
                     help="With --every or --cron: run all of the plan each time."),
        click.option("--tries", type=click.IntRange(1), default=TRIES_MAX, show_default=True,
                     help="With --every or --cron: in so many runs a task may fail."),
        click.option("--tick", hidden=True),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
