"""The watchdog's process: it ends the largest attempt of its run when memory stays short, one at a
time, with nobody's help, and nothing else; its own death costs nothing.

What it reads as the machine's memory is a file here, so that the level is the test's to choose.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.procs import levels, sentry, shim, suspects
from gangsaw.procs.records import read_note
from gangsaw.procs.watchdog import LimitFiles, Watchdog, WatchdogBounds, end_watchdog
from gangsaw.testing.processes import is_dead, state_of
from tests.process.turns import Room, python, shell, sigkill, spawn_python, until

HARD_PCT = 10.0
TOTAL_KB = 1_000_000
EAT = """if True:
    import mmap, os, time
    size = int(os.environ["SIZE_MB"]) << 20
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"x" * size)
    print("full", flush=True)
    time.sleep(300)
"""
ENGINE = """if True:
    import sys
    from pathlib import Path
    from gangsaw.procs.watchdog import Watchdog, WatchdogBounds
    folder, meminfo = sys.argv[1:]
    bounds = WatchdogBounds(10.0, patience_s=0.3, meminfo=meminfo, pressure="/dev/null")
    watchdog = Watchdog(Path(folder), bounds)
    watchdog.start()
    print(watchdog.pid, flush=True)
    sys.stdin.readline()
"""


class Machine:
    """A machine whose memory is what the test says."""

    def __init__(self, folder: Path) -> None:
        self.meminfo = folder / "meminfo"
        self.has(90)
        self.bounds = WatchdogBounds(
            HARD_PCT, patience_s=0.3, meminfo=str(self.meminfo), pressure="/dev/null"
        )

    def has(self, available_pct: float) -> None:
        fresh = self.meminfo.with_suffix(".new")
        available = int(TOTAL_KB * available_pct / 100)
        fresh.write_text(f"MemTotal: {TOTAL_KB} kB\nMemFree: 1 kB\nMemAvailable: {available} kB\n")
        fresh.replace(self.meminfo)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def run(room: Room, machine: Machine) -> Iterator[Watchdog]:
    """The watchdog of the room's attempts."""
    watchdog = Watchdog(room.root, machine.bounds)
    watchdog.start()
    yield watchdog
    watchdog.close(dismiss=True)


def eater(room: Room, attempt: str, size_mb: int, code: str = EAT) -> str:
    """The name of a turn that has as much memory."""
    name = f"{attempt}/turn-1"
    room.folder(name).parent.mkdir(parents=True)
    assert isinstance(room.launch(python(code, SIZE_MB=str(size_mb)), name), procs.Started)
    room.started(name)
    until(lambda: "full" in room.output(name), "its memory")
    return name


def is_running(room: Room, name: str) -> bool:
    return isinstance(procs.probe(room.folder(name)), procs.Running)


def test_it_ends_the_largest_and_says_why(room: Room, machine: Machine, run: Watchdog) -> None:
    small, large = eater(room, "a.1", 20), eater(room, "b.1", 80)
    machine.has(7)
    record = room.finished(large)
    assert record.stop_asked
    assert record.outcome.signal == signal.SIGKILL  # type: ignore[union-attr]
    note = read_note(room.folder(large))
    assert note is not None
    assert 80 <= note.used_mb < 130
    assert (note.total_mb, note.available_mb) == (976.6, 68.4)
    assert is_running(room, small)
    assert read_note(room.folder(small)) is None


def test_one_after_the_other_and_only_while_it_is_short(
    room: Room, machine: Machine, run: Watchdog
) -> None:
    names = [
        eater(room, f"{letter}.1", size) for letter, size in zip("abc", (60, 40, 20), strict=True)
    ]
    machine.has(1)
    ends = [room.finished(name).at for name in names[:2]]
    machine.has(90)
    notes = [read_note(room.folder(name)) for name in names]
    assert notes[0] is not None
    assert notes[1] is not None
    # The second was chosen after the first was gone and its memory had time to come back.
    assert notes[1].at - ends[0] >= levels.SETTLE_S
    if notes[2] is None:  # else it was chosen before there was memory again
        assert is_running(room, names[2])


APART = "if os.fork(): time.sleep(300)\n    os.setsid()\n    if os.fork(): time.sleep(300)"
DEAF = """import signal
    for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)
    if os.fork(): time.sleep(300)"""


@pytest.mark.parametrize("first", [APART, DEAF], ids=["apart", "deaf"])
def test_the_whole_tree_goes(room: Room, machine: Machine, run: Watchdog, first: str) -> None:
    name = eater(room, "a.1", 40, EAT.replace("    size", f"    {first}\n    size"))
    machine.has(7)
    room.finished(name)
    until(lambda: not room.leftovers(), "the end of the tree")


