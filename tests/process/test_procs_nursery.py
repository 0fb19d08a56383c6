"""The nursery: its forks are shims in every respect, and its death at any moment costs nothing."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gangsaw import procs
from gangsaw.core.launch import Ended, LaunchSpec
from gangsaw.procs import shim
from gangsaw.procs.probe import lock_held
from tests.process.turns import PATH, Room, shell, sigkill, spawn_python, until

# Waiting for an answer is poll or ppoll, then recvfrom.
WAITING = {"x86_64": ("7 ", "45 "), "aarch64": ("73 ", "207 ")}.get(os.uname().machine)
STEPS = ["received", "forked", "closed", "answered"]
ENGINE = """if True:
    import os, sys
    from pathlib import Path
    from gangsaw import procs
    from gangsaw.core.launch import LaunchSpec
    root, path, mark, script = sys.argv[1:]
    spec = LaunchSpec(("sh", "-c", script), "/", (("PATH", path),))
    with procs.Nursery(answer_max_s=600) as nursery:
        procs.launch(Path(root) / "first", spec, mark=mark + "-first", grace_s=1)
        print(nursery.pid, flush=True)
        sys.stdin.readline()
        procs.launch(Path(root) / "second", spec, mark=mark + "-second", grace_s=1)
        print("launched", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Turn folders; each test opens a nursery of its own."""
    made = Room(tmp_path / "turns")
    yield made
    made.clean()


def fields_of(pid: int) -> list[str]:
    """Of /proc/PID/stat: state 0, parent 1, group 2, session 3."""
    return shim.stat_fields(pid) or ["gone", "0", "0", "0"]


def targets(pid: int) -> dict[int, str]:
    """What the descriptors of a process stand for; numbers of pipes and sockets left out."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{name}")
        found[int(name)] = target.partition(":[")[0] if ":[" in target else target
    return found


def kinds(pid: int, turn: str) -> list[str]:
    """The same without numbers and without the name of the turn."""
    return sorted(target.replace(f"/{turn}", "/turn") for target in targets(pid).values())


def pid_of(nursery: procs.Nursery) -> int:
    assert nursery.pid is not None
    return nursery.pid


def started(room: Room, name: str, script: str = "exec sleep 86399") -> int:
    """The pid of the shim of a turn that runs."""
    assert isinstance(room.launch(shell(script), name, grace_s=0), procs.Started)
    return room.started(name).shim.pid


def test_a_fork_is_what_a_spawned_shim_is(room: Room) -> None:
    spawned = started(room, "spawned")
    with procs.Nursery() as nursery:
        started(room, "before")
        forked = started(room, "forked")
        assert fields_of(forked)[1] == str(nursery.pid)
        assert fields_of(spawned)[1] == str(os.getpid())
        for pid in (spawned, forked):
            assert fields_of(pid)[2:4] == [str(pid)] * 2
        # Both let go of their agent only after it is on record.
        until(lambda: kinds(spawned, "spawned") == kinds(forked, "forked"), "equal descriptors")
        for number in (0, 1, 2):
            assert targets(forked)[number] == targets(spawned)[number]
        status = [Path(f"/proc/{pid}/status").read_text() for pid in (spawned, forked)]
        kept = [
            [line for line in text.splitlines() if line[:6] in ("SigBlk", "Seccom", "Umask:")]
            for text in status
        ]
        assert kept[0] == kept[1]


def test_each_shim_is_found_by_its_own_mark_only(room: Room) -> None:
    with procs.Nursery() as nursery:
        pids = {name: started(room, name) for name in ("one", "two", "three")}
        for name, pid in pids.items():
            agent = room.started(name).agent.pid
            assert {one.pid for one in procs.holders(room.folder(name))} == {pid, agent}
        sigkill(pids["two"])
        until(lambda: not isinstance(procs.probe(room.folder("two")), procs.Running), "its end")
        assert procs.settle(room.folder("two")) == 1  # its agent
        for name in ("one", "three"):
            assert isinstance(procs.probe(room.folder(name)), procs.Running)
            assert procs.kill(room.folder(name))
            room.finished(name)
        assert fields_of(pid_of(nursery))[0] in "SR"
    assert room.leftovers() == []


