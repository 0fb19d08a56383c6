"""What a scheduler works on: runs of this repository, each in a process of its own.

A tick's `gangsaw run` is told with `--tick` which run was the last when the tick was recorded.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gangsaw.cli.asked import Asked
from gangsaw.cli.commands.run import command as run_command
from gangsaw.cli.ordering import asked_order
from gangsaw.cli.project import open_project
from gangsaw.cli.trusting import require_agreement
from gangsaw.core import schedule as sc
from gangsaw.core.schedule import Schedule, ScheduleBegun, Seen
from gangsaw.engine.scheduler import Begin, GoOn, Nothing, Outlook
from gangsaw.engine.secrets import secrets_of
from gangsaw.engine.unlanded import ENDED, NothingToDo, rest_of
from gangsaw.procs.children import Child
from gangsaw.procs.detach import start_background
from gangsaw.procs.identity import identify, send
from gangsaw.store import inbox
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.store.rows import RunRow
from gangsaw.store.schedule_log import SchedulePlace
from gangsaw.views.text import flat
from gangsaw.views.unfinished import unfinished_text

SAID_BYTES = 4000
SAID_LINES = 3
SAID_MAX = 300
_HELD_STATES = {"stopping": "stopped", "paused": "paused"}


class RunGround:
    """Runs of this repository, one of them by each tick."""

    def __init__(self, control: Control, place: SchedulePlace) -> None:
        self._control, self._place = control, place
        self._child: Child | None = None
        self._tick = 0

    def outlook(self, state: Schedule) -> Outlook:
        """What a tick would find now, by what the engine would decide under its lock."""
        last = self._last()
        holder = WriterLock.holder(self._control.lock)
        if holder is not None:
            return Nothing(f"a run goes on already (gangsaw, pid {holder.pid})")
        if last is not None and (last.row.state not in ENDED or inbox.pending(self._control.inbox)):
            held = _HELD_STATES.get(last.row.state)
            if held and last.at > state.scheduler_since:
                text = f"{last.row.run} was {held} by a person; to go on with it: gangsaw run"
                return Nothing(text, sc.UNFINISHED)
            return GoOn(last.row.run, last.seq)
        assert state.begun is not None
        return self._begin(state, state.begun, last)

    def _begin(self, state: Schedule, begun: ScheduleBegun, last: _Last | None) -> Outlook:
        asked = _asked(state, begun, None)
        project = open_project(Path.cwd(), os.environ, asked.config)
        require_agreement(project.repo, project.settings.worktree.setup, agreed=False)
        named = None if begun.is_source else Path(begun.plan)
        order = asked_order(project, Path.cwd(), named, asked, warns=False)
        if last is not None and order.plan is not None and order.rest is not None:
            secrets = secrets_of(project.repo, project.settings, os.environ)
            plan = secrets.out_of_plan(order.plan)
            with open_journal(self._control.journal, writer=False) as journal:
                try:
                    rest_of(project.repo, journal, order.rest, plan, order.target)
                except NothingToDo as nothing:
                    return Nothing(nothing.text, nothing.exit_code)
        return Begin("", 0) if last is None else Begin(last.row.run, last.seq)

    def start(self, state: Schedule) -> None:
        """Start the engine of the current tick in the background."""
        begun, tick = state.begun, state.current
        assert begun is not None
        assert tick is not None
        words = [*begun.named, *begun.words, "--tick", _tick_words(state, begun, tick.after)]
        argv = [sys.executable, "-P", "-m", "gangsaw", "run", *words, "--plain"]
        log = self._place.output(begun.schedule, tick.tick)
        self._child, self._tick = start_background(argv, cwd=Path.cwd(), log=log), tick.tick

    def seen(self, state: Schedule) -> Seen:
        """What there is of the current tick."""
        begun, tick = state.begun, state.current
        assert begun is not None
        assert tick is not None
        child = self._child if self._tick == tick.tick else None
        code = None if child is None else child.poll()
        if child is not None and code is None:
            return Seen(child=True)
        if WriterLock.holder(self._control.lock) is not None:
            return Seen(engine=True)
        # Nothing of it is alive: what the journal says now is its last word.
        said = tail_of(self._place.output(begun.schedule, tick.tick))
        last = self._last()
        if last is None:
            return Seen(child_code=code, said=said)
        cut = last.row.engine_pid is not None and last.row.state not in ENDED
        return Seen(
            child_code=code, said=said, run=last.row.run, seq=last.seq, cut=cut,
            code=last.code, words=last.words,
        )  # fmt: skip

    def interrupt(self) -> None:
        """Pass an interrupt on to the engine that holds the lock."""
        holder = WriterLock.holder(self._control.lock)
        engine = None if holder is None or holder.pid is None else identify(holder.pid)
        if engine is not None:
            send(engine, signal.SIGINT)

    def _last(self) -> _Last | None:
        try:
            with open_journal(self._control.journal, writer=False) as journal:
                return _last_of(journal)
        except NoJournal:  # or an engine is about to make it, or was killed then
            return None


@dataclass(frozen=True, slots=True)
class _Last:
    """The last run: its row, its last event's number and time, and what it comes to."""

    row: RunRow
    seq: int
    at: float
    code: int | None
    words: str


def _last_of(journal: Journal) -> _Last | None:
    runs = journal.runs()
    if not runs:
        return None
    row, seq = runs[-1], journal.last_seq(runs[-1].run)
    at = next((event.at for event in journal.read(row.run, max(0, seq - 1))), 0.0)
    summary: dict[str, Any] = json.loads(row.summary_json)
    counts = journal.counts(row.run)
    done = sum(counts.pop(name, 0) for name in ("landed", "done"))
    rest = [f"{number} {name.replace('_', ' ')}" for name, number in sorted(counts.items())]
    words = [f"landed {done} of {done + sum(counts.values())}", *rest]
    held = _HELD_STATES.get(row.state)
    code = summary.get("exit_code")
    why = unfinished_text(code, row.target, summary, journal.tasks(row.run))
    text = ", ".join([*words, *([held] if held else [])])
    return _Last(row, seq, at, code, f"{text}: {why}" if why else text)


def _asked(state: Schedule, begun: ScheduleBegun, after: str | None) -> Asked:
    """The options of a tick's run, as click reads them."""
    words = [*begun.named, *begun.words, "--tick", _tick_words(state, begun, after)]
    options = run_command.make_context("run", words).params
    # The mapping of a table is in what was named with --from.
    rest = {name: value for name, value in options.items() if name not in ("plan", "mapping")}
    return Asked(**rest)


def _tick_words(state: Schedule, begun: ScheduleBegun, after: str | None) -> str:
    fields = {"repeat": begun.repeat, "after": after, "since": state.begun_at,
              "tries_max": begun.tries_max}  # fmt: skip
    return json.dumps(fields)


def tail_of(path: Path) -> str:
    """The end of what an engine has said."""
    try:
        content = path.read_bytes()[-SAID_BYTES:]
    except FileNotFoundError:
        return ""
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    return flat(" · ".join([line for line in lines if line][-SAID_LINES:]), SAID_MAX)