def test_it_works_without_its_engine_and_ends_after_the_last_agent(
    room: Room, machine: Machine
) -> None:
    large, small = eater(room, "a.1", 60), eater(room, "b.1", 8)
    engine = spawn_python(ENGINE, str(room.root), str(machine.meminfo))
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    machine.has(7)
    room.finished(large)
    machine.has(90)
    assert not is_dead(pid)
    procs.kill(room.folder(small))
    room.finished(small)
    until(lambda: is_dead(pid), "the end of the watchdog")


def test_it_works_while_its_engine_is_stopped(room: Room, machine: Machine) -> None:
    name = eater(room, "a.1", 60)
    engine = spawn_python(ENGINE, str(room.root), str(machine.meminfo))
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    engine.send_signal(signal.SIGSTOP)
    machine.has(7)
    room.finished(name)
    assert state_of(engine.pid) == "T"
    engine.kill()
    engine.wait()
    until(lambda: is_dead(pid), "the end of the watchdog")


def test_it_ends_a_tree_whose_shim_is_dead_or_stopped(
    room: Room, machine: Machine, run: Watchdog
) -> None:
    orphan = eater(room, "a.1", 60, EAT.replace("    size", "    os.fork()\n    size"))
    sigkill(room.started(orphan).shim.pid)
    machine.has(7)
    until(lambda: not room.leftovers(), "the end of the tree")
    machine.has(90)
    stopped = eater(room, "b.1", 60)
    os.kill(room.started(stopped).shim.pid, signal.SIGSTOP)
    machine.has(7)
    assert room.finished(stopped).stop_asked
    assert read_note(room.folder(stopped)) is not None


def test_turns_of_other_runs_and_boots_are_left_alone(
    room: Room, machine: Machine, run: Watchdog
) -> None:
    """The largest of all is not of this folder; the second largest has a record of a former boot;
    the third one's record names a process that started at another moment."""
    elsewhere = Room(room.root.parent / "other-run", room.way)
    try:
        foreign = eater(elsewhere, "a.1", 120)
        old, reused = eater(room, "b.1", 90), eater(room, "c.1", 80)
        mine = eater(room, "d.1", 40)
        for name, what, by in ((old, "boot_id", shim.boot_id()), (reused, "ticks", "")):
            path = room.folder(name) / "started"
            text = path.read_text()
            if what == "boot_id":
                text = text.replace(by, "0" * len(by))
            else:
                for field in ("shim_ticks", "agent_ticks"):
                    number = suspects.count_of(text, field)
                    text = text.replace(f'"{field}": {number}', f'"{field}": {number + 1}')
            path.write_text(text)
        machine.has(7)
        room.finished(mine)
        machine.has(90)
        assert is_running(elsewhere, foreign)
        for name in (old, reused):
            assert read_note(room.folder(name)) is None
            assert not (room.folder(name) / "exit").exists()
    finally:
        for name in (old, reused):  # the marks are in their spec, too
            procs.settle(room.folder(name))
        elsewhere.clean()


def test_decoys_with_its_marks_elsewhere_are_left_alone(
    room: Room, machine: Machine, run: Watchdog
) -> None:
    """A process that carries a mark of another turn, and works in the very folder of the victim."""
    name = eater(room, "a.1", 60)
    decoy = subprocess.Popen(
        ["sleep", "300"],
        cwd=room.folder(name),
        env={procs.MARK_VARIABLE: f"test-{secrets.token_hex(8)}", "GANGSAW_ATTEMPT": "a.1"},
    )
    try:
        machine.has(7)
        room.finished(name)
        assert decoy.poll() is None
    finally:
        decoy.kill()
        decoy.wait()


def test_only_one_watchdog_acts_and_the_newer_follows(room: Room, machine: Machine) -> None:
    first, second = (Watchdog(room.root, machine.bounds) for _ in range(2))
    first.start()
    lock = room.root / sentry.LOCK
    until(lambda: lock.exists() or None, "the lock")
    second.start()
    try:
        until(lambda: first.ended() is not None or None, "the end of the first")
        name = eater(room, "a.1", 60)
        machine.has(7)
        room.finished(name)
        assert second.ended() is None
    finally:
        first.close(dismiss=True)
        second.close(dismiss=True)


def test_it_goes_when_it_is_dismissed_and_when_its_folder_vanishes(
    room: Room, machine: Machine
) -> None:
    dismissed, without = (Watchdog(room.root.parent / name, machine.bounds) for name in "ab")
    dismissed.start()
    pid = dismissed.pid
    assert pid is not None
    dismissed.close(dismiss=True)
    assert is_dead(pid)
    without.start()
    folder = room.root.parent / "b"
    until(lambda: (folder / sentry.LOCK).exists() or None, "its first look")
    (folder / sentry.CONF).unlink()
    assert until(lambda: [code] if (code := without.ended()) is not None else None, "its end") == [
        0
    ]


