"""What whole trees of processes use. The tree is real, and started as every agent is."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.engine.footprints import roots_of
from gangsaw.meters import Process, Root, Survey, Tree, exact, survey
from tests.process.turns import Room, python, until

COUNT = 20
EACH_MB = 12
MARGIN = 0.10

# Twenty processes that hold memory of their own and share some: every third is forked twice over,
# every third is in a session of its own, every third hangs on the one before it.
TREE = f"""
import os, signal, time
shared = bytearray(os.urandom(8 << 20))
def hold():
    mine = bytearray(os.urandom({EACH_MB} << 20))
    print(os.getpid(), flush=True)
    return mine
def leave(*steps):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        for step in steps:
            step()
        mine = hold()
        os.write(w, b"x")
        while True: time.sleep(1000)
    os.close(w)
    if steps[-1:] == (again,):
        os.waitpid(pid, 0)
    os.read(r, 1)
def again():
    if os.fork():
        os._exit(0)
def deeper():
    leave()
mine = hold()
made = 1
while made < {COUNT}:
    way = made % 3
    if way == 0:
        leave(os.setsid, again)
    elif way == 1:
        leave(os.setsid)
    elif made + 2 <= {COUNT}:
        leave(deeper)
        made += 1
    else:
        leave()
    made += 1
print("all", flush=True)
while True: time.sleep(1000)
"""


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path / "turns")
    yield made
    made.clean()


def pids_of(turns: Room) -> list[int]:
    path = turns.folder() / "out"
    text = until(lambda: path.exists() and "all" in path.read_text() and path.read_text(), "a tree")
    return [int(word) for word in str(text).split() if word != "all"]


def pss_kb(pid: int) -> int:
    """Read anew here, from the long form, so that no error is shared with what is tested."""
    lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs /proc")
def test_a_tree_that_forks_twice_and_changes_its_session_is_counted_whole(turns: Room) -> None:
    turns.launch(python(TREE))
    turns.started()
    pids = pids_of(turns)
    assert len(pids) == COUNT
    # All of it, and the shim itself.
    tree = exact(survey().tree(roots_of(turns.folder())))
    shim = turns.started().shim.pid
    assert set(tree.pids) == {*pids, shim}
    truth_kb = sum(pss_kb(pid) for pid in tree.pids)
    assert tree.pss_kb is not None
    assert abs(tree.pss_kb - truth_kb) <= MARGIN * truth_kb
    assert tree.memory_kb == tree.pss_kb >= COUNT * EACH_MB * 1024
    # What is shared by all counts once for each of them in the quick figure.
    assert tree.rss_kb > tree.pss_kb
    assert procs.kill(turns.folder())
    turns.finished()
    assert survey().tree(roots_of(turns.folder())).pids == ()


def test_nobody_else_is_counted(turns: Room) -> None:
    """Not who looks the same, not who has the number of one that has ended."""
    mark = secrets.token_hex(8)
    code = f"mark = {mark!r}\nimport time; print('all', flush=True); time.sleep(1000)"
    other = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.DEVNULL)
    try:
        turns.launch(python(code))
        started = turns.started()
        seen = survey()
        tree = seen.tree(roots_of(turns.folder()))
        assert set(tree.pids) == {started.shim.pid, started.agent.pid}
        late = Root(other.pid, started.agent.start_ticks + 123_456)
        assert seen.tree([late]).pids == ()
        assert seen.tree([Root(other.pid, 0)]).pids == (other.pid,)
    finally:
        other.kill()
        other.wait()


def test_a_survey_by_hand() -> None:
    def process(pid: int, parent: int, session: int, rss_kb: int = 10) -> Process:
        return Process(pid, parent, session, 1, rss_kb, 0.5)

    seen = Survey(
        {
            each.pid: each
            for each in (
                process(10, 1, 10), process(11, 10, 10), process(12, 11, 12), process(13, 1, 10),
                process(14, 13, 14), process(20, 1, 20), process(21, 20, 10),
            )
        }
    )  # fmt: skip
    found = seen.tree([Root(10, 1)])
    # 13 lost its parent and 14 hangs on it; 21 was in the session and so belongs to it.
    assert found == Tree((10, 11, 12, 13, 14, 21), 60, 3.0)
    # One that leads no session has none to give.
    assert seen.tree([Root(11, 1)]).pids == (11, 12)
    assert seen.tree([Root(10, 1)], but={13}).pids == (10, 11, 12, 21)
    assert seen.tree([Root(10, 2)]).pids == ()
    assert found.memory_kb == 60


def test_time_of_children_that_have_ended_is_kept() -> None:
    me = Root(os.getpid(), 0)
    before = survey().tree([me]).cpu_s
    busy = "x = 0\nfor n in range(3_000_000): x += n"
    subprocess.run([sys.executable, "-I", "-S", "-c", busy], check=True)
    assert survey().tree([me]).cpu_s > before


def test_what_may_not_be_read_counts_with_nothing() -> None:
    assert exact(Tree((), 5, 0.0)).pss_kb is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert exact(Tree((gone.pid, os.getpid()), 5, 0.0)).memory_kb > 0
