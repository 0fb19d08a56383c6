"""Writers killed at any instant: what was acknowledged is there, nothing is half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gangsaw
from gangsaw.store.journal import open_journal
from gangsaw.store.rows import TaskRow
from tests.store.kill_yard import COMMITTED, Fault
from tests.store.store_writer import fold

KILLS = 10_000 if os.environ.get("GANGSAW_LONG") else 300
YARD = Path(__file__).with_name("kill_yard.py")
WRITER = Path(__file__).with_name("store_writer.py")
SOURCE = str(Path(gangsaw.__file__).parents[1])


def start_writer(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(folder / "j.db"), str(folder / "lock"), *arguments],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"},
        bufsize=0,
    )


class Auditor:
    """Follows the journal and folds it beside the projection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last = 0
        self.tasks: dict[str, TaskRow] = {}

    def check(self, acknowledged: int) -> int:
        """How many events are there that nobody was told of."""
        with open_journal(self.path, writer=False) as journal, journal.frozen():
            assert journal.last_seq("r1") >= acknowledged, "an acknowledged event was lost"
            for row in journal.read("r1", after=self.last):
                assert row.seq == self.last + 1, "a gap"
                self.last = row.seq
                fold(self.tasks, row)
            assert {row.task: row for row in journal.tasks("r1")} == self.tasks
            return self.last - acknowledged


def campaign(
    folder: Path, kills: int, fault: Fault = Fault.NONE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(YARD), str(folder), str(kills), "20", fault.value],
        env={"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.guarantee("G1", "G2")
def test_kills_inside_transactions_lose_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    done = campaign(tmp_path, KILLS)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["inside"] + found["in_commit"] >= KILLS
    assert {int(point) for point in found["at_points"]} >= set(range(COMMITTED + 1))
    record_property(
        "figure",
        f"store kills: {found['kills']}, inside a transaction {found['inside']} before and "
        f"{found['in_commit']} during COMMIT, before it {found['before']}, after COMMIT "
        f"{found['after']}, between appends {found['outside']}; committed but unacknowledged "
        f"{found['unacknowledged']}; events {found['events']}, lost 0, torn 0, projections "
        "that differ 0",
    )


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        (Fault.APART, "task rows differ"),
        (Fault.EARLY, "acknowledged"),
        (Fault.HALVES, "a torn batch"),
    ],
)
def test_kills_find_a_writer_that_is_wrong(tmp_path: Path, fault: Fault, how: str) -> None:
    done = campaign(tmp_path, KILLS, fault)
    assert done.returncode == 1
    assert how in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("side", "extra"), [("before", False), ("after", True)])
def test_a_kill_at_the_fault_point(tmp_path: Path, side: str, extra: bool) -> None:
    writer = start_writer(tmp_path, "1", "store.append", side)
    heard, _ = writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL
    seqs = [int(line) for line in heard.split()]
    assert len(seqs) == 4
    assert (Auditor(tmp_path / "j.db").check(seqs[-1]) > 0) == extra


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_kill_while_the_file_is_made(tmp_path: Path, side: str) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from gangsaw.core.faults import set_probe\n"
        "from gangsaw.store.journal import open_journal\n"
        f"set_probe(lambda p, s: os.kill(os.getpid(), 9) if s == {side!r} else None)\n"
        "open_journal(Path(sys.argv[1]), writer=True)\n"
    )
    path = tmp_path / "j.db"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env={"PYTHONPATH": SOURCE}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with open_journal(path, writer=True) as journal:
        assert journal.append("r1", [(1.0, "k", "s", {})], after=0) == 1


@pytest.mark.guarantee("G2")
def test_a_reader_sees_whole_appends_while_a_writer_writes(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, "7")
    assert writer.stdout is not None
    auditor = Auditor(tmp_path / "j.db")
    try:
        for _ in range(30):
            heard = writer.stdout.read(4096)
            assert heard
            auditor.check(int(heard.rpartition(b"\n")[0].split()[-1]))
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate()
    assert auditor.last >= 30
