"""`gangsaw clean`: remove what ended runs have left, after showing it; and bring it back."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

import click

from gangsaw.cli import clock, output
from gangsaw.cli.leftovers import Found, Leftover, Sort, Wanted, find_leftovers, remove
from gangsaw.cli.place import open_repo
from gangsaw.core.errors import UserError
from gangsaw.git import (
    Repository,
    Trashed,
    bring_back_all,
    burden_of,
    cleans,
    drop_trash,
    next_clean,
    trashed,
)
from gangsaw.store.control import Control, make_control
from gangsaw.store.journal import journal_if_any
from gangsaw.store.lock import Held, WriterLock
from gangsaw.views.text import count_of, flat

LAST = "last"
ALL = "all"
_AGE = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class How:
    """How to go about it."""

    dry_run: bool
    yes: bool
    as_json: bool


@click.command("clean")
@click.option("--dry-run", is_flag=True, help="Only show.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as an object.")
@click.option("--older-than", metavar="AGE", help="Only what is older: 30d, 12h, 45m, 2w.")
@click.option("--logs", is_flag=True, help="Also records of the last run, if that has ended.")
@click.option("--kept", is_flag=True, help="Also refs that keep the work of attempts.")
@click.option(
    "--undo",
    metavar="[CLEAN]",
    is_flag=False,
    flag_value=LAST,
    help="Bring back what a clean took away; the last one, if none is named.",
)
@click.option("--trash", metavar="[CLEAN]", is_flag=False, flag_value=ALL,
              help="Drop for ever what cleans took away; all of it, if none is named.")  # fmt: skip
def command(
    dry_run: bool,
    yes: bool,
    as_json: bool,
    older_than: str | None,
    logs: bool,
    kept: bool,
    undo: str | None,
    trash: str | None,
) -> int:
    """Remove what ended runs have left: worktrees, branches of attempts, worktrees for checks,
    records of runs before the last. Shows everything with its bytes first, and asks.

    Commits, staged and uncommitted files are held by refs before anything goes, and `--undo` brings
    worktrees, branches and refs back as they were. Files that git ignores, transcripts and check
    logs do not come back. What no ref can hold stays, and is named. `--trash` alone removes
    work for good.

    \b
    Examples:
      gangsaw clean --dry-run
      gangsaw clean --yes --older-than 30d --kept
      gangsaw clean --undo
    """
    how = How(dry_run, yes, as_json)
    if undo is not None and trash is not None:
        raise UserError("cannot undo and drop at once; try one of --undo and --trash")
    repo = open_repo()
    if undo is not None:
        return _undo(repo, undo, how)
    if trash is not None:
        return _drop(repo, trash, how)
    now = clock.now_s()
    before = None if older_than is None else now - _age_s(older_than)
    return _clean(repo, Wanted(kept, logs, before), now, how)


def _age_s(text: str) -> int:
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UserError(f"cannot read the age '{text}'; try 30d, 12h, 45m or 2w")
    return int(found[1]) * _SECONDS[found[2]]


# -- cleaning ------------------------------------------------------------------------------------


def _clean(repo: Repository, wanted: Wanted, now: float, how: How) -> int:
    control = make_control(repo.control_dir)
    lock = WriterLock.acquire(control.lock)
    try:
        found = _find(repo, control, wanted, engine_alive=not isinstance(lock, Held))
        if not how.as_json:
            _show(found)
        if how.dry_run or not found.leftovers:
            return _report(found, None, [], {}, how)
        if not how.yes and not _agreed("Remove these?", "gangsaw clean --yes", how):
            return 1
        clean = next_clean(repo)
        removed: list[Leftover] = []
        refused: dict[str, str] = {}
        for each in found.leftovers:
            why = remove(repo, each, clean, now)
            if why is None:
                removed.append(each)
            else:
                refused[each.path] = why
        return _report(found, clean if trashed(repo, clean) else None, removed, refused, how)
    finally:
        if isinstance(lock, Held):
            lock.release()


def _find(repo: Repository, control: Control, wanted: Wanted, *, engine_alive: bool) -> Found:
    with journal_if_any(control.journal) as journal:
        return find_leftovers(repo, journal, wanted, engine_alive=engine_alive)


def _show(found: Found) -> None:
    for each in found.leftovers:
        output.say(f"{each.size:>14,} bytes  {each.sort.value:<8}  {flat(each.path, 400)}")
    for spared in found.spared:
        output.say(f"{'stays':>20}            {flat(spared.path, 400)}: {spared.why}")
    if not found.leftovers:
        output.say("nothing to clean")
        return
    total = sum(each.size for each in found.leftovers)
    output.say(f"{total:>14,} bytes  in all")
    ignored = sum(each.ignored for each in found.leftovers)
    records = sum(each.size for each in found.leftovers if each.sort is Sort.RECORDS)
    output.say("gangsaw clean --undo brings back worktrees, branches and refs, but not:")
    output.say(f"{ignored:>14,} bytes  of files in worktrees that git ignores")
    output.say(f"{records:>14,} bytes  of prompts, transcripts and check logs")


def _agreed(question: str, remedy: str, how: How) -> bool:
    if how.as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(f"cannot ask without a terminal; try: {remedy}")
    return click.confirm(question)


def _report(
    found: Found, clean: str | None, removed: list[Leftover], refused: dict[str, str], how: How
) -> int:
    if how.as_json:
        output.say_json(
            {
                "schema_version": 1,
                "dry_run": how.dry_run,
                "clean": clean,
                "leftovers": [
                    {"sort": each.sort.value, "path": each.path, "bytes": each.size,
                     "ignored_bytes": each.ignored, "removed": each in removed}
                    for each in found.leftovers
                ],
                "spared": [{"path": each.path, "why": each.why} for each in found.spared],
                "refused": [{"path": path, "why": why} for path, why in refused.items()],
            }
        )  # fmt: skip
        return 1 if refused else 0
    for path, why in refused.items():
        output.complain(f"cannot remove {flat(path, 400)}: {why}")
    if removed:
        output.say(f"removed {sum(each.size for each in removed):,} bytes")
    if clean is not None:
        output.say(f"to bring it back: gangsaw clean --undo {clean}")
    return 1 if refused else 0


# -- undoing and dropping ------------------------------------------------------------------------


def _undo(repo: Repository, wanted: str, how: How) -> int:
    known = cleans(repo)
    if not known:
        raise UserError("cannot undo: no clean has left anything in the trash", exit_code=1)
    clean = known[-1] if wanted == LAST else wanted
    if clean not in known:
        raise UserError(
            f"cannot find the clean '{clean}' in the trash; try one of: {', '.join(known)}"
        )
    items = trashed(repo, clean)
    found = () if how.dry_run else bring_back_all(repo, clean)
    came = {each.name: each.why for each in found}
    if how.as_json:
        rows = [{"name": each.name, "worktree": each.is_worktree,
                 "restored": came.get(each.name) == "", "why": came.get(each.name) or None}
                for each in items]  # fmt: skip
        output.say_json({"schema_version": 1, "dry_run": how.dry_run, "clean": clean,
                         "restored": rows})  # fmt: skip
        return 1 if any(came.values()) else 0
    for each in items:
        why = came.get(each.name, "")
        if why:
            output.complain(f"cannot bring back {flat(each.name, 400)}: {why}; it stays in trash")
        else:
            word = "would come back" if how.dry_run else "back"
            output.say(f"{word}  {flat(each.name, 400)}")
    for other in cleans(repo):
        if other != clean:
            output.say(f"also in the trash: what {other} took away; gangsaw clean --undo {other}")
    return 1 if any(came.values()) else 0


def _drop(repo: Repository, wanted: str, how: How) -> int:
    known = cleans(repo)
    if wanted != ALL and wanted not in known:
        names = f"try one of: {', '.join(known)}" if known else "the trash is empty"
        raise UserError(f"cannot find the clean '{wanted}' in the trash; {names}", exit_code=1)
    chosen = known if wanted == ALL else (wanted,)
    items = [each for clean in chosen for each in trashed(repo, clean)]
    burden = burden_of(repo, items)
    if not how.as_json:
        for each in items:
            output.say(f"{each.clean:<6}  {flat(each.name, 400)}")
        commits, files = count_of(burden.commits, "commit"), count_of(burden.files, "file")
        output.say(f"nothing else holds {commits} and {files} with {burden.size:,} bytes of these")
    if items and not how.dry_run:
        remedy = f"gangsaw clean --trash {wanted} --yes"
        question = "Drop these for ever? This cannot be undone."
        if not how.yes and not _agreed(question, remedy, how):
            return 1
        drop_trash(repo, items)
    return _dropped(items, how, (burden.commits, burden.files, burden.size))


def _dropped(items: list[Trashed], how: How, burden: tuple[int, int, int]) -> int:
    commits, files, size = burden
    if how.as_json:
        output.say_json(
            {"schema_version": 1, "dry_run": how.dry_run, "commits": commits, "files": files,
             "bytes": size, "dropped": [{"clean": each.clean, "name": each.name}
                                        for each in items]}
        )  # fmt: skip
    elif not items:
        output.say("the trash is empty")
    elif not how.dry_run:
        output.say("dropped; git gc will free the room")
    return 0
