"""No room, no permission: refused in words, nothing half written, and back to work afterwards."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.store.control import make_control
from gangsaw.store.errors import DiskFull
from gangsaw.store.inbox import Request, submit
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.store.reserve import RESERVE_BYTES, ensure_reserve
from gangsaw.store.rows import NewEvent, TaskRow

NOBODY = 65534
ROOT = Path(__file__).parents[2]
ROUNDS = 1000 if os.environ.get("GANGSAW_LONG") else 60
BIG: list[NewEvent] = [(1.0, "noted", "a", {"text": "x" * 500})] * 20


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill(journal: Journal, last: int) -> int:
    """Append until there is no room; the last seq acknowledged."""
    for _ in range(2000):
        row = TaskRow("r1", "a", 0, "working", attempts=last + len(BIG))
        try:
            last = journal.append("r1", BIG, after=last, tasks=[row])
        except DiskFull:
            return last
    raise AssertionError("never full")


def check_whole(journal: Journal, last: int) -> None:
    assert [row.seq for row in journal.read("r1")] == list(range(1, last + 1))
    row = journal.task("r1", "a")
    assert row is not None
    assert row.attempts == last


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with open_journal(path, writer=True) as journal, open_journal(path, writer=False) as reader:
        last = 0
        for limit in (400_000, 800_000, 1_200_000):
            with file_size_limit(limit):
                filled = fill(journal, last)
                assert filled > last
                for _ in range(3):
                    assert fill(journal, filled) == filled
                check_whole(reader, filled)
                check_whole(journal, filled)
            last = filled
        last = journal.append("r1", [], after=last)
    with open_journal(path, writer=True) as journal:
        check_whole(journal, last)


MOUNT = 'mount -t tmpfs -o size=32m none "$1" && shift && exec "$@"'
PRIVATE_MOUNTS = (("unshare", "-m"), ("unshare", "-rm"))
"""Ways to a mount that nobody else sees and that goes with its process: as root, or in a user
namespace of our own."""


def small_disk(folder: Path) -> list[str]:
    """What to put before a command so that `folder` is a small file system for it; empty where
    mounting is not allowed."""
    for unshare in PRIVATE_MOUNTS:
        before = [*unshare, "sh", "-c", MOUNT, "sh", str(folder)]
        with suppress(FileNotFoundError):
            if subprocess.run([*before, "true"], check=False, capture_output=True).returncode == 0:
                return before
    return []


def campaign(folder: Path, way: str, writer: str) -> subprocess.CompletedProcess[str]:
    before = small_disk(folder) if way == "disk" else []
    seed = "1"
    if way == "disk" and not before:
        way, seed = "limit", "2"  # not the same again
    program = [sys.executable, "-m", "tests.store.small_disk"]
    return subprocess.run(
        [*before, *program, str(folder), str(ROUNDS), seed, way, writer],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("way", ["disk", "limit"])
@pytest.mark.guarantee("G16")
def test_no_room_at_every_nth_append(
    tmp_path: Path, way: str, record_property: Callable[[str, object], None]
) -> None:
    done = campaign(tmp_path, way, "whole")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rounds"] == ROUNDS
    assert found["refused"] >= 3 * ROUNDS
    assert found["reserve_used"] == (ROUNDS if found["way"] == "disk" else 0)
    what = {"disk": "a small disk filled", "limit": "files that may not grow:"}[found["way"]]
    record_property(
        "figure",
        f"store without room ({way}): {what} {found['rounds']} times at {found['places']} places "
        f"of the log, {found['appends']} appends, {found['refused']} refused and nothing of them "
        f"kept, {found['reserve_used']} appended with the help of the reserve",
    )


def test_a_full_disk_finds_a_writer_that_is_wrong(tmp_path: Path) -> None:
    done = campaign(tmp_path, "limit", "apart")
    assert done.returncode == 1
    assert "the events differ from what was acknowledged" in done.stderr


def test_the_reserve_is_really_allocated_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    assert ensure_reserve(path)
    found = path.stat()
    assert found.st_size == RESERVE_BYTES
    assert found.st_blocks * 512 >= RESERVE_BYTES
    assert ensure_reserve(path)
    assert path.stat().st_ino == found.st_ino
    with path.open("r+b") as file:
        file.truncate(0)
        file.truncate(RESERVE_BYTES)  # a hole: as long, but holding no room
    assert ensure_reserve(path)
    assert path.stat().st_blocks * 512 >= RESERVE_BYTES
    with file_size_limit(RESERVE_BYTES // 2):
        path.unlink()
        assert not ensure_reserve(path)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may write everywhere: look with the eyes of somebody else."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder which an ordinary user can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def test_a_read_only_folder(open_folder: Path) -> None:
    path = open_folder / "journal.db"
    with open_journal(path, writer=True) as journal:
        journal.append("r1", BIG, after=0)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with ordinary_user():
        with open_journal(path, writer=False) as journal:
            assert journal.last_seq("r1") == 20
            assert len(list(journal.read("r1"))) == 20
        with pytest.raises(UserError) as caught:
            open_journal(path, writer=True)
        assert "writable" in caught.value.text
        with pytest.raises(UserError) as caught:
            WriterLock.acquire(open_folder / "lock")
        assert "writable" in caught.value.text
        with pytest.raises(UserError):
            make_control(open_folder / "gangsaw")
        with pytest.raises(UserError):
            submit(open_folder, Request("k", "pause", {}, 1.0, "me"))
    assert [p.name for p in open_folder.iterdir()] == ["journal.db"]


def test_a_read_only_folder_with_a_log_left_by_a_killed_writer(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir()
    copy = open_folder / "copy"
    copy.mkdir()
    with open_journal(home / "journal.db", writer=True) as journal:
        journal.append("r1", BIG, after=0)
        for name in ("journal.db", "journal.db-wal"):  # what a kill leaves on the disk
            (copy / name).write_bytes((home / name).read_bytes())
    for file in copy.iterdir():
        file.chmod(0o444)
    copy.chmod(0o555)
    with ordinary_user(), pytest.raises(UserError) as caught:
        open_journal(copy / "journal.db", writer=False)
    assert "folder writable" in caught.value.text
    copy.chmod(0o755)
    with open_journal(copy / "journal.db", writer=False) as journal:
        assert journal.last_seq("r1") == 20


def test_the_control_folder_is_private(tmp_path: Path) -> None:
    control = make_control(tmp_path / "gangsaw")
    make_control(tmp_path / "gangsaw")
    for folder in (control.root, control.inbox):
        assert folder.stat().st_mode & 0o777 == 0o700
    control.root.chmod(0o777)
    make_control(tmp_path / "gangsaw")
    assert control.root.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "gangsaw")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(UserError) as caught:
            make_control(tmp_path / name)
        assert "not a folder" in caught.value.text
