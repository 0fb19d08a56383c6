"""Whole trees end, in time, and nobody else is signalled."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended
from tests.process.turns import Room, python, shell, sigkill, until

MARGIN_S = 2.0
LONG = "86399"

# Root, plain child, child that ignores TERM, one in a new session that ignores TERM, one
# double-forked daemon without environment and without the agent's files.
TREE = f"""
import os, signal, subprocess, sys, time
sleep = ["sleep", "{LONG}"]
null = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
ignore = [sys.executable, "-I", "-S", "-c",
    "import signal,time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True);"
    "time.sleep({LONG})"]
pids = [subprocess.Popen(sleep).pid]
for extra in (dict(), dict(start_new_session=True)):
    child = subprocess.Popen(ignore, stdout=subprocess.PIPE, **extra)
    child.stdout.readline()
    pids.append(child.pid)
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    daemon = subprocess.Popen(sleep, env={{}}, cwd="/", **null)
    os.write(w, str(daemon.pid).encode())
    os._exit(0)
os.wait()
pids.append(int(os.read(r, 20)))
print(*pids, flush=True)
"""


def pids_of_tree(room: Room, name: str = "turn") -> list[int]:
    path = room.folder(name) / "out"
    text = until(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text(), "")
    return [int(word) for word in str(text).split()]


def live(pids: list[int]) -> list[int]:
    return [pid for pid in pids if procs.identify(pid) is not None]


def test_what_the_agent_leaves_behind_is_swept(room: Room) -> None:
    record = room.run(python(TREE + "sys.exit(3)"))
    assert record.outcome == Ended(code=3, signal=None)
    assert record.swept == 4
    assert record.containment is procs.Containment.SUBREAPER
    pids = pids_of_tree(room)
    assert len(pids) == 4
    assert live(pids) == []
    assert room.leftovers() == []


def test_a_deep_chain_of_sessions_is_swept(room: Room) -> None:
    """Each of twelve generations in its own session; the root ends when the last one is there."""
    code = """if True:
        import os, sys, time
        ready = os.environ["READY"]
        for depth in range(12):
            if os.fork():
                while depth or not os.path.exists(ready):
                    time.sleep(0.01)
                sys.exit()
            os.setsid()
        open(ready, "w").close()
        time.sleep(86399)
    """
    record = room.run(python(code, READY=str(room.root / "ready")))
    assert record.swept == 12
    assert room.leftovers() == []


@pytest.mark.parametrize("grace_s", [0.0, 1.0])
def test_the_stop_ladder_ends_a_deaf_tree_in_time(room: Room, grace_s: float) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN)\n" + TREE + f"time.sleep({LONG})"
    room.launch(python(code), grace_s=grace_s)
    pids = pids_of_tree(room)
    agent = room.started().agent.pid
    begin = time.monotonic()
    assert procs.stop(room.folder())
    record = room.finished()
    assert time.monotonic() - begin < grace_s + max(MARGIN_S, 5.0)
    assert record.stop_asked
    assert record.outcome == Ended(code=None, signal=9)
    assert live([agent, *pids]) == []
    assert room.leftovers() == []


def test_a_polite_agent_ends_within_its_grace_with_its_own_code(room: Room) -> None:
    room.launch(shell("trap 'echo flushed; exit 5' TERM; echo up; while :; do sleep 0.1; done"))
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    assert procs.stop(room.folder())
    record = room.finished()
    assert record.outcome == Ended(code=5, signal=None)
    assert record.stop_asked
    assert "flushed" in room.output()


def test_term_reaches_descendants_in_other_sessions(room: Room) -> None:
    script = (
        "setsid sh -c 'trap \"echo heard; exit\" TERM; echo up; while :; do sleep 0.05; done' &"
        "trap 'wait; exit 0' TERM; wait; wait"
    )
    room.launch(shell(script), grace_s=30)
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    procs.stop(room.folder())
    assert room.finished().outcome == Ended(code=0, signal=None)
    assert "heard" in room.output()


def test_stopping_again_does_not_extend_the_grace(room: Room) -> None:
    room.launch(shell("trap '' TERM; echo up; while :; do sleep 1; done"), grace_s=1.5)
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    begin = time.monotonic()

    def ended() -> bool:
        procs.stop(room.folder())
        return isinstance(procs.probe(room.folder()), procs.Finished)

    until(ended, "the end")
    assert time.monotonic() - begin < 10


def test_kill_is_at_once_even_within_a_long_grace(room: Room) -> None:
    room.launch(shell("trap '' TERM; echo up; while :; do sleep 1; done"), grace_s=3600)
    until(lambda: (room.folder() / "out").exists() and "up" in room.output(), "the agent")
    procs.stop(room.folder())
    assert procs.kill(room.folder())
    assert room.finished().outcome == Ended(code=None, signal=9)
    assert room.leftovers() == []


def test_stop_and_kill_after_the_end_do_nothing(room: Room) -> None:
    room.run(shell("true"))
    before = procs.probe(room.folder())
    assert not procs.stop(room.folder())
    assert not procs.kill(room.folder())
    assert procs.settle(room.folder()) == 0
    assert procs.probe(room.folder()) == before
    assert not procs.stop(room.root / "never-made")


@pytest.mark.guarantee("G6")
def test_bystanders_are_never_signalled(room: Room, tmp_path: Path) -> None:
    """Decoys with the same arguments, the same name, a mark in their arguments, another mark, a
    reader of the output, a neighbour in the test's own session; each would die of any signal."""
    room.launch(shell(f"sleep {LONG} & setsid sleep {LONG} & echo up; wait"))
    folder = room.folder()
    mark = room.marks[folder]
    until(lambda: (folder / "out").exists() and "up" in room.output(), "the agent")
    sleeper = [sys.executable, "-I", "-S", "-c", f"import time; time.sleep({LONG})"]
    decoys = [
        subprocess.Popen(["sleep", LONG]),
        subprocess.Popen(["sleep", LONG], start_new_session=True),
        subprocess.Popen([*sleeper, f"{procs.MARK_VARIABLE}={mark}"]),
        subprocess.Popen(["sleep", LONG], env={procs.MARK_VARIABLE: mark + "0"}),
        subprocess.Popen(["sleep", LONG], env={procs.MARK_VARIABLE: mark[:-1]}),
        subprocess.Popen(["sleep", LONG], env={"OTHER": f"{procs.MARK_VARIABLE}={mark}"}),
        subprocess.Popen(["tail", "-f", str(folder / "out")], stdout=subprocess.DEVNULL),
        subprocess.Popen(["sleep", LONG], cwd=folder),
    ]
    try:
        sigkill(room.started().shim.pid)
        until(lambda: not isinstance(procs.probe(folder), procs.Running), "the shim's end")
        assert procs.settle(folder) >= 3
        assert isinstance(room.ended(), procs.Lost)
        procs.kill(folder)
        procs.stop(folder)
        assert room.leftovers() == []
        assert [decoy.poll() for decoy in decoys] == [None] * len(decoys)
    finally:
        for decoy in decoys:
            decoy.kill()
            decoy.wait()


