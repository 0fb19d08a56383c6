"""Waiting without polling, and running one program to its end."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended
from tests.process.turns import PATH, Room, run_python, shell, sigkill, until

BOUND_S = 60.0


def test_ended_turns_are_reported_once(room: Room) -> None:
    go = room.root / "go"
    with procs.Watch() as watch:
        for name in ("one", "two"):
            room.launch(shell(f"while [ ! -e {go}-{name} ]; do sleep 0.02; done"), name)
            watch.add(room.folder(name))
            watch.add(room.folder(name))
        assert watch.wait(0) == set()
        (room.root / "go-one").touch()
        assert watch.wait(BOUND_S) == {room.folder("one")}
        assert isinstance(procs.probe(room.folder("one")), procs.Finished)
        (room.root / "go-two").touch()
        assert watch.wait(BOUND_S) == {room.folder("two")}
        assert watch.wait(0) == set()


def test_a_turn_that_does_not_run_is_reported_at_once(room: Room) -> None:
    room.run(shell("true"))
    with procs.Watch() as watch:
        watch.add(room.folder())
        watch.add(room.root / "none")
        assert watch.wait(BOUND_S) == {room.folder(), room.root / "none"}


def test_the_watch_wakes_for_a_thread_and_for_a_foreign_descriptor(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with procs.Watch() as watch:
        watch.add_fd(reader)
        threading.Timer(0.05, watch.wake).start()
        begin = time.monotonic()
        assert watch.wait(BOUND_S) == set()
        os.write(writer, b"x")
        assert watch.wait(BOUND_S) == set()
        os.read(reader, 1)
        assert watch.wait(0.01) == set()
        assert time.monotonic() - begin < BOUND_S / 2
    watch.wake()  # after the end: nothing
    os.close(reader)
    os.close(writer)


def test_shims_are_reaped(room: Room) -> None:
    started = room.launch(shell("true"))
    assert isinstance(started, procs.Started)
    with procs.Watch() as watch:
        watch.add(room.folder())
        assert watch.wait(BOUND_S) == {room.folder()}
    until(lambda: not Path(f"/proc/{started.shim_pid}").exists(), "the reaping")


def test_an_adopted_turn_is_waited_for(room: Room) -> None:
    """A shim that another process started, and whose launcher is gone."""
    folder = room.folder()
    go = room.root / "go"
    code = (
        "import sys\nfrom pathlib import Path\nfrom gangsaw import procs\n"
        "from gangsaw.core.launch import LaunchSpec\n"
        "spec = LaunchSpec(('sh', '-c', sys.argv[4]), '/', (('PATH', sys.argv[2]),))\n"
        "procs.launch(Path(sys.argv[1]), spec, mark=sys.argv[3], grace_s=1)"
    )
    script = f"while [ ! -e {go} ]; do sleep 0.02; done; exit 8"
    args = (str(folder), PATH, room.marks[folder], script)
    assert run_python(code, *args, way=room.way).returncode == 0
    with procs.Watch() as watch:
        watch.add(folder)
        assert watch.wait(0.2) == set()
        go.touch()
        assert watch.wait(BOUND_S) == {folder}
    assert room.finished().outcome == Ended(code=8, signal=None)


def run(room: Room, script: str, **options: object) -> procs.RunEnd:
    folder = room.folder()
    settings: dict[str, object] = {"timeout_s": BOUND_S, "grace_s": 1.0} | options
    return procs.run_to_end(folder, shell(script), mark=room.marks[folder], **settings)  # type: ignore[arg-type]


def test_a_program_is_run_to_its_end_once(room: Room) -> None:
    script = f"echo ran >> {room.root}/ledger; exit 4"
    for _ in range(2):
        end = run(room, script)
        assert isinstance(end, procs.Finished)
        assert end.record.outcome == Ended(code=4, signal=None)
    assert (room.root / "ledger").read_text() == "ran\n"


def test_a_running_program_is_adopted(room: Room) -> None:
    room.launch(shell("sleep 0.3; exit 2"))
    end = run(room, "exit 99")
    assert isinstance(end, procs.Finished)
    assert end.record.outcome == Ended(code=2, signal=None)


def test_the_time_limit_ends_the_whole_tree(room: Room) -> None:
    begin = time.monotonic()
    end = run(room, "trap '' TERM; setsid sleep 86399 & while :; do sleep 1; done", timeout_s=0.5)
    assert time.monotonic() - begin < 0.5 + 1.0 + 5.0
    assert isinstance(end, procs.TimedOut)
    assert end.record is not None
    assert end.record.stop_asked
    assert end.record.outcome == Ended(code=None, signal=9)
    assert room.leftovers() == []


def test_the_caller_may_cancel(room: Room) -> None:
    cancelled = threading.Event()
    threading.Timer(0.2, cancelled.set).start()
    assert run(room, "sleep 86399", cancelled=cancelled) == procs.Cancelled()
    assert room.leftovers() == []


def test_a_run_whose_shim_is_killed_is_lost_and_leaves_nothing(room: Room) -> None:
    def murder() -> None:
        sigkill(room.started().shim.pid)

    threading.Thread(target=murder).start()
    end = run(room, "setsid sleep 86399 & sleep 86399")
    assert isinstance(end, procs.LostRun)
    assert end.started
    assert room.leftovers() == []


def test_a_shim_that_always_dies_before_its_claim(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANGSAW_SHIM_FAULT", "kill@claim")
    end = run(room, f"echo ran > {room.root}/ledger")
    assert isinstance(end, procs.LostRun)
    assert not end.started
    assert not (room.root / "ledger").exists()


def test_a_stopped_shim_is_ended_all_the_same(room: Room) -> None:
    """A shim that does not react: the stop must still end, and leave nothing."""
    import signal

    folder = room.folder()
    room.launch(shell("sleep 86399"))
    os.kill(room.started().shim.pid, signal.SIGSTOP)
    end = procs.run_to_end(folder, shell(""), mark=room.marks[folder], timeout_s=0.1, grace_s=0.1)
    assert end == procs.TimedOut(None)
    until(lambda: room.leftovers() == [], "the end of all")
