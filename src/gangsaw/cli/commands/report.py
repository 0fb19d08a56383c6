"""`gangsaw report`: what became of a run, in figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, reading
from gangsaw.core.errors import UserError

if TYPE_CHECKING:
    from gangsaw.core.report import RunReport

FORMATS = ("md", "json", "html", "svg")
_ENDINGS = {"": "md", "txt": "md", "markdown": "md", "htm": "html"}


@click.command("report")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--format", "form", type=click.Choice(FORMATS),
              help="Markdown, an object, a page, or the timeline alone (default: by the ending "
                   "of --output, else md).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write it to this file.")  # fmt: skip
def command(run_id: str | None, form: str | None, as_json: bool, file: Path | None) -> int:
    """What became of RUN (default: the last one), in figures: what landed and what did not, how
    busy agents, slots and tracks were, how often the time one after the other would have taken,
    the critical chain as it was, waits, retries, checks, landings and money.

    Every figure comes from the run's events. It can be asked while the run goes on. The page is one
    file without scripts, with a timeline.

    \b
    Examples:
      gangsaw report
      gangsaw report r3 --output report.html
      gangsaw report --json | jq '.waits'

    The schema of the object: gangsaw schema report
    """
    form = "json" if as_json else form or _by_name(file)
    control = find_control()
    from gangsaw.cli.reported import read_report

    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        now = clock.now_s() if holder_of(control, journal, run) is not None else None
        report = read_report(journal, run, now)
    text = _text(report, form)
    if file is None:
        output.say(text.removesuffix("\n"))
        return 0
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; try another --output") from error
    output.say(f"{file}: the report of {run}")
    return 0


def _by_name(file: Path | None) -> str:
    """The format that the file's ending names; Markdown where it has none."""
    ending = file.suffix.lower().removeprefix(".") if file is not None else ""
    form = _ENDINGS.get(ending, ending)
    if form not in FORMATS:
        raise UserError(f"cannot write {file}: no report ends in .{ending}; try an ending of "
                        f"{', '.join(FORMATS)}, or --format")  # fmt: skip
    return form


def _text(report: RunReport, form: str) -> str:
    match form:
        case "json":
            from gangsaw.views.report.shape import report_object

            return output.object_text(report_object(report))
        case "html":
            from gangsaw.views.report.page import page

            return page(report)
        case "svg":
            from gangsaw.views.report.picture import timeline

            return timeline(report) + "\n"
        case _:
            from gangsaw.views.report.markdown import markdown

            return markdown(report)
