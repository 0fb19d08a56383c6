"""`gangsaw clean`: remove what ended runs have left, after showing exactly what."""

from __future__ import annotations

import sys

import click

from gangsaw.cli import output
from gangsaw.cli.leftovers import Found, Leftover, find_leftovers, remove
from gangsaw.cli.place import open_repo
from gangsaw.core.errors import UserError
from gangsaw.git import Repository
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import open_journal
from gangsaw.store.lock import Held, WriterLock
from gangsaw.views.text import flat


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="Only show.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as an object.")
def command(dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove what ended runs have left: worktrees whose work is held by refs, worktrees for
    checks, records of runs before the last. Shows every path with its bytes first.

    Work that nothing else holds is never removed, and refs never are.

    \b
    Examples:
      gangsaw clean --dry-run
      gangsaw clean --yes
    """
    repo = open_repo()
    control = make_control(repo.control_dir)
    lock = WriterLock.acquire(control.lock)
    try:
        found = _find(repo, control, engine_alive=not isinstance(lock, Held))
        if not as_json:
            _show(found)
        if dry_run or not found.leftovers:
            return _report(found, [], [], as_json=as_json, dry_run=dry_run)
        if not yes and not _agreed(as_json=as_json):
            return 1
        return _remove(repo, found, as_json=as_json)
    finally:
        if isinstance(lock, Held):
            lock.release()


def _find(repo: Repository, control: Control, *, engine_alive: bool) -> Found:
    if not control.journal.exists():
        return find_leftovers(repo, None, engine_alive=engine_alive)
    with open_journal(control.journal, writer=False) as journal:
        return find_leftovers(repo, journal, engine_alive=engine_alive)


def _show(found: Found) -> None:
    for each in found.leftovers:
        output.say(f"{each.size:>14,} bytes  {each.sort.value:<8}  {flat(str(each.path), 400)}")
    for spared in found.spared:
        output.say(f"{'stays':>20}            {flat(str(spared.path), 400)}: {spared.why}")
    total = sum(each.size for each in found.leftovers)
    if found.leftovers:
        output.say(f"{total:>14,} bytes  in all")
    else:
        output.say("nothing to clean")


def _agreed(*, as_json: bool) -> bool:
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("cannot ask without a terminal; try: gangsaw clean --yes")
    return click.confirm("Remove these?")


def _remove(repo: Repository, found: Found, *, as_json: bool) -> int:
    removed: list[Leftover] = []
    refused: list[tuple[Leftover, str]] = []
    for each in found.leftovers:
        why = remove(repo, each)
        if why is None:
            removed.append(each)
        else:
            refused.append((each, why))
    return _report(found, removed, refused, as_json=as_json, dry_run=False)


def _report(
    found: Found,
    removed: list[Leftover],
    refused: list[tuple[Leftover, str]],
    *,
    as_json: bool,
    dry_run: bool,
) -> int:
    if as_json:
        output.say_json(
            {
                "schema_version": 1,
                "dry_run": dry_run,
                "leftovers": [
                    {"sort": each.sort.value, "path": str(each.path), "bytes": each.size,
                     "removed": each in removed}
                    for each in found.leftovers
                ],
                "spared": [{"path": str(each.path), "why": each.why} for each in found.spared],
                "refused": [{"path": str(each.path), "why": why} for each, why in refused],
            }
        )  # fmt: skip
    else:
        for each, why in refused:
            output.complain(f"cannot remove {each.path}: {why}")
        if removed:
            output.say(f"removed {sum(each.size for each in removed):,} bytes")
    return 1 if refused else 0
