"""`gangsaw conflicts`: which pieces of live work would not merge."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import click

from gangsaw.cli import clock, output
from gangsaw.cli.place import chosen_run, find_control, holder_of, open_repo, reading
from gangsaw.cli.requests import Wish, ask, tell
from gangsaw.core.errors import UserError
from gangsaw.core.model import RadarPolicy
from gangsaw.core.overlaps import INTEGRATION, KnownOverlap, Overlap
from gangsaw.core.state import State
from gangsaw.core.wire import decode_event
from gangsaw.engine.loop import fold
from gangsaw.engine.radar import live_works, look_once
from gangsaw.store.control import Control
from gangsaw.store.journal import Journal
from gangsaw.views.conflicts import conflicts_object, conflicts_text, log_object, log_text

WATCH_EVERY_S = 1.0
FOUND = 1


@click.command("conflicts")
@click.argument("note", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print them as an object.")
@click.option("--watch", is_flag=True, help="Show them again whenever they change, until the end.")
@click.option("--now", "now", is_flag=True, help="Look at the worktrees, whatever was seen last.")
@click.option("--log", "log", is_flag=True, help="All that there were in this run.")
@click.option("--resolve", "key", metavar="ID", help="This one is taken care of; NOTE says how.")
@click.option("--run", "run_id", metavar="ID", help="Another run than the last.")
def command(
    note: tuple[str, ...],
    as_json: bool,
    watch: bool,
    now: bool,
    log: bool,
    key: str | None,
    run_id: str | None,
) -> int:
    """Which live attempts would not merge with each other, or with what has landed: files, lines
    and who. Uncommitted work counts. Exit code 1 if there is any that nobody has resolved, else 0.

    A live engine looks by itself, and tells what it last saw. Without one (or with --now) the
    worktrees are looked at here and now; nothing in them is touched.

    \b
    Examples:
      gangsaw conflicts
      gangsaw conflicts --watch
      gangsaw conflicts --json | jq -r '.overlaps[].files[].path'
      gangsaw conflicts --log
      gangsaw conflicts --resolve o3 they have agreed that ui goes first

    The schemas of the objects: gangsaw schema conflicts, gangsaw schema conflicts-log
    """
    if key is not None:
        wish = Wish("resolve_overlap", text=" ".join(note), number=_number(key))
        return tell(wish, ask(wish), as_json=as_json)
    if note:
        raise click.UsageError("words are a note for --resolve ID")
    control = find_control()
    with reading(control) as journal:
        run = chosen_run(journal, run_id).run
        if log:
            return _log(journal, run, as_json)
        if watch:
            return _watch(control, journal, run, as_json, now)
        found = _look(control, journal, run, now)
    _show(found, as_json)
    return FOUND if found["conflicts"] else 0


def _number(key: str) -> int:
    found = re.fullmatch(r"o?([0-9]{1,9})", key)
    if found is None:
        raise UserError(f"cannot find the overlap '{key}'; try: gangsaw conflicts")
    return int(found[1])


def _look(control: Control, journal: Journal, run: str, now: bool) -> dict[str, Any]:
    state, _ = fold(journal, run)
    engine = holder_of(control, journal, run) is not None
    if engine and not now and state.limits.radar is not RadarPolicy.OFF:
        standing = list(state.overlaps.values())
        return conflicts_object(state, standing, "engine", len(live_works(state)))
    sweep = look_once(open_repo(), state)
    found = [
        _merged(state, one) for one in sweep.overlaps if one.ours == INTEGRATION or not one.stale
    ]
    return conflicts_object(state, found, "worktrees", len(sweep.tips), sweep.unread)


def _merged(state: State, one: Overlap) -> KnownOverlap:
    """What was just found, under the name it has in the run's log if it is known there."""
    for known in state.overlaps.values():
        if known.pair == one.pair:
            grown = not set(one.paths) <= set(known.paths)
            by = "" if grown else known.resolved_by
            return replace(known, files=one.files, stale=one.stale, resolved_by=by)
    return KnownOverlap("", one.ours, one.theirs, one.files, one.stale, 0.0)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.say_json(found)
    else:
        output.say("\n".join(conflicts_text(found, clock.now_s())))


def _watch(control: Control, journal: Journal, run: str, as_json: bool, now: bool) -> int:
    """Show them whenever they change, until nobody works on the run any more."""
    last: list[Any] | None = None
    while True:
        over = holder_of(control, journal, run) is None
        found = _look(control, journal, run, now)
        if found["overlaps"] != last:
            if as_json:
                output.say_json_line(found)
            else:
                _show(found, as_json=False)
                output.say()
                sys.stdout.flush()
        last = found["overlaps"]
        if over:
            return FOUND if found["conflicts"] else 0
        clock.pause(WATCH_EVERY_S)


def _log(journal: Journal, run: str, as_json: bool) -> int:
    told = [
        (row.at, decode_event(row.kind, row.body))
        for row in journal.read(run)
        if row.kind.startswith("overlap.")
    ]
    found = log_object(run, told)
    if as_json:
        output.say_json(found)
    else:
        output.say("\n".join(log_text(found, clock.now_s())))
    return 0
