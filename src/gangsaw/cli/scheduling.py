"""Keeping the schedule of this repository: begun, gone on with, looked at and ended.

One process keeps it, in front or in the background, by a lock of the kernel.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from gangsaw.cli import clock, output
from gangsaw.cli.asked import Asked
from gangsaw.cli.place import find_control
from gangsaw.cli.project import Project
from gangsaw.cli.requests import user_name
from gangsaw.cli.tick_ground import RunGround, tail_of
from gangsaw.core import schedule as sc
from gangsaw.core.errors import UserError
from gangsaw.core.rhythm import Rhythm
from gangsaw.core.schedule import Schedule, ScheduleBegun
from gangsaw.engine.clock import clock_in_use
from gangsaw.engine.scheduler import (
    Book,
    Scheduler,
    decode_fact,
    fold_log,
)
from gangsaw.engine.zones import zone_name, zone_of
from gangsaw.procs.detach import start_background
from gangsaw.store.control import Control
from gangsaw.store.errors import NoJournal
from gangsaw.store.journal import open_journal
from gangsaw.store.lock import HeldBy, WriterLock
from gangsaw.store.schedule_log import (
    LogRow,
    ScheduleLog,
    SchedulePlace,
    answer_closing,
    begin_log,
    make_schedule_place,
    read_log,
)
from gangsaw.views.schedule import fact_line, rhythm_text, schedule_object

KEPT_WAIT_S = 20.0
KEPT_POLL_S = 0.05


# --- beginning and keeping -----------------------------------------------------------------------


def run_on_schedule(project: Project, plan: Path | None, asked: Asked) -> int:
    """`gangsaw run --every …`: begin the schedule, or go on with it, in front or in the background.
    The exit code: that of its last run."""
    if plan is None and asked.source is None:
        raise UserError("cannot find a plan: there is no plan.yaml here; try: gangsaw run PLAN")
    wanted = _wanted(project, str(plan) if asked.source is None else asked.source, asked)
    control = Control(project.repo.control_dir)
    if asked.detach:
        with _opened(control, wanted, Quiet()) as (_, _ground):
            pass
        return keep_in_background(control)
    stream = sys.stderr if asked.as_json else sys.stdout
    with _opened(control, wanted, _Aloud(stream)) as (book, ground):
        return _keep(book, ground, stream, as_json=asked.as_json)


def keep_open_one(control: Control) -> int:
    """Go on with the schedule that is not over, in front."""
    with _opened(control, None, _Aloud(sys.stdout)) as (book, ground):
        return _keep(book, ground, None, as_json=False)


def keep_in_background(control: Control) -> int:
    """Start a process that keeps the open schedule, and wait until it does."""
    place = make_schedule_place(control.root)
    state = fold_log(read_log(place.log))
    if not state.is_open or state.begun is None:
        raise UserError(
            "cannot go on with a schedule: none is open here; "
            "try: gangsaw schedule up PLAN --every 10m --for 6h"
        )
    argv = [sys.executable, "-P", "-m", "gangsaw", "schedule", "keep"]
    child = start_background(argv, cwd=Path(state.begun.folder), log=place.said)
    for _ in clock.until(KEPT_WAIT_S, KEPT_POLL_S):
        holder = WriterLock.holder(place.lock)
        if holder is not None and holder.pid == child.pid:
            output.say(f"{_named(state.begun)} is kept in the background (pid {child.pid}).")
            output.say("See: gangsaw schedule status, gangsaw schedule logs -f; "
                       "to end it: gangsaw schedule down")  # fmt: skip
            return 0
        if child.poll() is not None:
            break
    if not fold_log(read_log(place.log)).is_open:
        output.say("It is over already. See: gangsaw schedule logs")
        return 0
    raise UserError(f"cannot keep the schedule in the background; it said:\n{tail_of(place.said)}")


def _named(begun: ScheduleBegun) -> str:
    return f"{begun.schedule} ({' '.join(begun.named)} {rhythm_text(begun.rhythm)})"


def _wanted(project: Project, plan: str, asked: Asked) -> ScheduleBegun:
    """What is asked for. `UserError` where its plan or its options cannot be used."""
    target = asked.target or project.repo.head_branch()
    words = words_of(replace(asked, target=target))
    zone = zone_name(os.environ) if asked.cron else ""
    rhythm = Rhythm(asked.every_s or 0.0, asked.cron or "", zone)
    return ScheduleBegun(
        "", plan, str(Path.cwd()), rhythm, asked.for_s, words, asked.repeat, asked.tries,
        user_name(), is_source=asked.source is not None,
    )  # fmt: skip


def words_of(asked: Asked) -> tuple[str, ...]:
    """The options that each tick's run has."""
    pairs: list[tuple[str, object]] = [
        ("--max-agents", asked.max_agents),
        ("--agent", asked.agent),
        *(("--only", name) for name in asked.only),
        *(("--epic", name) for name in asked.epic),
        ("--target", asked.target),
        ("--deliver", asked.deliver),
        ("--budget", asked.budget),
        ("--budget-tokens", asked.budget_tokens),
        ("--budget-day", asked.budget_day),
        ("--budget-day-tokens", asked.budget_day_tokens),
        ("--config", asked.config),
        ("--on-interrupt", asked.on_interrupt),
    ]
    words = tuple(str(word) for pair in pairs if pair[1] is not None for word in pair)
    batched = {None: (), True: ("--batched",), False: ("--no-batched",)}
    return (*words, *batched[asked.batched], *(() if asked.watch else ("--no-watch",)))


