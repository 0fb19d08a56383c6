"""`gangsaw sync`: mark in task files what commits say is done."""

from __future__ import annotations

import os

import click

from gangsaw.cli import output
from gangsaw.cli.place import open_repo
from gangsaw.cli.syncing import (
    asking_of_hook,
    is_busy,
    lines_of,
    object_of,
    outcomes_of,
    sources_here,
)
from gangsaw.core.errors import UserError
from gangsaw.engine.asking import asking


@click.command("sync")
@click.argument("source", required=False)
@click.option("--since", metavar="COMMIT", help="Only commits that this one does not contain.")
@click.option("--dry-run", is_flag=True, help="Tell what would be marked; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print it as an object.")
@click.option("--hook", is_flag=True, help="As a git hook: the newest commit only; never fail.")
def command(source: str | None, since: str | None, dry_run: bool, as_json: bool, hook: bool) -> int:
    """Mark in a task file what commits say is done: T001: …, (T001), closes T001, trailers.

    Without SOURCE these are all task files where such files usually lie. Commits count from the
    one that added the file. A mark is never taken away, and no other byte of the file changes.

    \b
    Examples:
      gangsaw sync
      gangsaw sync --dry-run
      gangsaw sync specs/003-goals/tasks.md --since v1.2
      gangsaw init --hooks        # after every commit

    The schema of the object: gangsaw schema sync
    """
    try:
        return _sync(source, since, dry_run=dry_run, as_json=as_json, hook=hook)
    except UserError:
        if hook:
            return 0
        raise


def _sync(
    source: str | None, since: str | None, *, dry_run: bool, as_json: bool, hook: bool
) -> int:
    repo = open_repo()
    if repo.bare:
        raise UserError("cannot sync: the repository is bare; try a worktree of it")
    if hook and is_busy(repo):
        return 0
    start = repo.resolve(since) if since is not None else None
    if since is not None and start is None:
        raise UserError(f"cannot find the commit '{since}'; try: git log --oneline", exit_code=2)
    sources, left_out = sources_here(repo, source)
    ask = asking_of_hook(os.environ) if hook else asking(os.environ)
    found, unread, unclear = outcomes_of(
        repo, sources, start, ask, dry=dry_run, newest_only=hook, is_named=source is not None
    )
    left_out += unread
    if as_json:
        output.say_json(
            {"schema_version": 1, "dry_run": dry_run, "left_out": left_out,
             "unclear": unclear,
             "sources": [object_of(each) for each in found]}
        )  # fmt: skip
    else:
        lines = [line for each in found for line in lines_of(each, dry=dry_run)]
        output.say("\n".join([*lines, *left_out, *unclear]) or "there is no task in these files")
    is_short = unclear or any(each.synced.refused for each in found)
    return 1 if is_short and not hook else 0
