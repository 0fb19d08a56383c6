"""Write-back: only the wanted characters change, whoever else writes and whenever we die."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gangsaw.core import faults
from gangsaw.sources import Report, Standing, dialect
from gangsaw.sources.writing import LOCK, PART, Unwritten, Wish, Written, write_back

KIND = dialect("speckit")
TEXT = "# Tasks\r\n\r\n- [ ] T001 One  \r\n- [ ] T002 Two\t\n<!-- end -->"
DONE = [Wish(Report("T001", Standing.DONE, "c" * 40))]
POINTS = ("sources.prepare", "sources.replace")


@pytest.fixture
def tasks_file(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.md"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    return path


def written_text(path: Path) -> str:
    return path.read_bytes().decode()


def beside(path: Path) -> list[str]:
    return sorted(other.name for other in path.parent.iterdir() if other != path)


def test_only_the_mark_changes(tasks_file: Path) -> None:
    before = tasks_file.read_bytes()
    assert write_back(tasks_file, "tasks.md", KIND, DONE) == Written(True)
    assert tasks_file.read_bytes() == before.replace(b"[ ] T001", b"[x] T001")
    assert write_back(tasks_file, "tasks.md", KIND, DONE) == Written(False)
    assert beside(tasks_file) == []


def test_mode_stays_and_links_are_followed(tasks_file: Path) -> None:
    tasks_file.chmod(0o640)
    link = tasks_file.with_name("link.md")
    link.symlink_to(tasks_file.name)
    assert write_back(link, "link.md", KIND, DONE) == Written(True)
    assert link.is_symlink()
    assert stat.S_IMODE(tasks_file.stat().st_mode) == 0o640
    assert "[x] T001" in written_text(tasks_file)


@pytest.mark.parametrize("mark", ["x", "-", ">"])
def test_what_somebody_else_has_settled_is_left_alone(tasks_file: Path, mark: str) -> None:
    theirs = TEXT.replace("[ ] T001", f"[{mark}] T001")
    tasks_file.write_text(theirs, newline="")
    wish = Wish(Report("T001", Standing.RUNNING))
    said = write_back(tasks_file, "tasks.md", KIND, [wish])
    assert isinstance(said, Written)
    assert [key for key, _ in said.kept] == ["T001"]
    assert written_text(tasks_file) == theirs


def test_what_was_ours_is_taken_back(tasks_file: Path) -> None:
    write_back(tasks_file, "tasks.md", KIND, DONE)
    back = Wish(Report("T001", Standing.OPEN), Standing.DONE)
    assert write_back(tasks_file, "tasks.md", KIND, [back]) == Written(True)
    assert written_text(tasks_file) == "\ufeff" + TEXT


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.unlink(), "cannot be written"),
        (lambda path: path.write_bytes(b"- [ ] T001 \xff"), "not UTF-8"),
        (lambda path: (path.unlink(), path.mkdir()), "no file"),
    ],
    ids=["gone", "latin-1", "folder"],
)
def test_a_file_that_cannot_be_written_is_told(
    tasks_file: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(tasks_file)
    found = write_back(tasks_file, "tasks.md", KIND, DONE)
    assert isinstance(found, Unwritten)
    assert said in found.reason


def change_at(
    point: str, side: str, path: Path, change: Callable[[Path], None], times: int = 1
) -> Callable[[str, str], None]:
    """A probe by which somebody changes the file just then, so many times."""
    left = [times]

    def probe(passing: str, when: str) -> None:
        if (passing, when) == (point, side) and left[0]:
            left[0] -= 1
            change(path)

    return probe


def in_place(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n- [ ] T003 Three")


def by_rename(path: Path) -> None:
    other = path.with_name("their.tmp")
    other.write_bytes(path.read_bytes() + b"\n- [ ] T003 Three")
    other.replace(path)


MOMENTS = [(point, side) for point in POINTS for side in ("before", "after")]


@pytest.mark.parametrize("change", [in_place, by_rename])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("point", "side"), MOMENTS)
def test_a_racing_writer_loses_nothing(
    tasks_file: Path, point: str, side: str, times: int, change: Callable[[Path], None]
) -> None:
    """Somebody adds a line between our reading and our writing: both are in the file."""
    before = tasks_file.read_bytes()
    faults.set_probe(change_at(point, side, tasks_file, change, times))
    try:
        assert write_back(tasks_file, "tasks.md", KIND, DONE) == Written(True)
    finally:
        faults.set_probe(None)
    after = tasks_file.read_bytes()
    added = after.count(b"\n- [ ] T003 Three")
    assert added == (times if (point, side) != ("sources.replace", "after") else 1)
    assert after == before.replace(b"[ ] T001", b"[x] T001") + b"\n- [ ] T003 Three" * added
    assert beside(tasks_file) == []


@pytest.mark.parametrize("change", [in_place, by_rename])
@pytest.mark.parametrize("side", ["before", "after"])
def test_without_an_exchange_of_names_a_change_is_seen_up_to_the_last_moment(
    tasks_file: Path, side: str, change: Callable[[Path], None]
) -> None:
    before = tasks_file.read_bytes()
    faults.set_probe(change_at("sources.prepare", side, tasks_file, change))
    try:
        said = write_back(tasks_file, "tasks.md", KIND, DONE, swap=lambda one, other: False)
    finally:
        faults.set_probe(None)
    assert said == Written(True)
    after = before.replace(b"[ ] T001", b"[x] T001") + b"\n- [ ] T003 Three"
    assert tasks_file.read_bytes() == after
    assert beside(tasks_file) == []


def test_a_file_that_never_rests_is_given_up(tasks_file: Path) -> None:
    faults.set_probe(change_at("sources.prepare", "after", tasks_file, in_place, 1_000))
    try:
        found = write_back(tasks_file, "tasks.md", KIND, DONE)
    finally:
        faults.set_probe(None)
    assert isinstance(found, Unwritten)
    assert "[ ] T001" in written_text(tasks_file)
    assert beside(tasks_file) == []


LIFE = """
import os, signal, sys
from pathlib import Path
from gangsaw.core import faults
from gangsaw.sources import Report, Standing, dialect
from gangsaw.sources.writing import Wish, write_back
point, side, path = sys.argv[1:]
def probe(passing, when):
    if (passing, when) == (point, side):
        os.kill(os.getpid(), signal.SIGKILL)