def test_killed_at_any_moment_it_leaves_nothing_wrong(
    room: Room, machine: Machine, tmp_path: Path
) -> None:
    """The note comes before the signal: a turn with a note that nobody stopped ends as it would
    have, and says so; the next watchdog goes on."""
    name = eater(room, "a.1", 60)
    turn = suspects.Turn("a.1", str(room.folder(name)), (room.folder(name) / "started").read_text())
    sentry.write_note(str(room.root), turn, levels.Memory(TOTAL_KB, 1, 0.0), 60_000)
    watchdog = Watchdog(room.root, machine.bounds)
    watchdog.start()
    assert watchdog.pid is not None
    sigkill(watchdog.pid)
    until(lambda: watchdog.ended() == -signal.SIGKILL or None, "its end")
    assert is_running(room, name)
    watchdog.start()
    machine.has(7)
    assert room.finished(name).stop_asked
    watchdog.close(dismiss=True)


def test_the_room_of_the_note_is_taken_in_advance(room: Room, machine: Machine) -> None:
    watchdog = Watchdog(room.root, machine.bounds)
    watchdog.start()
    spare = room.root / sentry.SPARE
    until(lambda: spare.exists() and spare.stat().st_size == sentry.RECORD_BYTES, "its room")
    watchdog.close(dismiss=True)


# --- when and whom, without processes --------------------------------------------------------


def reading(available_pct: float, full_pct: float = 0.0) -> levels.Memory:
    return levels.Memory(TOTAL_KB, int(TOTAL_KB * available_pct / 100), full_pct)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, 9)], None),
        ([(0, 9), (1, 9), (2, 9), (3, 9)], 3),
        ([(0, 9), (1, 9), (2, 11), (3, 9), (4, 9), (5, 9)], None),  # it was better between
        ([(0, 9), (0.5, 4), (1, 4)], 1),  # half of what was left is gone
        ([(0, 9), (0.2, 9), (1, 9)], None),
        ([(0, 9), (100, 9), (100.2, 9)], None),  # it was stopped itself: nothing is known
        ([(0, 9), (100, 9), (100.2, 9), (100.4, 9)], 100.4),
        ([(0, 10)] * 9, None),  # exactly the level is not below it
    ],
)
def test_patience(readings: list[tuple[float, float]], expected: float | None) -> None:
    patience = levels.Patience(HARD_PCT, 3.0)
    found = [now for now, pct in readings if patience.is_over(reading(pct), now)]
    assert next(iter(found), None) == expected


def test_patience_is_shorter_where_everybody_waits_for_memory() -> None:
    patience = levels.Patience(HARD_PCT, 3.0)
    assert [patience.is_over(reading(9, 25.0), now) for now in (0, 0.5, 1.0)] == [
        False,
        False,
        True,
    ]


def test_after_an_end_the_level_must_last_anew() -> None:
    patience = levels.Patience(HARD_PCT, 1.0)
    assert [patience.is_over(reading(9), now) for now in (0, 0.5, 1.0)][-1]
    patience.begin_anew(1.0)
    moments = [1.2, 1.6, 2.0, 2.4, 2.8, 3.0, 3.2]
    over = [now for now in moments if patience.is_over(reading(9), now)]
    assert over == [3.0, 3.2]


def turn(name: str, rss_kb: int) -> suspects.Turn:
    record = '{"mark": "m", "shim_pid": 2, "shim_ticks": 1, "agent_pid": 3, "agent_ticks": 1}'
    made = suspects.Turn(name, name, record)
    made.rss_kb, made.tree = rss_kb, [rss_kb]
    return made


def test_the_largest_is_found_by_its_exact_size() -> None:
    """What forks share counts for each of them in the quick figure: the exact one decides, and is
    asked for only where it may."""
    asked: list[int] = []
    exact = {900: 100, 500: 450, 400: 390}

    def weigh(pids: list[int]) -> int:
        asked.append(pids[0])
        return exact[pids[0]]

    turns = [turn("forks", 900), turn("c", 400), turn("b", 500)]
    found = suspects.largest(turns, 50, weigh)
    assert found is not None
    assert (found[0].attempt, found[1]) == ("b", 450)
    assert asked == [900, 500]
    assert suspects.largest(turns, 500, weigh) is None
    assert suspects.largest([turn("small", 40)], 50, weigh) is None
    stuck = suspects.largest(turns, 50, lambda pids: None)
    assert stuck is not None
    assert stuck[0].attempt == "forks"


