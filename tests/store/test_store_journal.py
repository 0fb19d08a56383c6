"""The journal in one process: what is appended is read, what is forbidden is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.store.connect import (
    SQLITE_TWO_WRITERS,
    WAL_KEPT_BYTES,
    check_library,
    second_writer_text,
)
from gangsaw.store.errors import NoJournal, StaleWriter
from gangsaw.store.journal import CHUNK_ROWS, Journal, open_journal
from gangsaw.store.rows import NewEvent, RunRow, TaskRow
from gangsaw.store.schema import SQLITE_MIN


def events(count: int, subject: str = "a") -> list[NewEvent]:
    return [(float(n), "noted", subject, {"n": n}) for n in range(count)]


def seqs(journal: Journal, run: str = "r1") -> list[int]:
    return [row.seq for row in journal.read(run)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_events_come_back_as_they_were(path: Path) -> None:
    body = {"text": "é\udc80\x00\n\"'", "n": 2**53, "list": [1.5, None, True], "sub": {"": ""}}
    with open_journal(path, writer=True) as journal:
        assert journal.append("r1", [(1.25, "task_ready", "täsk", body)], after=0) == 1
        (row,) = journal.read("r1")
    assert (row.seq, row.at, row.kind, row.subject) == (1, 1.25, "task_ready", "täsk")
    assert row.body == body


def test_read_bounds_and_chunks(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        count = 2 * CHUNK_ROWS
        last = journal.append("r1", events(count), after=0)
        last = journal.append("r1", events(1, "b"), after=last)
        journal.append("r2", events(3), after=0)
        assert seqs(journal) == list(range(1, count + 2))
        assert [row.seq for row in journal.read("r1", after=count - 1)] == [count, count + 1]
        assert [row.seq for row in journal.read("r1", limit=3)] == [1, 2, 3]
        assert sum(1 for _ in journal.read("r1", limit=CHUNK_ROWS + 1)) == CHUNK_ROWS + 1
        assert list(journal.read("r1", limit=0)) == []
        assert [row.seq for row in journal.read("r1", subject="b")] == [last]
        assert sum(1 for _ in journal.read("r1", subject="a")) == count
        assert list(journal.read("r9")) == []
        assert journal.last_seq("r9") == 0


def test_a_thousand_events_in_one_append(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        tasks = [TaskRow("r1", f"t{n}", n, "waiting") for n in range(1000)]
        assert journal.append("r1", events(1000), after=0, tasks=tasks) == 1000
        assert journal.counts("r1") == {"waiting": 1000}
        assert seqs(journal) == list(range(1, 1001))


def test_projections_are_replaced_and_keep_their_types(path: Path) -> None:
    first = TaskRow("r1", "a", 1, "working", "because", 2, None, 10, None, True, 1.0, None, True)
    second = TaskRow("r1", "b", 0, "waiting", title="é\udc80", activity="\x1b[31m")
    with open_journal(path, writer=True) as journal:
        journal.append("r1", events(1), after=0, tasks=[first, second])
        assert [row.task for row in journal.tasks("r1")] == ["b", "a"]
        assert journal.task("r1", "a") == first
        assert journal.task("r1", "a") is not None
        found = journal.task("r1", "b")
        assert found is not None
        assert found.title == "é\\udc80"
        assert found.activity == "\x1b[31m"
        landed = first._replace(status="landed", landed_commit="c0ffee", cost_usd=0.5, live=False)
        journal.append("r1", events(1), after=1, tasks=[landed])
        assert journal.task("r1", "a") == landed
        assert [type(value) for value in journal.tasks("r1")[1]] == [type(v) for v in landed]
        assert journal.tasks("r1", status="landed") == [landed]
        assert journal.counts("r1") == {"landed": 1, "waiting": 1}
        assert journal.task("r1", "zz") is None
        assert journal.tasks("r2") == []


def test_runs_are_numbered_and_listed_in_order(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        assert journal.next_run_id() == "r1"
        assert journal.runs() == []
        for number in range(1, 12):
            run = journal.next_run_id()
            assert run == f"r{number}"
            journal.append(
                run, events(1), after=0
            )  # without a row: the number is taken all the same
        row = RunRow("r3", "goal", "main", "gangsaw/run/r3", "running", 1.0, None, 77, '{"a":1}')
        journal.append("r3", [], after=1, run_row=row)
        assert journal.run_row("r3") == row
        assert [known.run for known in journal.runs()] == [f"r{n}" for n in range(1, 12)]
        assert journal.run_row("r99") is None


def test_a_writer_that_is_behind_is_refused_and_writes_nothing(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        journal.append("r1", events(3), after=0)
        for after in (0, 2, 4):
            with pytest.raises(StaleWriter) as caught:
                journal.append("r1", events(1), after=after, tasks=[TaskRow("r1", "a", 0, "x")])
            assert (caught.value.expected, caught.value.found) == (after, 3)
        assert seqs(journal) == [1, 2, 3]
        assert journal.tasks("r1") == []
        assert journal.append("r1", events(1), after=3) == 4


def test_what_cannot_be_written_leaves_nothing_behind(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        journal.append("r1", events(1), after=0)
        for bad in (
            (1.0, "k", "s", {"x": float("nan")}),
            (1.0, "k", "s", {"x": object()}),
            (1.0, "k", "\udc80", {}),
        ):
            with pytest.raises((ValueError, TypeError)):
                journal.append("r1", [*events(2), bad], after=1, tasks=[TaskRow("r1", "a", 0, "x")])
        with pytest.raises(sqlite3.IntegrityError):  # STRICT: a text is not a number
            journal.append(
                "r1",
                events(1),
                after=1,
                tasks=[TaskRow("r1", "a", "zero", "x")],  # type: ignore[arg-type]
            )
        with pytest.raises(ValueError):
            journal.append("r1", events(1), after=1, tasks=[TaskRow("r2", "a", 0, "x")])
        assert seqs(journal) == [1]
        assert journal.tasks("r1") == []
        assert journal.append("r1", events(1), after=1) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET kind = 'other' WHERE seq = 1",
        "DELETE FROM event WHERE seq = 2",
        "INSERT INTO event VALUES ('r1', 4, 1.0, 'k', 's', '{}')",
        "INSERT INTO event VALUES ('r2', 2, 1.0, 'k', 's', '{}')",
        "INSERT OR REPLACE INTO event VALUES ('r1', 2, 1.0, 'k', 's', '{}')",
        "INSERT INTO event VALUES ('r1', 3, 'noon', 'k', 's', '{}')",
    ],
)
@pytest.mark.guarantee("G2")
def test_the_file_itself_refuses_to_rewrite_history(path: Path, statement: str) -> None:
    with open_journal(path, writer=True) as journal:
        journal.append("r1", events(2), after=0)
        before = list(journal.read("r1"))
        other = sqlite3.connect(path)
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(statement)
        other.rollback()
        other.close()
        assert list(journal.read("r1")) == before


def test_the_settings_of_a_writer(path: Path) -> None:
    open_journal(path, writer=True).close()
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert other.execute("PRAGMA application_id").fetchone() == (0x67616E67,)
    assert other.execute("PRAGMA user_version").fetchone() == (1,)
    assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    strict = other.execute("SELECT name, strict FROM pragma_table_list WHERE schema='main'")
    assert {(n, s) for n, s in strict if not n.startswith("sqlite_")} == {
        ("event", 1),
        ("run", 1),
        ("task", 1),
    }
    plan = other.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM event WHERE run = 'r' AND seq > 1 AND subject = 's' "
        "ORDER BY seq"
    ).fetchall()
    assert "event_by_subject (run=? AND subject=? AND seq>?)" in plan[0][3]
    other.close()


def test_a_commit_is_synced_before_it_is_acknowledged(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        for pragma, wanted in (("synchronous", 2), ("mmap_size", 0), ("trusted_schema", 0)):
            (found,) = journal._connection.execute(f"PRAGMA {pragma}").fetchone()
            assert found == wanted, pragma  # 2 is FULL


def test_the_log_is_folded_back_and_stays_small(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    batch: list[NewEvent] = [(1.0, "noted", "a", {"text": "x" * 4000})] * 500
    with open_journal(path, writer=True) as journal, open_journal(path, writer=False) as reader:
        last = 0
        for _ in range(10):  # 20 MB, folded back again and again
            last = journal.append("r1", batch, after=last)
        assert log.stat().st_size < WAL_KEPT_BYTES
        with reader.frozen():  # what it may still look at cannot be folded back
            assert reader.last_seq("r1") == last
            for _ in range(10):
                last = journal.append("r1", batch, after=last)
            assert log.stat().st_size > WAL_KEPT_BYTES
        for _ in range(3):
            last = journal.append("r1", batch, after=last)
        assert log.stat().st_size <= WAL_KEPT_BYTES
        assert reader.last_seq("r1") == last
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_old_library_is_refused_or_warned_of() -> None:
    check_library(SQLITE_MIN)
    with pytest.raises(UserError) as caught:
        check_library((3, 36, 0))
    assert caught.value.text.startswith("cannot use SQLite 3.36.0: 3.37.0 or newer is needed; try")
    assert "may damage the file with SQLite 3.51.2" in second_writer_text((3, 51, 2))
    assert "damage" in second_writer_text((3, 49, 9))
    for version in (*SQLITE_TWO_WRITERS, (3, 53, 0)):
        assert "damage" not in second_writer_text(version)


def test_a_reader_cannot_write_and_makes_nothing(path: Path) -> None:
    with pytest.raises(NoJournal) as caught:
        open_journal(path, writer=False)
    assert "try gangsaw run" in caught.value.text
    assert list(path.parent.iterdir()) == []
    path.touch()
    with pytest.raises(NoJournal):
        open_journal(path, writer=False)
    with open_journal(path, writer=True) as writer:
        writer.append("r1", events(1), after=0)
        with open_journal(path, writer=False) as reader:
            with pytest.raises(ValueError):
                reader.append("r1", events(1), after=1)
            writer.append("r1", events(1), after=1)
            assert seqs(reader) == [1, 2]
    with open_journal(path, writer=False) as reader:  # nobody writes any more
        assert seqs(reader) == [1, 2]


def test_frozen_reads_see_one_instant(path: Path) -> None:
    with open_journal(path, writer=True) as writer, open_journal(path, writer=False) as reader:
        writer.append("r1", events(1), after=0)
        with reader.frozen():
            assert reader.last_seq("r1") == 1
            writer.append("r1", events(1), after=1, tasks=[TaskRow("r1", "a", 0, "x")])
            assert reader.last_seq("r1") == 1
            assert reader.tasks("r1") == []
        assert reader.last_seq("r1") == 2


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "50% off? #1 é\udcff"
    folder.mkdir()
    path = folder / "journal.db"
    with open_journal(path, writer=True) as journal:
        journal.append("r1", events(1), after=0)
    assert [p.name for p in folder.iterdir()] == ["journal.db"]
    with open_journal(path, writer=False) as journal:
        assert seqs(journal) == [1]


@pytest.mark.parametrize("writer", [True, False])
def test_what_is_no_journal_is_named(path: Path, writer: bool) -> None:
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    with pytest.raises(UserError) as caught:
        open_journal(path, writer=writer)
    assert "not a database" in caught.value.text
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(UserError) as caught:
        open_journal(path, writer=writer)
    assert "another program" in caught.value.text


def test_a_lock_of_another_program_is_named(path: Path) -> None:
    with open_journal(path, writer=True) as journal:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError) as caught:
            journal.append("r1", events(1), after=0)
        assert second_writer_text() in caught.value.text
        other.execute("ROLLBACK")
        other.close()
        assert journal.append("r1", events(1), after=0) == 1
