"""The journal: append-only events of all runs and the projections made from them.

One transaction per append holds the events and what they mean for the projections, so that a
reader never sees one without the other. Nothing is acknowledged before it is safe on disk (WAL,
synchronous FULL). One writer (see `lock`), any number of readers in other processes; readers never
wait for the writer nor the writer for them. Reading goes in chunks: no reader keeps a view open
for long, which would keep the write-ahead log from being folded back into the file.

The journal must not know what an event means, and must not repeat a failed append by itself.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from gangsaw.core.faults import durable
from gangsaw.store.connect import connect_reader, connect_writer, explained
from gangsaw.store.errors import NoJournal, StaleWriter
from gangsaw.store.rows import NewEvent, Row, RunRow, TaskRow

CHUNK_ROWS = 1000
"""Events fetched at once by `Journal.read`."""

_TASK_COLUMNS = (
    "run, task, position, status, reason, attempts, landed_commit, tokens, cost_usd, "
    "cost_is_estimate, started_at, ended_at, live, title, activity"
)
_RUN_COLUMNS = "run, goal, target, integration, state, started_at, ended_at, engine_pid, summary"


def _upsert(table: str, columns: str, key: frozenset[str]) -> str:
    names = columns.split(", ")
    marks = ", ".join("?" * len(names))
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    target = ", ".join(name for name in names if name in key)
    return (
        f"INSERT INTO {table} ({columns}) VALUES ({marks}) "
        f"ON CONFLICT ({target}) DO UPDATE SET {changes}"
    )


_PUT_TASK = _upsert("task", _TASK_COLUMNS, frozenset({"run", "task"}))
_PUT_RUN = _upsert("run", _RUN_COLUMNS, frozenset({"run"}))
_PUT_EVENT = "INSERT INTO event (run, seq, at, kind, subject, body) VALUES (?, ?, ?, ?, ?, ?)"


def open_journal(path: Path, *, writer: bool) -> Journal:
    """The journal at `path`.

    A writer makes and migrates the file as needed and must hold the writer's lock. A reader never
    makes it: `NoJournal` (a `UserError`) if it is missing or still empty. A file of a newer
    release, of another program, damaged or not accessible: `UserError`; no room: `DiskFull`.
    """
    return Journal(connect_writer(path) if writer else connect_reader(path), path, writer=writer)


@contextmanager
def journal_if_any(path: Path) -> Iterator[Journal | None]:
    """The journal, open for reading; `None` where there is none yet, or the engine that was to make
    it was killed. Other faults as with `open_journal`."""
    try:
        journal = open_journal(path, writer=False)
    except NoJournal:
        yield None
        return
    with journal:
        yield journal


class Journal:
    """An open journal; belongs to the thread that opened it. Close it, or use it in a `with`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, writer: bool) -> None:
        self._connection = connection
        self._writer = writer
        self.path = path
        self._opened = os.stat(path)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. The last one to leave folds the write-ahead log back into it."""
        self._connection.close()

    def is_in_place(self) -> bool:
        """Whether the open file is still the one of its name: what is written to one that was
        removed is lost, and its replacement is somebody else's."""
        try:
            return os.path.samestat(self._opened, self.path.stat())
        except OSError:
            return False

    def copy_to(self, path: Path) -> bool:
        """Write a copy of everything to `path`, also of a file that has lost its name; whether it
        could be done. A file that is there already stays as it is.

        The copy has the same pages, so that a write-ahead log left behind does it no harm.
        """
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(path)) as copy:
                self._connection.backup(copy)
        except (OSError, sqlite3.Error):
            return False
        return True

    # --- writing -------------------------------------------------------------------------------

    def append(
        self,
        run: str,
        events: Sequence[NewEvent],
        *,
        after: int,
        tasks: Sequence[TaskRow] = (),
        run_row: RunRow | None = None,
    ) -> int:
        """The new last seq of the run, once everything given is safe on disk: all or nothing.

        `after` is the run's last seq as the caller knows it (0: none yet); `StaleWriter` if it
        is another. `tasks` and `run_row` replace those rows of the projections. `DiskFull`: there
        was no room, nothing is written, try again later. After any other error the caller cannot
        know whether the events are in the log.
        """
        if not self._writer:
            raise ValueError(f"{self.path} is open for reading only")
        named = {row.run for row in tasks} | ({run_row.run} if run_row else set())
        if named - {run}:
            raise ValueError(f"rows of {sorted(named - {run})} in an append to {run}")
        if run_row is None and after == 0:
            run_row = RunRow(run)
        event_rows = [
            (run, seq, at, kind, subject, _encoded(body))
            for seq, (at, kind, subject, body) in enumerate(events, start=after + 1)
        ]

        def commit() -> int:
            with explained(self.path, "write"), self._transaction():
                found = self.last_seq(run)
                if found != after:
                    raise StaleWriter(run, after, found)
                if run_row is not None:
                    self._connection.execute(_PUT_RUN, _storable(run_row))
                self._connection.executemany(_PUT_EVENT, event_rows)
                self._connection.executemany(_PUT_TASK, map(_storable, tasks))
            return after + len(event_rows)

        return durable("store.append", commit, *(kind for _, kind, _, _ in events))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            # A failed statement may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    # --- reading -------------------------------------------------------------------------------

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within it all reads see the journal as at the first of them. Keep it short."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def read(
        self, run: str, after: int = 0, limit: int | None = None, subject: str | None = None
    ) -> Iterator[Row]:
        """The events of the run with seq above `after`, in order, at most `limit`; only those of
        `subject` if given. What is appended while reading may be seen too, never out of order."""
        where = "run = ? AND seq > ?" + ("" if subject is None else " AND subject = ?")
        query = f"SELECT seq, at, kind, subject, body FROM event WHERE {where} ORDER BY seq LIMIT ?"
        left = limit
        while left is None or left > 0:
            size = CHUNK_ROWS if left is None else min(CHUNK_ROWS, left)
            keys = (run, after) if subject is None else (run, after, subject)
            with explained(self.path, "read"):
                rows = self._connection.execute(query, (*keys, size)).fetchall()
            yield from map(Row._make, rows)
            if len(rows) < size:
                return
            after = rows[-1][0]
            left = None if left is None else left - size

    def last_seq(self, run: str) -> int:
        """The seq of the run's last event, 0 if it has none."""
        (found,) = self._one("SELECT IFNULL(MAX(seq), 0) FROM event WHERE run = ?", (run,)) or (0,)
        return int(found)

    def tasks(self, run: str, status: str | None = None) -> list[TaskRow]:
        """The run's tasks in plan order; only those with `status` if given."""
        where = "run = ?" + ("" if status is None else " AND status = ?")
        keys = (run,) if status is None else (run, status)
        return [
            _task_row(row)
            for row in self._all(
                f"SELECT {_TASK_COLUMNS} FROM task WHERE {where} ORDER BY position, task", keys
            )
        ]

    def task(self, run: str, task: str) -> TaskRow | None:
        """The task's row, or `None`."""
        row = self._one(f"SELECT {_TASK_COLUMNS} FROM task WHERE run = ? AND task = ?", (run, task))
        return None if row is None else _task_row(row)

    def counts(self, run: str) -> dict[str, int]:
        """How many of the run's tasks have each status; a status nobody has is missing."""
        query = "SELECT status, COUNT(*) FROM task WHERE run = ? GROUP BY status"
        return dict(cast(list[tuple[str, int]], self._all(query, (run,))))

    def run_row(self, run: str) -> RunRow | None:
        """The run's row, or `None`."""
        row = self._one(f"SELECT {_RUN_COLUMNS} FROM run WHERE run = ?", (run,))
        return None if row is None else RunRow._make(row)

    def runs(self) -> list[RunRow]:
        """All runs, oldest first."""
        return [
            RunRow._make(row) for row in self._all(f"SELECT {_RUN_COLUMNS} FROM run ORDER BY rowid")
        ]

    def next_run_id(self) -> str:
        """`r1`, `r2`, …: one above the highest in the journal. Not taken until appended to."""
        (highest,) = self._one(
            "SELECT MAX(CAST(SUBSTR(run, 2) AS INTEGER)) FROM run WHERE run GLOB 'r[0-9]*'", ()
        ) or (None,)
        return f"r{(highest or 0) + 1}"

    def _one(self, query: str, keys: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with explained(self.path, "read"):
            row: tuple[Any, ...] | None = self._connection.execute(query, keys).fetchone()
        return row

    def _all(self, query: str, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with explained(self.path, "read"):
            return self._connection.execute(query, keys).fetchall()


def _task_row(row: tuple[Any, ...]) -> TaskRow:
    return TaskRow._make((*row[:9], bool(row[9]), *row[10:12], bool(row[12]), *row[13:]))


def _encoded(body: dict[str, Any]) -> str:
    # ASCII: half a surrogate pair, as in the name of an odd file, survives as an escape.
    return json.dumps(body, separators=(",", ":"), allow_nan=False)


def _storable(row: Iterable[Any]) -> tuple[Any, ...]:
    """The row's values, with what UTF-8 cannot hold (bytes of an agent's output) as escapes."""
    return tuple(
        value.encode("utf-8", "backslashreplace").decode()
        if isinstance(value, str) and not value.isascii()
        else value
        for value in row
    )
