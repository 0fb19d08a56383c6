"""`gangsaw resolve TASK`: a person takes a conflict over; and what came of earlier ones."""

from __future__ import annotations

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import find_control

ROWS_MAX = 30


@click.command("resolve")
@click.argument("task", required=False)
@click.option("--done", is_flag=True, help="Hand the resolution in: it is checked and landed.")
@click.option("--abort", is_flag=True, help="Give it back unresolved; what was done is kept.")
@click.option(
    "--history", is_flag=True, help="How conflicts (of these files) were resolved before."
)
@click.option("--json", "as_json", is_flag=True, help="Print an object.")
def command(task: str | None, done: bool, abort: bool, history: bool, as_json: bool) -> int:
    """Resolve the conflict of TASK with what has landed yourself.

    Makes a worktree with the merge begun and its markers, and a page with what both sides were
    asked to do, what they changed, and how conflicts in these files were resolved before. While it
    is yours no agent works on TASK, what needs it waits, and everything else goes on. --done takes
    your resolution as an attempt of its own: it has to pass its checks like any other work. Needs
    no live engine; without one it lands with the next gangsaw run.

    With --history alone, every resolution of every run and what came of it; with TASK, those in the
    files that it conflicts in now.

    \b
    Examples:
      gangsaw resolve api
      gangsaw resolve api --done
      gangsaw resolve api --abort
      gangsaw resolve api --history
    """
    from gangsaw.cli import resolving

    if done + abort + history > 1:
        raise click.UsageError("give one of --done, --abort and --history")
    if history:
        return _history(task, as_json=as_json)
    if task is None:
        raise click.UsageError("which task? gangsaw resolve TASK, or --history")
    if done:
        return resolving.give(task, as_json=as_json)
    if abort:
        return resolving.give_back(task, as_json=as_json)
    return resolving.prepare(task, as_json=as_json)


def _history(task: str | None, *, as_json: bool) -> int:
    from gangsaw.cli import resolving
    from gangsaw.views.resolutions import resolution_line, resolutions_object, touching

    found = resolving.all_resolutions(find_control())
    paths: tuple[str, ...] = ()
    if task is not None:
        paths = resolving.present_paths(task)
        found = touching(found, paths)
    if as_json:
        output.say_json(resolutions_object(found, paths))
        return 0
    if not found:
        output.say("no conflict was resolved" + (f" in {', '.join(paths)}" if paths else ""))
        return 0
    now = clock.now_s()
    for one in found[-ROWS_MAX:]:
        output.say(resolution_line(one, now))
    return 0
