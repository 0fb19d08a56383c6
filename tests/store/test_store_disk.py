"""No room, no permission: refused in words, nothing half written, and back to work afterwards."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gangsaw.core.errors import UserError
from gangsaw.store.control import make_control
from gangsaw.store.errors import DiskFull
from gangsaw.store.inbox import Request, pending, submit
from gangsaw.store.journal import Journal, open_journal
from gangsaw.store.lock import WriterLock
from gangsaw.store.reserve import RESERVE_BYTES, ensure_reserve, free_mb, release_reserve
from gangsaw.store.rows import NewEvent, TaskRow

NOBODY = 65534
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.guarantee("G16")
def test_a_full_disk_and_the_reserve(small_disk: Path) -> None:
    control = make_control(small_disk / "gangsaw")
    assert ensure_reserve(control.reserve)
    with open_journal(control.journal, writer=True) as journal:
        last = fill(journal, 0)
        with open_journal(control.journal, writer=False) as reader:
            check_whole(reader, last)
        with (small_disk / "rest").open("wb", buffering=0) as rest, suppress(OSError):
            while rest.write(b"x" * 4096):
                pass
        with pytest.raises(DiskFull, match="try freeing space"):
            submit(control.inbox, Request("k", "say", {"text": "x" * 9000}, 1.0, "me"))
        assert pending(control.inbox) == []
        assert [p.name for p in control.inbox.iterdir()] == []
        assert release_reserve(control.reserve)
        assert not release_reserve(control.reserve)
        assert free_mb(small_disk) >= 3
        last = journal.append("r1", [], after=last)
        for _ in range(20):
            row = TaskRow("r1", "a", 0, "working", attempts=last + 1)
            last = journal.append("r1", BIG[:1], after=last, tasks=[row])
        check_whole(journal, last)
        fill(journal, last)
        assert not ensure_reserve(control.reserve)
        assert not control.reserve.exists()


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
