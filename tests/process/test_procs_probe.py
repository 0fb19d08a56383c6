"""The recovery table on made-up folders, and records that cannot be believed."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gangsaw import procs
from gangsaw.core.launch import Ended
from gangsaw.procs.records import BrokenRecord, ShimError, read_error, read_exit, read_started
from tests.process.turns import Room, run_python, shell, sigkill, until

EXIT = {
    "protocol": 1,
    "status": 0,
    "exec_error": None,
    "exec_step": None,
    "cpu_s": 0.5,
    "rss_max_kb": 10,
    "swept": 0,
    "stop_asked": False,
    "containment": "subreaper",
    "at": 1.0,
}


def started(**changes: object) -> str:
    fields: dict[str, object] = {
        "protocol": 1,
        "mark": "test-made-up",
        "shim_pid": 2**22 + 1,
        "shim_ticks": 5,
        "agent_pid": 2**22 + 2,
        "agent_ticks": 6,
        "boot_id": procs.boot_id(),
        "containment": "subreaper",
        "at": 1.0,
    }
    return json.dumps(fields | changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that was claimed, with a free lock."""
    made = tmp_path / "turn"
    made.mkdir()
    for name in ("lock", "claim"):
        (made / name).touch()
    return made


def hold(folder: Path) -> int:
    fd = os.open(folder / "lock", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def test_no_folder_no_claim(tmp_path: Path) -> None:
    assert procs.probe(tmp_path / "none") == procs.Absent()
    assert procs.probe(tmp_path) == procs.Absent()


def test_an_exit_record_counts_whatever_the_lock_says(folder: Path) -> None:
    (folder / "exit").write_text(json.dumps(EXIT | {"status": 3 << 8}))
    for fd in (None, hold(folder)):
        found = procs.probe(folder)
        assert isinstance(found, procs.Finished)
        assert found.record.outcome == Ended(code=3, signal=None)
        if fd is not None:
            os.close(fd)


def test_claimed_and_nothing_left(folder: Path) -> None:
    found = procs.probe(folder)
    assert isinstance(found, procs.Lost)
    assert not found.started


def test_started_and_nothing_left(folder: Path) -> None:
    (folder / "started").write_text(started())
    found = procs.probe(folder)
    assert isinstance(found, procs.Lost)
    assert found.started


def test_a_held_lock_without_record_is_starting(folder: Path) -> None:
    fd = hold(folder)
    assert procs.probe(folder) == procs.Starting()
    os.close(fd)


def test_a_held_lock_with_a_dead_shim_is_headless(folder: Path) -> None:
    (folder / "started").write_text(started())
    fd = hold(folder)
    assert isinstance(procs.probe(folder), procs.Headless)
    os.close(fd)


def test_another_boot_is_lost_after_start(folder: Path) -> None:
    mine = procs.identify(os.getpid())
    assert mine is not None
    numbers = {"shim_pid": mine.pid, "shim_ticks": mine.start_ticks}
    (folder / "started").write_text(started(boot_id="another", **numbers))
    fd = hold(folder)
    assert procs.probe(folder) == procs.Lost(True, "the machine was restarted")
    os.close(fd)


def test_a_zombie_is_dead() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        os.kill(pid, 0)  # succeeds: this is no proof of life
        assert procs.identify(pid) is None
        assert not procs.alive(pid, 0)
    finally:
        os.waitpid(pid, 0)


def test_a_process_that_writes_to_the_output_is_dying(room: Room) -> None:
    room.run(shell("true"))  # also waits until the shim is gone
    folder = room.folder()
    (folder / "exit").unlink()
    with (folder / "out").open("ab"):
        # It is us, and we are never a holder; a child of ours is.
        assert isinstance(procs.probe(folder), procs.Lost)
        pid = os.fork()
        if pid == 0:
            os.read(os.pipe()[0], 1)
            os._exit(0)
        assert procs.probe(folder) == procs.Dying()
        assert procs.settle(folder) == 1
        assert os.waitpid(pid, 0)[1] == 9
    found = procs.probe(folder)
    assert isinstance(found, procs.Lost)
    assert found.started


@pytest.mark.parametrize("name", ["exit", "started"])
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"protocol": 1}', '{"protocol": "2"}', "\x00" * 1024, "[" * 50_000],
)
def test_a_torn_record_is_broken(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    assert isinstance(procs.probe(folder), procs.Broken)


@pytest.mark.parametrize(
    "change",
    [
        {"status": -1},
        {"status": 1 << 20},
        {"status": 0x137F},
        {"status": True},
        {"status": "0"},
        {"swept": -1},
        {"containment": "magic"},
        {"cpu_s": None},
        {"stop_asked": 0},
    ],
)
def test_an_impossible_exit_record_is_broken(folder: Path, change: dict[str, object]) -> None:
    (folder / "exit").write_text(json.dumps(EXIT | change))
    assert isinstance(procs.probe(folder), procs.Broken)


@pytest.mark.parametrize("pid", [-1, 0, 1, 1 << 31])
def test_an_impossible_number_is_broken(folder: Path, pid: int) -> None:
    (folder / "started").write_text(started(shim_pid=pid))
    assert isinstance(procs.probe(folder), procs.Broken)


def test_a_record_that_is_a_link_or_a_pipe_is_broken(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(json.dumps(EXIT))
    (folder / "exit").symlink_to(tmp_path / "elsewhere")
    assert isinstance(procs.probe(folder), procs.Broken)
    (folder / "exit").unlink()
    os.mkfifo(folder / "exit")
    assert isinstance(procs.probe(folder), procs.Broken)


def test_the_shims_error_is_read(folder: Path) -> None:
    (folder / "shim-error").write_text('{"step": "fork", "error": "EAGAIN", "text": "no"}\n')
    assert read_error(folder) == ShimError("fork", "EAGAIN", "no")


@given(st.binary(max_size=300), st.sampled_from(["exit", "started", "shim-error"]))
def test_no_bytes_crash_the_readers(content: bytes, name: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as root:
        where = Path(root)
        (where / name).write_bytes(content)
        found = (read_exit(where), read_started(where), read_error(where))
        assert any(isinstance(one, BrokenRecord) for one in found)


def test_a_forged_exit_record_is_not_believed_while_the_shim_lives(room: Room) -> None:
    """An agent that writes its own verdict: its shim overwrites it with the truth."""
    go = room.root / "go"
    room.launch(shell(f"while [ ! -e {go} ]; do sleep 0.02; done; exit 3"))
    record = room.started()
    (room.folder() / "exit").write_text(json.dumps(EXIT))
    assert procs.probe(room.folder()) == procs.Running(record)
    with procs.Watch() as watch:
        watch.add(room.folder())
        assert watch.wait(0) == set()
        go.touch()
        assert watch.wait(60) == {room.folder()}
    assert room.finished().outcome == Ended(code=3, signal=None)


@pytest.mark.parametrize("name", ["started", "exit", "spec.json", "lock", "claim"])
@pytest.mark.parametrize("content", [b"", b"\xff{", b"null"])
def test_garbage_over_a_record_never_hides_a_live_tree(
    room: Room, name: str, content: bytes
) -> None:
    """Whatever is overwritten while the agent runs: it is live, or it is settled and then over."""
    folder = room.folder()
    room.launch(shell("setsid sleep 86399 & echo up; exec sleep 86399"))
    room.started()
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    (folder / name).write_bytes(content)
    found = procs.probe(folder)
    assert isinstance(found, procs.Running | procs.Headless)
    assert room.launch(shell("exit 1")) == procs.AlreadyClaimed()
    until(lambda: procs.settle(folder) == 0, "an empty tree")
    assert room.leftovers() == []
    ended = room.ended()
    assert isinstance(ended, procs.Lost | procs.Broken), ended
    assert room.launch(shell("exit 1")) == procs.AlreadyClaimed()


@pytest.mark.parametrize("name", ["lock", "started", "spec.json"])
def test_a_removed_file_never_hides_a_live_tree(room: Room, name: str) -> None:
    folder = room.folder()
    room.launch(shell("setsid sleep 86399 & echo up; exec sleep 86399"))
    room.started()
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    (folder / name).unlink()
    assert isinstance(procs.probe(folder), procs.Running | procs.Headless | procs.Starting)
    assert room.launch(shell("exit 1")) == procs.AlreadyClaimed()
    until(lambda: procs.settle(folder) == 0, "an empty tree")
    assert isinstance(room.ended(), procs.Lost)
    assert room.leftovers() == []


BLIND = """if True:
    import os, resource, sys
    from pathlib import Path
    from gangsaw import procs
    folder = Path(sys.argv[1])
    procs.boot_id()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for free in range(8):
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            for fd in taken[:free]:
                os.close(fd)
        try:
            answer = type(procs.probe(folder)).__name__
        except OSError as error:
            answer = "OSError"
        for fd in taken[free:]:
            os.close(fd)
        print(answer, flush=True)
"""


@pytest.mark.parametrize("shim_dead", [False, True])
def test_a_watcher_without_descriptors_takes_nothing_for_dead(room: Room, shim_dead: bool) -> None:
    room.launch(shell("setsid sleep 86399 & echo up; exec sleep 86399"))
    record = room.started()
    folder, truth = room.folder(), "Running"
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    if shim_dead:
        truth = "Headless"
        sigkill(record.shim.pid)
        until(lambda: procs.probe(folder) == procs.Headless(record), "the shim's end")
    answers = run_python(BLIND, str(folder)).stdout.split()
    assert len(answers) == 8
    assert answers[0] == "OSError"
    assert answers[-1] == truth
    assert set(answers) == {"OSError", truth}
    procs.settle(folder)
    room.ended()
