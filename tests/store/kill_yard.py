"""Kills writers inside their transactions and audits what they leave; run by the tests.

Arguments: folder, kills, seed, and optionally a fault of the writer to be found (`Fault`). Each
life is a forked process that appends without pause. Half of them are killed from outside at a
random moment of an append, the others kill themselves at a chosen call into SQLite. A page of
shared memory, which no kill can take back, says how far the writer was and what it had
acknowledged: so every kill is known to lie before, inside or after its transaction.

Prints the figures as JSON once `kills` kills lay inside; `AssertionError` at the first loss.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import random
import signal
import sqlite3
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Any

from gangsaw.core.faults import set_probe
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import Held, WriterLock
from gangsaw.store.rows import NewEvent, Row, RunRow, TaskRow

CALLS = ("execute", "execute", "fetchone", "execute", "executemany", "executemany", "execute")
"""What one append calls of SQLite: BEGIN, last seq, run row, events, task rows, COMMIT. Call `n`
begins at point `2 n` and has returned at point `2 n + 1`."""
BEGUN, COMMIT_CALLED, COMMITTED = 1, 2 * len(CALLS) - 2, 2 * len(CALLS) - 1
OUTSIDE = -1

LIVES_PER_KILL = 6
STEPS_MAX = 3000
"""Appends after which a writer that nobody killed gives up."""
LIVES_PER_JOURNAL = 500
WHOLE_CHECK_EVERY = 50
DELAY_MAX_S = 0.0006
KINDS = ("admitted", "running", "checking", "landed")


class Fault(StrEnum):
    """Wrong ways to write, which the campaign must notice."""

    NONE = "none"
    APART = "projections in a transaction of their own"
    EARLY = "acknowledged before it is safe"
    HALVES = "a batch in two transactions"


# --- what is written, and its fold ---------------------------------------------------------------


@dataclass
class Fold:
    """The projections as they follow from the events."""

    last: int = 0
    tasks: dict[str, TaskRow] = field(default_factory=dict)
    run_row: RunRow = field(default_factory=lambda: RunRow("r1", summary_json="0"))

    def take(self, kind: str, subject: str, body: dict[str, Any]) -> None:
        """One more event: every field depends on all events before."""
        self.last += 1
        known = self.tasks.get(subject, TaskRow("r1", subject, int(subject[1:]), ""))
        tokens = (known.tokens * 31 + body["n"]) % 2**40
        self.tasks[subject] = known._replace(
            status=kind, attempts=known.attempts + 1, tokens=tokens, live=bool(tokens % 2)
        )
        summary = (int(self.run_row.summary_json) * 31 + body["n"]) % 2**40
        self.run_row = self.run_row._replace(state=kind, summary_json=str(summary))


def a_batch(chance: random.Random) -> list[NewEvent]:
    size = chance.choice((1, 1, 2, 10, 40))
    return [
        (
            1.5e9,
            chance.choice(KINDS),
            f"t{chance.randrange(30)}",
            {"n": chance.randrange(1000), "text": "x" * chance.choice((0, 100, 3000))},
        )
        for _ in range(size)
    ]


# --- the page ------------------------------------------------------------------------------------


class Page:
    """What a writer tells about itself; survives it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def put(self, slot: int, value: int) -> None:
        struct.pack_into("q", self._memory, slot * 8, value)

    def get(self, slot: int) -> int:
        return int(struct.unpack_from("q", self._memory, slot * 8)[0])


POINT, ACKNOWLEDGED, SIZE, STEP = range(4)


# --- a writer ------------------------------------------------------------------------------------


