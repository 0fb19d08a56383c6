"""`gangsaw stranded`: work that has not landed, and how to bring it back."""

from __future__ import annotations

import click

from gangsaw.cli import clock, output
from gangsaw.cli.lying import find_stranded
from gangsaw.cli.place import open_repo
from gangsaw.core.spans import span
from gangsaw.git import Stranded
from gangsaw.views.status import named
from gangsaw.views.text import count_of, flat

FILES_SHOWN = 4


@click.command("stranded")
@click.option("--json", "as_json", is_flag=True, help="Print it as an object.")
@click.option("--run", "run_id", metavar="ID", help="Only work of this run's attempts.")
def command(as_json: bool, run_id: str | None) -> int:
    """All work of attempts that is on no integration branch and not on its target: what is kept
    of ended attempts, their branches, worktrees with uncommitted files, stashes, commits that
    nothing refers to any more, and what a clean took away. Newest first, each with its size and
    the command that brings it back.

    \b
    Examples:
      gangsaw stranded
      gangsaw stranded --run r2 --json
    """
    found = find_stranded(open_repo(), run_id)
    if as_json:
        output.say_json({"schema_version": 1, "stranded": [_object(each) for each in found]})
        return 0
    if not found:
        output.say("nothing is stranded: everything landed, or nothing was made")
        return 0
    now = clock.now_s()
    for each in found:
        files = named(list(each.files), FILES_SHOWN)
        output.say(f"{each.kind.value:<8}  {flat(each.call)}")
        count = f"{count_of(len(each.files), 'file')}, {each.size:,} bytes"
        output.say(f"          {count}: {files} · {span(now - each.at)} ago")
        output.say(f"          {flat(each.bring_back)}")
    return 0


def _object(each: Stranded) -> dict[str, object]:
    return {
        "kind": each.kind.value, "name": each.name, "call": each.call, "run": each.run,
        "attempt": each.attempt, "commit": each.commit, "at": each.at, "bytes": each.size,
        "files": list(each.files), "bring_back": each.bring_back,
    }  # fmt: skip