@contextmanager
def hands_on(control: Control, told: Quiet) -> Iterator[tuple[Book, RunGround]]:
    """The book of this repository's schedules in our hands. `UserError` while somebody has it."""
    place = make_schedule_place(control.root)
    lock = WriterLock.acquire(place.lock)
    if isinstance(lock, HeldBy):
        raise UserError(
            f"cannot keep a schedule: gangsaw (pid {lock.pid}) keeps one here already; "
            "try: gangsaw schedule status, gangsaw schedule down"
        )
    with lock:
        if not fold_log(read_log(place.log)).is_open:
            begin_log(place)
        with ScheduleLog(place) as log:
            answer_closing(place)
            yield Book(place, log, clock_in_use(), told), RunGround(control, place)


@contextmanager
def _opened(
    control: Control, wanted: ScheduleBegun | None, told: Quiet
) -> Iterator[tuple[Book, RunGround]]:
    """The same with the schedule that is wanted; begun if it was not open."""
    former = fold_log(read_log(SchedulePlace(control.root).log))
    with hands_on(control, told) as (book, ground):
        _open(book, ground, wanted, former.begun)
        yield book, ground


def _open(
    book: Book, ground: RunGround, wanted: ScheduleBegun | None, former: ScheduleBegun | None
) -> None:
    """Have the open schedule be the one that is wanted; `None`: whichever it is. `former` is the
    last one, whose log may be put aside by now."""
    begun = book.state.begun
    if book.state.is_open and begun is not None:
        if wanted is None or (sc.same_order(begun, wanted) and not _is_spent(book)):
            return
        if not _is_spent(book):
            raise UserError(
                f"cannot begin a schedule: {_named(begun)} is not over; to go on with it: "
                "gangsaw schedule up; to end it: gangsaw schedule down"
            )
        conclude(book, ground)
    if wanted is None:
        raise UserError(
            "cannot go on with a schedule: none is open here; "
            "try: gangsaw schedule up PLAN --every 10m --for 6h"
        )
    number = int(former.schedule[1:]) + 1 if former is not None else 1
    book.write(replace(wanted, schedule=f"s{number}"))


def _is_spent(book: Book) -> bool:
    state, now = book.state, book.clock.wall()
    assert state.begun is not None
    return sc.is_spent(state, now, zone_of(state.begun.rhythm.zone, now))


def conclude(book: Book, ground: RunGround) -> None:
    """Bring a schedule to its end of which no tick will come any more."""
    if book.state.current is not None and ground.seen(book.state).engine:
        raise UserError(
            "cannot end the former schedule: the run of its last tick still goes on; "
            "try: gangsaw schedule down, or gangsaw status"
        )
    Scheduler(book, ground, lambda: None).run()


def _keep(book: Book, ground: RunGround, relayed: TextIO | None, *, as_json: bool) -> int:
    """Keep it until it is over; the exit code."""
    relay = _Relay(book, relayed) if relayed is not None else (lambda: None)
    reason = Scheduler(book, ground, relay).run()
    if reason:
        output.warn("The schedule is not over; to go on with it: gangsaw schedule up; "
                    "to end it: gangsaw schedule down")  # fmt: skip
    if as_json:
        print(json.dumps(status_of(book.state, None, book.clock.wall())))
    return sc.UNFINISHED if reason else book.state.code


# --- what is told --------------------------------------------------------------------------------


class Quiet:
    """Told of each fact; says nothing."""

    def __call__(self, state: Schedule, row: LogRow) -> None:
        return None


class _Aloud(Quiet):
    """Says each fact as a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, state: Schedule, row: LogRow) -> None:
        print(fact_line(decode_fact(row), row.at), file=self._stream, flush=True)


class _Relay:
    """Shows what the engine of the current tick says, as far as it has not been shown."""

    def __init__(self, book: Book, stream: TextIO) -> None:
        self._book, self._stream = book, stream
        self._path: Path | None = None
        self._shown = 0

    def __call__(self) -> None:
        state = self._book.state
        if state.begun is None or state.current is None:
            return
        path = self._book.place.output(state.begun.schedule, state.current.tick)
        if path != self._path:
            self._path, self._shown = path, 0
        try:
            with path.open("rb") as file:
                file.seek(self._shown)
                fresh = file.read()
        except FileNotFoundError:
            return
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._shown += len(whole)
        if whole:
            for line in whole.decode(errors="replace").splitlines():
                print(f"  {line}", file=self._stream)
            self._stream.flush()


def status_of(state: Schedule, pid: int | None, now: float) -> dict[str, Any]:
    """The object of `gangsaw schedule status`."""
    assert state.begun is not None
    return schedule_object(
        state, now, zone_of(state.begun.rhythm.zone, now), pid, current_run(state)
    )


def current_run(state: Schedule) -> str:
    """The run of the current tick; empty while there is none."""
    if state.current is None:
        return ""
    control = find_control()
    if state.current.goes_on:
        return state.current.goes_on
    try:
        with open_journal(control.journal, writer=False) as journal:
            runs = journal.runs()
    except NoJournal:  # it is made when the tick's engine begins
        return ""
    last = runs[-1].run if runs else ""
    return "" if last == state.current.after else last