class Writer:
    """Appends until it is killed; at `own` = (step, point) it kills itself."""

    def __init__(self, page: Page, path: Path, fault: Fault, own: tuple[int, int] | None) -> None:
        self.page, self.path, self.fault, self.own = page, path, fault, own
        self.calls = OUTSIDE
        self.seen: list[str] = []

    def live(self, chance: random.Random) -> None:
        held = WriterLock.acquire(self.path.with_name("lock"))
        assert isinstance(held, Held), held
        journal = open_journal(self.path, writer=True)
        known = Fold(journal.last_seq("r1"), {row.task: row for row in journal.tasks("r1")})
        known.run_row = journal.run_row("r1") or known.run_row
        self.page.put(ACKNOWLEDGED, known.last)
        set_probe(self._probe)
        sys.setprofile(self._profile)
        for step in range(1, STEPS_MAX):
            batch = a_batch(chance)
            self.page.put(SIZE, len(batch))
            self.page.put(STEP, step)
            self._append(journal, known, batch)
            self.page.put(ACKNOWLEDGED, known.last)
            assert self.fault is Fault.HALVES or tuple(self.seen) == CALLS, self.seen

    def _append(self, journal: Journal, known: Fold, batch: list[NewEvent]) -> None:
        after = known.last
        if self.fault is Fault.HALVES and len(batch) > 1:
            half = len(batch) // 2
            self._append(journal, known, batch[:half])
            self._append(journal, known, batch[half:])
            return
        for _, kind, subject, body in batch:
            known.take(kind, subject, body)
        changed = {event[2] for event in batch}
        rows = [known.tasks[name] for name in sorted(changed)]
        if self.fault is Fault.APART:
            after = journal.append("r1", batch, after=after, run_row=known.run_row)
            batch = []
        if self.fault is Fault.EARLY:
            self.page.put(ACKNOWLEDGED, known.last)
        last = journal.append("r1", batch, after=after, tasks=rows, run_row=known.run_row)
        assert last == known.last

    def _probe(self, point: str, side: str) -> None:
        if point != "store.append":
            return
        if side == "before":
            self.calls, self.seen = 0, []
            self.page.put(POINT, 0)
        else:
            # Still unacknowledged: the caller has not been told.
            self.calls = OUTSIDE

    def _profile(self, frame: FrameType, what: str, called: Any) -> None:
        if self.calls == OUTSIDE or what not in ("c_call", "c_return"):
            return
        name = called.__name__
        if name not in CALLS or not isinstance(
            called.__self__, sqlite3.Connection | sqlite3.Cursor
        ):
            return
        if what == "c_call":
            self.seen.append(name)
            point = 2 * self.calls
        else:
            point = 2 * self.calls + 1
            self.calls += 1
        self.page.put(POINT, point)
        if self.own == (self.page.get(STEP), point):
            os.kill(os.getpid(), signal.SIGKILL)


# --- the yard ------------------------------------------------------------------------------------


@dataclass
class Figures:
    """How many kills fell where."""

    kills: int = 0
    outside: int = 0
    before: int = 0
    inside: int = 0
    in_commit: int = 0
    after: int = 0
    unacknowledged: int = 0
    events: int = 0
    at_points: dict[int, int] = field(default_factory=dict)


