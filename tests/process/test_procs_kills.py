"""`kill -9` of launcher and shim at every step: one execution at most, and the truth is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended
from gangsaw.procs import shim
from tests.process.turns import (
    FACT_MAX_S,
    PATH,
    Room,
    run_python,
    shell,
    sigkill,
    spawn_python,
    until,
)

LAUNCH = """if True:
    import os, signal, sys
    from pathlib import Path
    from gangsaw import procs
    from gangsaw.core import faults
    from gangsaw.core.launch import LaunchSpec
    folder, path, mark, script, wanted = sys.argv[1:]
    def probe(point, when):
        if f"{point}:{when}" == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
    faults.set_probe(probe)
    spec = LaunchSpec(("sh", "-c", script), "/", (("PATH", path),), b"input")
    print(type(procs.launch(Path(folder), spec, mark=mark, grace_s=1)).__name__, flush=True)
"""
LAUNCHER_POINTS = [
    f"{point}:{when}"
    for point in ("procs.folder", "procs.spec", "procs.spawn")
    for when in ("before", "after")
]
BEFORE_STARTED = ["claimed", "preallocate", "session", "files", "fork", "started"]


def ledger_script(room: Room) -> tuple[Path, str]:
    ledger = room.root / "ledger"
    return ledger, f"echo ran >> {ledger}; exit 9"


@pytest.mark.parametrize("point", LAUNCHER_POINTS)
def test_a_killed_launcher_leads_to_exactly_one_execution(room: Room, point: str) -> None:
    ledger, script = ledger_script(room)
    folder = room.folder()
    args = (str(folder), PATH, room.marks[folder], script)
    killed = run_python(LAUNCH, *args, point, way=room.way)
    assert killed.returncode == -9, killed.stderr
    found = procs.probe(folder)
    if point != "procs.spawn:after":
        assert found == procs.Absent()
        assert not ledger.exists()
    again = run_python(LAUNCH, *args, "none", way=room.way)
    expected = "AlreadyClaimed" if point == "procs.spawn:after" else "Started"
    assert again.stdout.strip() == expected, again.stderr
    assert room.finished().outcome == Ended(code=9, signal=None)
    assert ledger.read_text() == "ran\n"
    assert run_python(LAUNCH, *args, "none", way=room.way).stdout.strip() == "AlreadyClaimed"
    assert ledger.read_text() == "ran\n"


@pytest.mark.guarantee("G3")
def test_two_launchers_at_once_start_one_agent(room: Room) -> None:
    """Two processes, 20 rounds; the agents write a ledger."""
    code = """if True:
        import sys
        from pathlib import Path
        from gangsaw import procs
        from gangsaw.core.launch import LaunchSpec
        root, path, mark = sys.argv[1:]
        for turn in range(20):
            folder = Path(root) / str(turn)
            sys.stdin.readline()
            spec = LaunchSpec(("sh", "-c", f"echo {turn} >> {root}/ledger"), "/", (("PATH", path),))
            got = procs.launch(folder, spec, mark=f"{mark}-{turn}", grace_s=1)
            print(type(got).__name__, flush=True)
    """
    room.root.mkdir()
    args = (str(room.root), PATH, "test-concurrent")
    both = [spawn_python(code, *args, way=room.way) for _ in range(2)]
    answers: list[list[str]] = []
    for _ in range(20):
        for launcher in both:
            assert launcher.stdin is not None
            launcher.stdin.write("go\n")
            launcher.stdin.flush()
        lines = []
        for launcher in both:
            assert launcher.stdout is not None
            lines.append(launcher.stdout.readline().strip())
        answers.append(sorted(lines))
    for launcher in both:
        launcher.communicate(timeout=60)
    assert answers == [["AlreadyClaimed", "Started"]] * 20
    for turn in range(20):
        room.finished(str(turn))
    ledger = (room.root / "ledger").read_text().split()
    assert sorted(ledger, key=int) == [str(turn) for turn in range(20)]


def test_the_claim_holds_even_without_the_lock_file(room: Room) -> None:
    ledger, script = ledger_script(room)
    room.launch(shell(script + "0"))
    room.finished()
    (room.folder() / "lock").unlink()
    assert room.launch(shell(script)) == procs.AlreadyClaimed()
    assert ledger.read_text() == "ran\n"


def faulty(
    room: Room, monkeypatch: pytest.MonkeyPatch, fault: str, script: str
) -> procs.Started | procs.AlreadyClaimed:
    """Launch with a fault in the shim; the shim reads it from its environment."""
    monkeypatch.setenv("GANGSAW_SHIM_FAULT", fault)
    answer = room.launch(shell(script))
    monkeypatch.delenv("GANGSAW_SHIM_FAULT")
    return answer


def after_the_shim(room: Room) -> procs.Probed:
    """The state once the shim is dead."""

    def look() -> list[procs.Probed]:
        procs.reap()
        found = procs.probe(room.folder())
        return [] if isinstance(found, procs.Starting | procs.Running) else [found]

    return until(look, "the shim's end")[0]


def test_a_shim_killed_before_its_claim_never_ran_and_may_run_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, "kill@claim", script)
    assert after_the_shim(room) == procs.Absent()
    assert not ledger.exists()
    assert room.run(shell(script)).outcome == Ended(code=9, signal=None)
    assert ledger.read_text() == "ran\n"


@pytest.mark.parametrize("point", BEFORE_STARTED)
def test_a_shim_killed_before_the_started_record_never_runs_the_agent(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, f"kill@{point}", script)
    after_the_shim(room)
    found = room.ended()  # the held child sees the end of its pipe and goes by itself
    assert isinstance(found, procs.Lost)
    assert not found.started
    assert not ledger.exists()
    assert room.leftovers() == []
    assert room.launch(shell(script)) == procs.AlreadyClaimed()
    assert not ledger.exists()


def test_a_shim_killed_between_record_and_release_never_runs_the_agent(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can know that from outside, so it counts as started."""
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, "kill@release", script)
    after_the_shim(room)
    found = room.ended()
    assert isinstance(found, procs.Lost)
    assert found.started
    assert not ledger.exists()
    assert room.leftovers() == []