def test_a_short_mark_leaves_nothing_of_a_longer_one(room: Room) -> None:
    with procs.Nursery():
        for mark in ("m" * 128, "short-mark"):
            folder = room.root / mark
            procs.launch(folder, shell("sleep 86399"), mark=mark, grace_s=0)
            room.marks[folder] = mark
            entries = Path(f"/proc/{room.started(mark).shim.pid}/environ").read_bytes().split(b"\0")
            assert {one for one in entries if one.startswith(b"GANGSAW_MARK")} == {
                f"GANGSAW_MARK={mark}".encode()
            }
            procs.kill(folder)
            room.finished(mark)


def test_the_nursery_keeps_no_descriptor_and_no_zombie(room: Room) -> None:
    with procs.Nursery() as nursery:
        room.run(shell("true"), "first")
        pid = pid_of(nursery)
        before = targets(pid)
        for turn in range(20):
            room.launch(shell("true"), str(turn))
        for turn in range(20):
            room.finished(str(turn))
        assert targets(pid) == before
        assert not any(name in str(before) for name in ("lock", "memfd"))
        children = Path(f"/proc/{pid}/task/{pid}/children")
        until(lambda: children.read_text() == "", "the reaping of all shims")


def test_the_second_nursery_does_nothing_and_a_closed_one_neither(room: Room) -> None:
    with procs.Nursery() as nursery, procs.Nursery() as second:
        room.run(shell("true"), "one")
        assert second.pid is None
        pid = pid_of(nursery)
    assert fields_of(pid)[0] == "gone"
    assert nursery.pid is None
    assert fields_of(started(room, "two"))[1] == str(os.getpid())
    procs.kill(room.folder("two"))
    room.finished("two")


