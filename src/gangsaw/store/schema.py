"""The tables of the journal, and how a file of an earlier release becomes one of this release.

Events are for ever: the tables refuse any change of them and any gap, whoever writes. Projections
(`run`, `task`) may be rewritten freely. A migration is a function; its place in `MIGRATIONS` plus
one is the version it leads to. Released migrations are never edited.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.core.faults import durable
from gangsaw.store.errors import NoJournal

APPLICATION_ID = 0x67616E67  # "gang"
SQLITE_MIN = (3, 37, 0)  # STRICT tables

Migration = Callable[[sqlite3.Connection], None]

_VERSION_1 = (
    # WITHOUT ROWID: rows lie in the order they are read in, and the key is kept once.
    """
    CREATE TABLE event (
        run TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL,
        kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX event_by_subject ON event (run, subject, seq)",
    """
    CREATE TRIGGER event_never_updated BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END
    """,
    """
    CREATE TRIGGER event_never_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END
    """,
    # Also what stops INSERT OR REPLACE, for which delete triggers do not fire.
    """
    CREATE TRIGGER event_without_gap BEFORE INSERT ON event
    WHEN NEW.seq IS NOT 1 + IFNULL((SELECT MAX(seq) FROM event WHERE run = NEW.run), 0)
    BEGIN SELECT RAISE(ABORT, 'events are appended without gaps'); END
    """,
    """
    CREATE TABLE run (
        run TEXT NOT NULL PRIMARY KEY, goal TEXT NOT NULL, target TEXT NOT NULL,
        integration TEXT NOT NULL, state TEXT NOT NULL, started_at REAL, ended_at REAL,
        engine_pid INTEGER, summary TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE task (
        run TEXT NOT NULL, task TEXT NOT NULL, position INTEGER NOT NULL, status TEXT NOT NULL,
        reason TEXT NOT NULL, attempts INTEGER NOT NULL, landed_commit TEXT,
        tokens INTEGER NOT NULL, cost_usd REAL, cost_is_estimate INTEGER NOT NULL,
        started_at REAL, ended_at REAL, live INTEGER NOT NULL, title TEXT NOT NULL,
        activity TEXT NOT NULL,
        PRIMARY KEY (run, task)
    ) STRICT, WITHOUT ROWID
    """,
)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_create,)


def check_version(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> int:
    """The file's version, 0 for an empty file. `UserError` if it is not ours or too new."""
    version, marked, tables = _marks(connection)
    if marked != APPLICATION_ID and (marked, version, tables) != (0, 0, 0):
        raise UserError(
            f"cannot use {path}: it is a database of another program; try moving it away"
        )
    if version > len(migrations):
        raise UserError(
            f"cannot use {path}: a newer gangsaw wrote it (version {version}, this one knows "
            f"{len(migrations)}); try upgrading gangsaw"
        )
    return version


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Version, application id and number of tables, all of one moment: a writer may just be making
    the file."""
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    try:
        queries = (
            "PRAGMA user_version", "PRAGMA application_id", "SELECT COUNT(*) FROM sqlite_schema",
        )  # fmt: skip
        version, marked, tables = (int(connection.execute(q).fetchone()[0]) for q in queries)
        return version, marked, tables
    finally:
        # A failed statement may have ended the transaction already.
        if alone and connection.in_transaction:
            connection.execute("ROLLBACK")


def check_readable(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Nothing if a reader of this release can read the file. `NoJournal` if it is still empty,
    `UserError` if it has to be migrated first, which only a writer may do."""
    version = check_version(connection, path, migrations)
    if version == 0:
        raise NoJournal(f"cannot read {path}: nothing has run here yet; try gangsaw run PLAN")
    if version < len(migrations):
        raise UserError(
            f"cannot read {path}: an older gangsaw wrote it (version {version} of "
            f"{len(migrations)}); try gangsaw run, which brings it up to date"
        )


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring the file to the newest version, all steps in one transaction. Safe to repeat."""
    if check_version(connection, path, migrations) == len(migrations):
        return
    durable("store.migrate", lambda: _migrate(connection, path, migrations))


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations[check_version(connection, path, migrations) :]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