@pytest.mark.parametrize("point", ["wait", "ended", "sweep", "exit"])
def test_a_shim_killed_later_is_headless_or_dying_until_settled(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    ledger = room.root / "ledger"
    script = f"echo ran >> {ledger}; setsid sleep 86399 & exec sleep {0 if point != 'wait' else 99}"
    faulty(room, monkeypatch, f"kill@{point}", script)
    found = after_the_shim(room)
    if point == "wait":
        assert isinstance(found, procs.Headless)
        until(ledger.exists, "the agent")
        assert isinstance(procs.probe(room.folder()), procs.Headless)
    elif point != "exit":
        assert found == procs.Dying()
    assert procs.probe(room.folder()) == found
    procs.settle(room.folder())
    ended = room.ended()
    assert isinstance(ended, procs.Lost)
    assert ended.started
    assert room.leftovers() == []
    assert ledger.read_text() == "ran\n"


def test_a_shim_killed_after_the_exit_record_has_finished(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, "kill@recorded", script)
    assert room.finished().outcome == Ended(code=9, signal=None)
    assert ledger.read_text() == "ran\n"


def test_a_shim_killed_while_the_agent_runs(room: Room) -> None:
    room.launch(shell("setsid sleep 86399 & echo up; sleep 86399"))
    started = room.started()
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    sigkill(started.shim.pid)
    assert after_the_shim(room) == procs.Headless(started)
    assert procs.settle(room.folder()) == 3
    assert room.ended() == procs.Lost(True, "the shim died while the agent was running")
    assert room.leftovers() == []
    assert procs.settle(room.folder()) == 0


def test_an_agent_that_outlives_its_shim_and_ends_by_itself_is_lost_not_guessed(room: Room) -> None:
    go = room.root / "go"
    room.launch(shell(f"echo up; while [ ! -e {go} ]; do sleep 0.05; done; exit 0"))
    started = room.started()
    # On record is not yet released: killed in between, the agent would never run.
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    sigkill(started.shim.pid)
    assert after_the_shim(room) == procs.Headless(started)
    go.touch()
    found = room.ended()
    assert isinstance(found, procs.Lost)
    assert found.started


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EAGAIN"])
@pytest.mark.parametrize(
    "point",
    [*BEFORE_STARTED, "release", "wait", "ended", "sweep", "exit"],
)
def test_a_failing_call_of_the_shim_is_never_an_ordinary_status(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: str, error: str
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, f"{error}@{point}", script)
    found = room.ended()
    assert isinstance(found, procs.Lost)
    assert found.reason.startswith(f"the shim failed at {point}: {error}")
    before = point in BEFORE_STARTED
    assert found.started != before
    if before or point == "release":
        assert not ledger.exists()
    assert room.leftovers() == []


def test_a_failing_call_in_the_child_is_no_status_either(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, "EIO@descriptors", script)
    found = room.ended()
    assert isinstance(found, procs.Lost)
    assert found.reason.startswith("the shim failed at descriptors: EIO")
    assert not ledger.exists()


def test_a_failing_shim_takes_its_tree_along(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty(room, monkeypatch, "EIO@wait", "setsid sleep 86399 & sleep 86399")
    assert isinstance(after_the_shim(room), procs.Lost)
    assert room.leftovers() == []


def test_a_shim_in_a_claimed_folder_executes_nothing(room: Room) -> None:
    """Whoever spawned it: the claim alone decides."""
    ledger, script = ledger_script(room)
    room.run(shell(script))
    before = procs.probe(room.folder())
    spec = b"\0".join(
        [b"1", b"1.0", b"0", b"test-second", b"/", b"3", b"sh", b"-c", script.encode(), b"PATH="]
    )
    with (room.folder() / "lock").open() as lock:
        done = subprocess.run(
            [sys.executable, "-I", "-S", shim.__file__, str(lock.fileno())],
            input=spec,
            cwd=room.folder(),
            pass_fds=(lock.fileno(),),
            timeout=FACT_MAX_S,
            check=False,
        )
    assert done.returncode == 0
    assert ledger.read_text() == "ran\n"
    assert procs.probe(room.folder()) == before


def test_a_held_lock_without_a_claim_refuses_a_second_launch(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first shim is stopped just before its claim: it may go on at any time."""
    ledger, script = ledger_script(room)
    first = faulty(room, monkeypatch, "stop@claim", script)
    assert isinstance(first, procs.Started)
    assert procs.probe(room.folder()) == procs.Starting()
    assert room.launch(shell(script)) == procs.AlreadyClaimed()
    status = Path(f"/proc/{first.shim_pid}/stat")
    until(lambda: " T " in status.read_text(), "the stopped shim")
    os.kill(first.shim_pid, signal.SIGCONT)
    assert room.finished().outcome == Ended(code=9, signal=None)
    assert ledger.read_text() == "ran\n"


def test_a_starting_turn_is_told_as_such_and_can_be_stopped(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, script = ledger_script(room)
    faulty(room, monkeypatch, "stop@fork", script)
    claim = room.folder() / "claim"
    until(claim.exists, "the claim")
    assert procs.probe(room.folder()) == procs.Starting()
    assert room.launch(shell(script)) == procs.AlreadyClaimed()
    assert procs.settle(room.folder()) >= 1
    found = room.ended()
    assert isinstance(found, procs.Lost)
    assert not found.started
    assert not ledger.exists()


@pytest.mark.guarantee("G5")
def test_a_launcher_killed_while_its_agent_runs_does_not_disturb_it(room: Room) -> None:
    go = room.root / "go"
    folder = room.folder()
    code = LAUNCH + "\n    import time; time.sleep(600)"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; echo done; exit 6"
    args = (str(folder), PATH, room.marks[folder], script, "none")
    launcher = spawn_python(code, *args, way=room.way)
    started = room.started()
    launcher.kill()
    launcher.communicate()
    assert procs.probe(folder) == procs.Running(started)
    assert room.launch(shell(script)) == procs.AlreadyClaimed()
    go.touch()
    assert room.finished().outcome == Ended(code=6, signal=None)
    assert room.output() == "done\n"
    assert os.getpid() != started.shim.pid
