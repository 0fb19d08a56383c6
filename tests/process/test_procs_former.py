"""Turns that another version of gangsaw started: the former minor is adopted, an unknown protocol
is refused and left alone.

`former/` is frozen: the shim and the records of protocol 1 before it had minor versions.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended
from gangsaw.procs import shim
from gangsaw.procs.records import SpecRecord, read_spec
from tests.process.turns import PATH, Room, shell, sigkill, until

FORMER = Path(__file__).with_name("former")
UNKNOWN = '{"protocol": 99, "status": 0, "other": "fields"}'


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Turn folders; how shims are made is not the question here."""
    made = Room(tmp_path / "turns")
    yield made
    made.clean()


def former_launch(room: Room, script: str, *, grace_s: float = 1.0) -> Path:
    """A turn, begun as the former version did it: same files, its own handover, its own shim."""
    folder = room.folder()
    mark = room.marks[folder]
    folder.mkdir(parents=True, mode=0o700)
    lock_fd = os.open(folder / "lock", os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    argv = ["sh", "-c", script]
    env = {"PATH": PATH, "GANGSAW_MARK": mark}
    spec = {"protocol": 1, "argv": argv, "cwd": "/", "env_names": ["PATH"]}
    (folder / "spec.json").write_text(json.dumps(spec | {"mark": mark, "grace_s": grace_s}) + "\n")
    fields = ["1", repr(grace_s), "0", mark, "/", "3", *argv]
    fields += [f"{name}={value}" for name, value in env.items()]
    handover = room.root / "handover"
    handover.write_bytes("\0".join(fields).encode())
    with handover.open("rb") as file:
        subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-B", str(FORMER / "shim_of_protocol_1_0.py")),
                *(str(lock_fd), str(folder)),
            ],
            cwd=folder,
            env={"GANGSAW_MARK": mark},
            stdin=file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock_fd,),
            start_new_session=True,
        )
    os.close(lock_fd)
    return folder


@pytest.mark.guarantee("G18")
def test_a_live_turn_of_the_former_version_is_adopted(room: Room) -> None:
    go = room.root / "go"
    script = f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo done; exit 7"
    folder = former_launch(room, script)
    record = room.started()
    assert room.launch(shell("exit 1")) == procs.AlreadyClaimed()
    with procs.Watch() as watch:
        watch.add(folder)
        assert watch.wait(0) == set()
        go.touch()
        assert watch.wait(60) == {folder}
    found = room.finished()
    assert found.outcome == Ended(code=7, signal=None)
    assert room.output() == "begun\ndone\n"
    assert procs.identify(record.agent.pid) is None


def test_a_live_turn_of_the_former_version_is_stopped_and_settled(room: Room) -> None:
    folder = former_launch(room, "trap 'exit 4' TERM; echo up; while :; do sleep 0.02; done")
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    room.started()
    assert procs.stop(folder)
    found = room.finished()
    assert (found.outcome, found.stop_asked) == (Ended(code=4, signal=None), True)


def test_a_headless_turn_of_the_former_version_is_settled(room: Room) -> None:
    folder = former_launch(room, "setsid sleep 86399 & echo up; sleep 86399")
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    record = room.started()
    sigkill(record.shim.pid)
    until(lambda: procs.probe(folder) == procs.Headless(record), "the shim's end")
    assert procs.settle(folder) == 3
    assert isinstance(room.ended(), procs.Lost)
    assert room.leftovers() == []


def test_records_of_the_former_version_are_read(tmp_path: Path) -> None:
    for name in ("finished", "lost"):
        shutil.copytree(FORMER / name, tmp_path / name)
    found = procs.probe(tmp_path / "finished")
    assert isinstance(found, procs.Finished)
    assert found.record.outcome == Ended(code=3, signal=None)
    assert procs.probe(tmp_path / "lost") == procs.Lost(True, "the machine was restarted")
    spec = read_spec(tmp_path / "finished")
    assert isinstance(spec, SpecRecord)
    assert spec.argv[0] == "sh"


def test_a_later_minor_version_only_adds_fields(room: Room) -> None:
    room.run(shell("exit 5"))
    for name in ("started", "exit", "spec.json"):
        path = room.folder() / name
        fields = json.loads(path.read_text())
        assert (fields["protocol"], fields["minor"]) == (shim.PROTOCOL, shim.MINOR)
        path.write_text(json.dumps(fields | {"minor": 40, "unheard_of": {"a": [1]}}))
    assert room.finished().outcome == Ended(code=5, signal=None)


@pytest.mark.parametrize("also_started", [True, False])
@pytest.mark.guarantee("G18")
def test_a_turn_of_an_unknown_protocol_is_left_alone(room: Room, also_started: bool) -> None:
    """It runs, it is neither adopted nor ended nor launched again, and it ends as it wants to."""
    go, folder = room.root / "go", room.folder()
    room.launch(shell(f"echo up; while [ ! -e {go} ]; do sleep 0.02; done; exit 6"))
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    record = room.started()
    (folder / "spec.json").write_text(UNKNOWN)
    started = (folder / "started").read_text()
    if also_started:
        (folder / "started").write_text(UNKNOWN)
    else:
        (folder / "started").unlink()
    found = procs.probe(folder)
    assert isinstance(found, procs.Foreign)
    assert "protocol 99" in found.text
    assert not procs.stop(folder)
    assert not procs.kill(folder)
    assert procs.settle(folder) == 0
    assert room.launch(shell("exit 1")) == procs.AlreadyClaimed()
    end = procs.run_to_end(folder, shell("exit 1"), mark="test-other", timeout_s=5, grace_s=1)
    assert isinstance(end, procs.LostRun)
    for pid in (record.shim, record.agent):
        assert procs.identify(pid.pid) == pid
    (folder / "started").write_text(started)
    go.touch()
    assert room.finished().outcome == Ended(code=6, signal=None)


def test_an_exit_record_of_an_unknown_protocol_is_no_verdict(room: Room) -> None:
    room.run(shell("true"))
    (room.folder() / "exit").write_text(UNKNOWN)
    assert isinstance(procs.probe(room.folder()), procs.Foreign)