faults.set_probe(probe)
report = Report("T001", Standing.DONE, "c" * 40)
write_back(Path(path), "tasks.md", dialect("speckit"), [Wish(report)])
"""


@pytest.mark.parametrize(("point", "side"), MOMENTS)
def test_a_kill_leaves_the_old_file_or_the_written_one(
    tasks_file: Path, point: str, side: str
) -> None:
    old = tasks_file.read_bytes()
    ours = old.replace(b"[ ] T001", b"[x] T001")
    done = subprocess.run([sys.executable, "-c", LIFE, point, side, str(tasks_file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert tasks_file.read_bytes() == (ours if (point, side) == MOMENTS[-1] else old)
    said = write_back(tasks_file, "tasks.md", KIND, DONE)
    assert isinstance(said, Written)
    assert tasks_file.read_bytes() == ours
    assert beside(tasks_file) == []


def test_a_change_of_the_last_moment_is_not_removed(tasks_file: Path) -> None:
    """A kill just after the names were swapped, and before what came out was looked at."""
    left = tasks_file.with_name(".tasks.md.gangsaw-0123456789abcdef-fedcba9876543210")
    left.write_text("somebody's words")
    found = write_back(tasks_file, "tasks.md", KIND, DONE)
    assert isinstance(found, Unwritten)
    assert left.name in found.reason
    assert left.read_text() == "somebody's words"


def test_a_half_written_text_of_ours_is_removed(tasks_file: Path) -> None:
    tasks_file.with_name(f".tasks.md.gangsaw-{PART}").write_text("hal")
    assert write_back(tasks_file, "tasks.md", KIND, DONE) == Written(True)
    assert beside(tasks_file) == []


def test_two_of_us_do_not_write_at_once(tasks_file: Path) -> None:
    import fcntl

    name = tasks_file.with_name(f".tasks.md.gangsaw-{LOCK}")
    fd = os.open(name, os.O_CREAT | os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    found = write_back(tasks_file, "tasks.md", KIND, DONE)
    assert isinstance(found, Unwritten)
    os.close(fd)
    assert write_back(tasks_file, "tasks.md", KIND, DONE) == Written(True)