def test_memory_is_what_the_tightest_limit_leaves(tmp_path: Path) -> None:
    stat = f"cache 1\ninactive_file 0\ntotal_inactive_file {100 << 20}\n"
    files = {"limit": f"{500 << 20}\n", "used": f"{400 << 20}\n", "stat": stat}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pressure").write_text(
        "some avg10=7.00 avg60=1.00 total=1\nfull avg10=3.50 avg60=1.00 total=1\n"
    )
    machine = Machine(tmp_path)
    limit = LimitFiles(*(str(tmp_path / name) for name in files))
    bounds = replace(machine.bounds, limits=[limit], pressure=str(tmp_path / "pressure"))
    memory = levels.read_memory(levels.Conf(bounds.text("x")))
    assert memory is not None
    assert (memory.total_kb, memory.available_kb) == (500 << 10, 200 << 10)
    assert memory.full_pct == 3.5
    (tmp_path / "limit").write_text("max\n")
    memory = levels.read_memory(levels.Conf(bounds.text("x")))
    assert memory is not None
    assert memory.total_kb == TOTAL_KB
    machine.meminfo.write_text("nothing\n")
    assert levels.read_memory(levels.Conf(bounds.text("x"))) is None


def test_exact_sizes_come_from_the_kernel() -> None:
    scales = suspects.Scales()
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        # Before that it is still becoming what it is to be.
        child.stdout.readline()
        assert (scales.weigh([child.pid]) or 0) > 500
        assert scales.weigh([]) == 0
    finally:
        child.kill()
        child.wait()
        assert child.stdin is not None
        child.stdin.close()
        child.stdout.close()


@pytest.mark.parametrize("text", ["", "protocol 2\n", "hard_pct 5\n"])
def test_bounds_of_another_version_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="another watchdog"):
        levels.Conf(text)


def test_a_record_is_read_as_the_shim_writes_it() -> None:
    record = shim.to_json({"mark": "a-b", "shim_pid": 12, "boot_id": "x", "at": 1.5}).decode()
    assert suspects.text_of(record, "mark") == "a-b"
    assert suspects.count_of(record, "shim_pid") == 12
    for broken in ("", "{}", '{"shim_pid": }'):
        with pytest.raises(ValueError):
            suspects.count_of(broken, "shim_pid")
        with pytest.raises(ValueError):
            suspects.text_of(broken, "mark")


def test_a_shell_of_the_tree_is_in_it(room: Room, machine: Machine, run: Watchdog) -> None:
    """Children of a shell agent count for it: alone each is small."""
    big = "b.1/turn-1"
    room.folder(big).parent.mkdir(parents=True)
    script = f'for i in 1 2 3; do {sys.executable} -I -S -c "$EAT" & done; wait'
    room.launch(shell(script, EAT=EAT, SIZE_MB="30"), big)
    room.started(big)
    until(lambda: room.output(big).count("full") == 3 or None, "its memory")
    single = eater(room, "a.1", 50)
    machine.has(7)
    room.finished(big)
    assert is_running(room, single)


def test_a_budget_of_all_agents_counts_what_they_share_once(room: Room, machine: Machine) -> None:
    """Four processes with the same memory are far within it, one more attempt is not."""
    bounds = replace(machine.bounds, budget_mb=200.0)
    watchdog = Watchdog(room.root, bounds)
    watchdog.start()
    try:
        forks = EAT.replace(
            "    time.sleep(300)", "    os.fork() or os.fork()\n    time.sleep(300)"
        )
        shared = eater(room, "a.1", 70, forks)
        large = eater(room, "b.1", 120)
        room.finished(large)
        assert read_note(room.folder(large)) is not None
        assert is_running(room, shared)
        assert read_note(room.folder(shared)) is None
    finally:
        watchdog.close(dismiss=True)


def test_whoever_watches_can_be_ended(room: Room, machine: Machine, run: Watchdog) -> None:
    until(lambda: end_watchdog(room.root) or None, "a watchdog that says who it is")
    assert until(lambda: run.ended() or None, "its end") == -signal.SIGTERM
    assert not end_watchdog(room.root)
    # Numbers in the file alone mean nobody: somebody has to hold the lock.
    (room.root / sentry.LOCK).write_text(f"{os.getpid()} {shim.start_ticks(os.getpid())}\n")
    assert not end_watchdog(room.root)


def test_bounds_for_another_life_are_not_its_own(room: Room, machine: Machine) -> None:
    """An engine that was killed right after it started one, and the next one has written."""
    room.root.mkdir(parents=True)
    (room.root / sentry.CONF).write_text(machine.bounds.text("a"))
    with pytest.raises(ValueError, match="another engine"):
        sentry.Sentry(str(room.root), "b")
