"""Opening the SQLite file, and saying in words what SQLite says in codes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gangsaw.core.errors import UserError
from gangsaw.store.errors import DiskFull, NoJournal
from gangsaw.store.schema import SQLITE_MIN, check_readable, migrate

Version = tuple[int, int, int]

SQLITE_TWO_WRITERS: tuple[Version, ...] = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
"""Before these (the newest, and mended older lines), a checkpoint at the moment of another
program's commit could damage the file (sqlite.org/wal.html, "WAL-reset bug"). With one writer it
cannot."""

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for another process's lock. Only recovery after a kill and a second
writer (a person with the sqlite3 shell) ever hold one."""

WAL_KEPT_BYTES = 16 * 1024 * 1024
"""The write-ahead log is cut to this size after a checkpoint; one big batch does not stay."""

_FULL = frozenset(
    # A quota or a file size limit is reported as a failed write; so is the log's index file, at
    # its first bytes or when it grows.
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    }
)


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that may write, the file made and migrated as needed.

    The caller holds the writer's lock. The folder must exist.
    """
    check_library()
    with explained(path, "write"):
        connection = _connect(path, "mode=rwc")
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write and makes no journal; `NoJournal` where there is none.

    Works beside a live writer, without one, after a writer was killed, and on a full disk.
    """
    check_library()
    if not path.exists():
        raise NoJournal(f"cannot read {path}: nothing has run here yet; try gangsaw run PLAN")
    try:
        return _checked_reader(path, "mode=ro")
    except sqlite3.OperationalError as error:
        shut = primary_code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if not shut and not _is_full(error):
            with explained(path, "read"):
                raise
        # A folder we cannot write to, or a disk without room for it: SQLite wants to make its
        # index file there. Without a log to index the file is complete and nobody changes it (a
        # writer needs that index too), so it can be read as it is.
        if _has_log(path):
            if not shut:
                with explained(path, "read"):
                    raise
            raise UserError(
                f"cannot read {path}: its folder is not writable and the last writer was killed; "
                "try making the folder writable, or copy it"
            ) from error
        with explained(path, "read"):
            return _checked_reader(path, "mode=ro&immutable=1")
    except sqlite3.DatabaseError:
        with explained(path, "read"):
            raise


def _checked_reader(path: Path, query: str) -> sqlite3.Connection:
    connection = _connect(path, query)
    try:
        check_readable(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, query: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{_uri(path)}?{query}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    connection.execute("PRAGMA mmap_size = 0")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _uri(path: Path) -> str:
    kept = frozenset(b"/._-+=,@" + bytes(range(48, 58)) + bytes(range(65, 91)))
    raw = os.fsencode(path.absolute())
    return "file://" + "".join(
        chr(byte) if byte in kept or 97 <= byte <= 122 else f"%{byte:02x}" for byte in raw
    )


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def check_library(version: Version = sqlite3.sqlite_version_info) -> None:
    """`UserError` if this SQLite cannot read or write a journal."""
    if version < SQLITE_MIN:
        found, wanted = (".".join(map(str, one)) for one in (version, SQLITE_MIN))
        raise UserError(
            f"cannot use SQLite {found}: {wanted} or newer is needed; try another Python"
        )


def second_writer_text(version: Version = sqlite3.sqlite_version_info) -> str:
    """What to say when another program has the journal locked for writing; with an old library
    that is a danger, and said."""
    text = "another program keeps it locked; try closing that program"
    newest, *mended = SQLITE_TWO_WRITERS
    if version < newest and not any(one <= version < (*one[:2], 1000) for one in mended):
        found, sound = (".".join(map(str, one)) for one in (version, newest))
        text += (
            f", for good: two that write at once may damage the file with SQLite {found} "
            f"({sound} is safe)"
        )
    return text


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 if the error is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) in _FULL


@contextmanager
def explained(path: Path, verb: str) -> Iterator[None]:
    """Turns what a user can mend into `UserError` (`DiskFull` for want of room); the rest rises."""
    try:
        yield
    except sqlite3.Error as error:
        if _is_full(error):
            raise DiskFull(
                f"cannot {verb} {path}: no room ({error.sqlite_errorname}); "
                "try freeing space on that disk"
            ) from error
        remedy = {
            sqlite3.SQLITE_BUSY: second_writer_text(),
            sqlite3.SQLITE_READONLY: "it is read only; try making it and its folder writable",
            sqlite3.SQLITE_CANTOPEN: "it cannot be opened; try making its folder writable",
            sqlite3.SQLITE_NOTADB: "it is not a database; try moving it away",
            sqlite3.SQLITE_CORRUPT: "it is damaged; try moving it away, or restore a copy",
        }.get(primary_code(error))
        if remedy is None:
            raise
        raise UserError(f"cannot {verb} {path}: {remedy}", exit_code=1) from error