class Yard:
    def __init__(self, folder: Path, seed: int, fault: Fault) -> None:
        self.folder, self.fault = folder, fault
        self.chance = random.Random(seed)
        self.page = Page()
        self.figures = Figures()
        self.known = Fold()
        self.path = folder / "j0.db"

    def campaign(self, kills: int) -> Figures:
        """Go on until so many kills lay inside a transaction."""
        figures = self.figures
        # Without a full collection in each child: it would copy the memory that is shared.
        gc.freeze()
        while figures.inside + figures.in_commit < kills:
            assert figures.kills < LIVES_PER_KILL * kills, "too few kills meet a transaction"
            if figures.kills and figures.kills % LIVES_PER_JOURNAL == 0:
                self.whole_check()
                self.known = Fold()
                self.path.unlink()
                self.path = self.folder / f"j{figures.kills}.db"
            self._one_life(figures.kills)
            figures.kills += 1
            self._audit()
            if figures.kills % WHOLE_CHECK_EVERY == 0:
                self.whole_check()
        self.whole_check()
        return figures

    def _one_life(self, number: int) -> None:
        page, chance = self.page, self.chance
        own = None
        if number % 2:
            own = (chance.randint(1, 4), (number // 2) % (COMMITTED + 1))
        for slot in (POINT, STEP):
            page.put(slot, OUTSIDE)
        seed = chance.random()
        pid = os.fork()
        if pid == 0:
            writer = Writer(page, self.path, self.fault, own)
            _die_with_trace(lambda: writer.live(random.Random(seed)))
        if own is None:
            wanted = chance.randint(1, 4)
            _spin(lambda: page.get(STEP) >= wanted and page.get(POINT) >= BEGUN, pid)
            until = time.perf_counter() + chance.random() * DELAY_MAX_S
            while time.perf_counter() < until:
                pass
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"the writer ended by itself: {status}"
        assert os.WTERMSIG(status) == signal.SIGKILL

    def _audit(self) -> None:
        """What lies in the journal now, against what the page says and the fold of the events."""
        point, acknowledged = self.page.get(POINT), self.page.get(ACKNOWLEDGED)
        size, known, figures = self.page.get(SIZE), self.known, self.figures
        before = known.last
        with open_journal(self.path, writer=False) as journal, journal.frozen():
            last = journal.last_seq("r1")
            assert last >= acknowledged, f"acknowledged {acknowledged}, kept {last}"
            assert last in (acknowledged, acknowledged + size), "a torn batch"
            for row in journal.read("r1", after=known.last):
                self._take(known, row)
            assert known.last == last
            _compare(journal, known)
        kept = last > acknowledged
        figures.events += last - before
        figures.unacknowledged += kept
        figures.at_points[point] = figures.at_points.get(point, 0) + 1
        # Between the acknowledgement and the next append nothing is on its way.
        idle = acknowledged == last and point == COMMITTED
        if idle or point == OUTSIDE:
            figures.outside += 1
        elif point < BEGUN:
            figures.before += 1
        elif point < COMMIT_CALLED:
            figures.inside += 1
        elif point == COMMIT_CALLED:
            figures.in_commit += 1
        else:
            figures.after += 1
        assert not (kept and point < COMMIT_CALLED), f"visible before COMMIT, at point {point}"

    @staticmethod
    def _take(known: Fold, row: Row) -> None:
        assert row.seq == known.last + 1, "a gap"
        known.take(row.kind, row.subject, row.body)

    def whole_check(self) -> None:
        """The file is sound, and its whole log folds to the projections."""
        again = Fold()
        with open_journal(self.path, writer=False) as journal:
            for row in journal.read("r1"):
                self._take(again, row)
            assert again == self.known
            _compare(journal, again)
        connection = sqlite3.connect(self.path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def _compare(journal: Journal, known: Fold) -> None:
    """The projections are the fold of the events."""
    assert {row.task: row for row in journal.tasks("r1")} == known.tasks, "task rows differ"
    found = journal.run_row("r1")
    assert found is None or found == known.run_row, "the run's row differs"
    assert (found is None) == (known.last == 0)


def _die_with_trace(live: Callable[[], None]) -> None:
    """Live in a forked process, and end it without what its parent would do at its end."""
    try:
        live()
    except BaseException:
        sys.setprofile(None)
        traceback.print_exc()
    os._exit(3)


def _spin(is_so: Callable[[], bool], pid: int) -> None:
    """Wait for it without sleeping, as long as the process lives."""
    while not is_so():
        ended, status = os.waitpid(pid, os.WNOHANG)
        assert not ended, f"the writer ended by itself: {status}"


def main(folder: str, kills: str, seed: str, fault: str = Fault.NONE) -> None:
    figures = Yard(Path(folder), int(seed), Fault(fault)).campaign(int(kills))
    print(json.dumps(vars(figures)))


if __name__ == "__main__":
    main(*sys.argv[1:])
