"""Files of other releases: older ones are brought up to date by a writer, newer ones refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.store.journal import open_journal
from gangsaw.store.schema import MIGRATIONS, Migration, check_readable, check_version, migrate


def add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE task ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")


def break_down(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE half_way (x)")
    raise RuntimeError("in the middle")


NEXT: tuple[Migration, ...] = (*MIGRATIONS, add_column)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with open_journal(path, writer=True) as journal:
        journal.append("r1", [(1.0, "k", "s", {})], after=0)
    return path


@pytest.mark.guarantee("G18")
def test_an_older_file_is_migrated_once_and_keeps_its_events(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(UserError) as caught:
        check_readable(connection, path, NEXT)
    assert "try gangsaw run" in caught.value.text
    migrate(connection, path, NEXT)
    migrate(connection, path, NEXT)
    check_readable(connection, path, NEXT)
    assert connection.execute("SELECT colour FROM task").fetchall() == []
    assert connection.execute("SELECT seq FROM event").fetchall() == [(1,)]
    connection.close()


def test_a_broken_migration_changes_nothing(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(RuntimeError):
        migrate(connection, path, (*NEXT, break_down))
    assert check_version(connection, path, NEXT) == 1
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT colour FROM task")
    connection.close()


@pytest.mark.parametrize("writer", [True, False])
def test_a_newer_file_is_refused_with_a_remedy(path: Path, writer: bool) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, NEXT)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(UserError) as caught:
        open_journal(path, writer=writer)
    assert "version 2" in caught.value.text
    assert "try upgrading gangsaw" in caught.value.text
    assert path.read_bytes() == before