@pytest.mark.parametrize("step", STEPS)
def test_a_nursery_killed_at_any_step_loses_no_launch(
    room: Room, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The launch during which it dies, the next one, which starts another, and those after that
    one's death: each is executed once."""
    ledger = room.root / "ledger"
    with procs.Nursery() as nursery:
        room.run(shell("true"), "first")
        begun = [pid_of(nursery)]
        for turn in ("a", "b", "c"):
            monkeypatch.setenv("GANGSAW_SHIM_FAULT", f"kill@nursery-{step}")
            script = shell(f"echo {turn} >> {ledger}; exit 9")
            assert isinstance(room.launch(script, turn), procs.Started)
            monkeypatch.delenv("GANGSAW_SHIM_FAULT")
            assert room.finished(turn).outcome == Ended(code=9, signal=None)
            until(lambda: fields_of(begun[-1])[0] in ("Z", "gone"), "the nursery's death")
            if nursery.pid is not None:
                begun.append(nursery.pid)
    assert sorted(ledger.read_text().split()) == ["a", "b", "c"]
    assert len(set(begun)) <= 2
    assert room.leftovers() == []


@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM"])
def test_a_nursery_that_cannot_fork_is_done_without(
    room: Room, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    with procs.Nursery() as nursery:
        room.run(shell("true"), "first")
        monkeypatch.setenv("GANGSAW_SHIM_FAULT", f"{error}@nursery-received")
        assert fields_of(started(room, "second"))[1] == str(os.getpid())
        monkeypatch.delenv("GANGSAW_SHIM_FAULT")
        assert fields_of(started(room, "third"))[1] == str(nursery.pid)
        for name in ("second", "third"):
            procs.kill(room.folder(name))
            room.finished(name)


def test_a_silent_nursery_is_ended_and_done_without(room: Room) -> None:
    ledger = room.root / "ledger"
    with procs.Nursery(answer_max_s=0.2) as nursery:
        for name in ("one", "two", "three"):
            room.run(shell("true"), name)
            if nursery.pid is not None:
                os.kill(nursery.pid, signal.SIGSTOP)
            assert room.run(shell(f"echo {name} >> {ledger}"), f"{name}-again")
            assert nursery.pid is None
    assert ledger.read_text() == "one\ntwo\nthree\n"


def killed_engine(room: Room) -> tuple[int, Path]:
    """The stopped nursery of an engine that was killed while the request for the second launch
    was on its way between them; and the ledger of the agents."""
    ledger = room.root / "ledger"
    room.root.mkdir(exist_ok=True)
    for name in ("first", "second"):
        room.marks[room.root / name] = f"test-transit-{name}"
    script = f"echo ran >> {ledger}; exit 9"
    engine = spawn_python(ENGINE, str(room.root), PATH, "test-transit", script)
    assert engine.stdin is not None
    assert engine.stdout is not None
    nursery = int(engine.stdout.readline())
    room.finished("first")
    ledger.unlink()
    os.kill(nursery, signal.SIGSTOP)
    until(lambda: fields_of(nursery)[0] == "T", "the stopped nursery")
    engine.stdin.write("\n")
    engine.stdin.flush()
    spec = room.root / "second" / "spec.json"
    call = Path(f"/proc/{engine.pid}/syscall")

    def sent() -> bool:
        return spec.exists() and call.read_text().startswith(WAITING or ())

    until(sent, "the request")
    engine.kill()
    engine.communicate()
    return nursery, ledger


@pytest.mark.skipif(
    WAITING is None or not os.access("/proc/self/syscall", os.R_OK),
    reason="cannot see what another process waits for",
)
@pytest.mark.parametrize("end", ["lives", "dies"])
def test_an_engine_killed_with_a_launch_on_its_way_is_told_the_truth(room: Room, end: str) -> None:
    nursery, ledger = killed_engine(room)
    folder = room.folder("second")
    assert procs.probe(folder) == procs.Starting()
    assert room.launch(shell("exit 1"), "second") == procs.AlreadyClaimed()
    if end == "lives":
        os.kill(nursery, signal.SIGCONT)
    else:
        sigkill(nursery)
        until(lambda: not lock_held(folder), "the free lock")
        assert procs.probe(folder) == procs.Absent()
        assert not ledger.exists()
        script = f"echo ran >> {ledger}; exit 9"
        assert isinstance(room.launch(shell(script), "second"), procs.Started)
    assert room.finished("second").outcome == Ended(code=9, signal=None)
    assert ledger.read_text() == "ran\n"
    until(lambda: fields_of(nursery)[0] in ("Z", "gone"), "the nursery's end")


def test_a_turn_that_never_leaves_its_start_is_freed_of_who_holds_its_lock(room: Room) -> None:
    """A nursery that stopped with a launch in its hands, and whose engine is dead: nothing marks
    it as the turn's, but it holds the lock, so that nobody else may launch."""
    code = """if True:
        import sys
        from pathlib import Path
        from gangsaw import procs
        from gangsaw.core.launch import LaunchSpec
        root, path, mark = sys.argv[1:]
        with procs.Nursery(answer_max_s=600):
            spec = LaunchSpec(("true",), "/", (("PATH", path),))
            procs.launch(Path(root) / "turn", spec, mark=mark, grace_s=1)
    """
    folder = room.folder()
    args = (str(room.root), PATH, room.marks[folder])
    engine = spawn_python(code, *args, GANGSAW_SHIM_FAULT="stop@nursery-received")
    children = Path(f"/proc/{engine.pid}/task/{engine.pid}/children")
    nursery = int(until(lambda: children.read_text().split(), "the nursery")[0])
    until(lambda: fields_of(nursery)[0] == "T", "the stopped nursery")
    engine.kill()
    engine.communicate()
    assert procs.probe(folder) == procs.Starting()
    assert procs.holders(folder) == []
    assert procs.settle(folder) == 1
    until(lambda: procs.probe(folder) == procs.Absent(), "the free lock")
    assert room.run(shell("exit 9")).outcome == Ended(code=9, signal=None)


def test_the_nursery_ends_with_its_engine_and_the_shims_live_on(room: Room) -> None:
    go = room.root / "go"
    for name in ("first", "second"):
        room.marks[room.root / name] = f"test-orphan-{name}"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; exit 6"
    engine = spawn_python(ENGINE, str(room.root), PATH, "test-orphan", script)
    assert engine.stdin is not None
    assert engine.stdout is not None
    nursery = int(engine.stdout.readline())
    engine.stdin.write("\n")
    engine.stdin.flush()
    assert engine.stdout.readline() == "launched\n"
    records = [room.started(name) for name in ("first", "second")]
    engine.kill()
    engine.communicate()
    until(lambda: fields_of(nursery)[0] in ("Z", "gone"), "the nursery's end")
    for name, record in zip(("first", "second"), records, strict=True):
        assert procs.probe(room.folder(name)) == procs.Running(record)
    with procs.Watch() as watch:
        for name in ("first", "second"):
            watch.add(room.folder(name))
        assert watch.wait(0.1) == set()
        go.touch()
        seen = watch.wait(60)
        if len(seen) == 1:
            seen |= watch.wait(60)
        assert seen == {room.folder("first"), room.folder("second")}
    for name in ("first", "second"):
        assert room.finished(name).outcome == Ended(code=6, signal=None)


def test_a_watched_fork_is_not_polled_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known by pid and start from the answer on, before it has recorded anything."""
    with procs.Nursery(), procs.Watch() as watch:
        monkeypatch.setenv("GANGSAW_SHIM_FAULT", "stop@claim")
        first = room.launch(shell("exit 7"))
        monkeypatch.delenv("GANGSAW_SHIM_FAULT")
        assert isinstance(first, procs.Started)
        until(lambda: fields_of(first.shim_pid)[0] == "T", "the stopped shim")
        assert fields_of(first.shim_pid)[3] == str(first.shim_pid)  # in no session of ours
        watch.add(room.folder())
        assert watch.wait(0) == set()
        numbers = os.listdir("/proc/self/fd")
        assert sum(f"Pid:\t{first.shim_pid}\n" in _fdinfo(number) for number in numbers) == 1
        os.kill(first.shim_pid, signal.SIGCONT)
        assert watch.wait(60) == {room.folder()}
    assert room.finished().outcome == Ended(code=7, signal=None)


def _fdinfo(number: str) -> str:
    """What the system tells of a descriptor of ours: of a pidfd, its process."""
    try:
        return Path(f"/proc/self/fdinfo/{number}").read_text()
    except OSError:
        return ""


def test_threads_and_a_murderer(room: Room) -> None:
    """Six threads, and a seventh that kills the nursery now and then: every turn runs once."""
    ledger = room.root / "ledger"
    room.root.mkdir(exist_ok=True)
    rounds, lanes, turns = 4, 6, 5
    chance = random.Random(7)
    for number in range(rounds):
        over = threading.Event()
        with procs.Nursery() as nursery:

            def murder(nursery: procs.Nursery = nursery, over: threading.Event = over) -> None:
                while not over.wait(chance.random() / 20):
                    pid = nursery.pid
                    if pid is not None:
                        try:
                            sigkill(pid)
                        except ProcessLookupError:
                            continue

            def lane(lane: int, number: int = number) -> None:
                for turn in range(turns):
                    name = f"{number}-{lane}-{turn}"
                    spec = LaunchSpec(
                        ("sh", "-c", f"echo {name} >> {ledger}"), "/", (("PATH", PATH),)
                    )
                    assert isinstance(room.launch(spec, name), procs.Started)

            threads = [threading.Thread(target=lane, args=(each,)) for each in range(lanes)]
            murderer = threading.Thread(target=murder)
            for thread in (*threads, murderer):
                thread.start()
            for thread in threads:
                thread.join()
            over.set()
            murderer.join()
    for folder in list(room.marks):
        assert room.finished(folder.name).outcome == Ended(code=0, signal=None)
    expected = [f"{n}-{la}-{t}" for n in range(rounds) for la in range(lanes) for t in range(turns)]
    assert Counter(ledger.read_text().split()) == Counter(expected)
    assert room.leftovers() == []