@pytest.mark.guarantee("G6")
def test_a_reused_number_is_never_signalled(room: Room) -> None:
    """A `started` record whose numbers now belong to somebody else."""
    room.launch(shell(f"sleep {LONG}"))
    record = room.started()
    sigkill(record.shim.pid)
    until(lambda: not isinstance(procs.probe(room.folder()), procs.Running), "the shim's end")
    procs.settle(room.folder())
    decoy = subprocess.Popen(["sleep", LONG])
    try:
        path = room.folder() / "started"
        text = path.read_text()
        for number in (record.shim.pid, record.agent.pid):
            text = text.replace(f'pid": {number}', f'pid": {decoy.pid}')
        path.write_text(text)
        assert isinstance(procs.probe(room.folder()), procs.Lost)
        procs.stop(room.folder())
        procs.kill(room.folder())
        assert procs.settle(room.folder()) == 0
        assert decoy.poll() is None
    finally:
        decoy.kill()
        decoy.wait()


def test_settle_never_ends_its_caller(room: Room) -> None:
    """Not even a caller that runs inside the turn it settles."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import os\nfrom pathlib import Path\nfrom gangsaw import procs\n"
        "print('alive', procs.settle(Path(sys.argv[2])), flush=True)"
    )
    source = str(Path(procs.__file__).parents[2])
    folder = room.folder()
    spec = python("")
    argv = (sys.executable, "-c", code, source, str(folder))
    room.launch(type(spec)(argv, "/", spec.env))
    assert room.finished().outcome == Ended(code=0, signal=None)
    assert room.output() == "alive 0\n"
