"""The writer's lock: one holder, known by name, free at once when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import gangsaw
from gangsaw.core.errors import UserError
from gangsaw.store.lock import Held, HeldBy, WriterLock

YARD = Path(__file__).with_name("lock_yard.py")
ROUNDS = 1000 if os.environ.get("GANGSAW_LONG") else 30
CONTENDERS = 6

HOLD = """
import sys
from pathlib import Path
from gangsaw.store.lock import Held, WriterLock
found = WriterLock.acquire(Path(sys.argv[1]))
print("held" if isinstance(found, Held) else f"by {found.pid}", flush=True)
if sys.argv[2] == "child":
    import subprocess
    print(subprocess.Popen(["sleep", "600"], close_fds=False).pid, flush=True)
sys.stdin.read()
"""


def contender(path: Path, mode: str = "alone") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(gangsaw.__file__).parents[1])},
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def hold(path: Path) -> Held:
    found = WriterLock.acquire(path)
    assert isinstance(found, Held), found
    return found


def test_the_second_is_told_who_has_it_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(5):
        first = contender(path)
        assert line(first) == "held"
        found = WriterLock.acquire(path)
        assert isinstance(found, HeldBy)
        assert found.pid == first.pid
        assert found.since is not None
        assert WriterLock.holder(path) == found
        second = contender(path)
        assert line(second) == f"by {first.pid}"
        second.communicate()
        first.send_signal(signal.SIGKILL)
        first.communicate()
        assert WriterLock.holder(path) is None
        hold(path).release()


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = contender(path, "child")
    assert line(holder) == "held"
    child = int(line(holder))
    try:
        holder.kill()
        holder.wait()
        hold(path).release()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.communicate()


def test_one_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold(path):
        again = WriterLock.acquire(path)
        assert isinstance(again, HeldBy)
        assert again.pid == os.getpid()
    assert WriterLock.holder(path) is None
    hold(path).release()


def test_of_many_contenders_exactly_one_holds(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    arguments = [str(tmp_path / "lock"), str(ROUNDS), str(CONTENDERS)]
    done = subprocess.run(
        [sys.executable, str(YARD), *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(gangsaw.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record_property(
        "figure",
        f"store lock: {ROUNDS} rounds of {CONTENDERS} contenders, always exactly one holder; "
        f"{int(done.stdout)} of {ROUNDS * (CONTENDERS - 1)} others were told its pid",
    )


def test_a_record_is_not_believed_without_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"pid": os.getpid(), "start": "1", "since": 1.0}))
    assert WriterLock.holder(path) is None
    hold(path).release()
    assert WriterLock.holder(tmp_path / "missing") is None


@pytest.mark.parametrize("record", ["", "{", "[]", '{"pid": 1, "start": "0", "since": 1}'])
def test_a_holder_that_is_not_the_recorded_process(tmp_path: Path, record: str) -> None:
    """A recycled pid is not named: the record belongs to a process that is gone."""
    path = tmp_path / "lock"
    held = hold(path)
    path.write_text(record)
    assert WriterLock.holder(path) == HeldBy(None, None)
    if not record:  # takes as long as it waits for such a holder to go
        assert WriterLock.acquire(path) == HeldBy(None, None)
    os.close(held.fd)


def test_asking_does_not_get_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            WriterLock.holder(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            hold(path).release()
    finally:
        over.set()
        asking.join()


def test_a_removed_lock_file_does_not_make_two_holders(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = hold(path)
    path.unlink()
    # The name is gone, so the kernel cannot know of it; but what is acquired now is the file of
    # that name, and the next contender meets it there.
    second = hold(path)
    assert isinstance(WriterLock.acquire(path), HeldBy)
    os.close(first.fd)
    second.release()


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError):
        WriterLock.acquire(path)
    assert not (tmp_path / "elsewhere").exists()
